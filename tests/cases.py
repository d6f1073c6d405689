"""Numbered faults and bad inputs that the program must handle: the required behaviour, and its tests.

A test names its cases with `@pytest.mark.case(NUMBER)`. A run with such a test ends with one line per case;
docs/faults.md has the table and the names of the tests; a unit test keeps it up to date.
"""

import ast
import functools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

TESTS = Path(__file__).resolve().parent
NOTHING = "nothing yet"


@dataclass(frozen=True, slots=True)
class Case:
    """A fault or bad input, and the behaviour that it requires."""

    fault: str
    must: str
    """Required behaviour."""
    weak: str = ""
    """How its tests fall short of the case; empty if they do not."""


_CASES = {
    1: Case(
        "the node is killed (SIGKILL) at random moments while it writes a wallet",
        "it starts again, and every wallet is complete or is restored from its temporary copy",
    ),
    2: Case(
        "`docker stop` of a busy node",
        "it exits with 0 within its grace period, and the database is closed",
    ),
    3: Case(
        "a power cut while the node writes",
        "the node starts, or its chain database is reset as its settings say; the wallet is intact",
        "the disk is a file, and loses no cache of its own; without peers, a node writes its chain only at "
        "its start",
    ),
    4: Case(
        "a damaged wallet next to a complete temporary copy",
        "the message proposes the copy; nothing is deleted",
    ),
    5: Case(
        "a damaged chain database",
        "the message names the remedy; the wallet is untouched",
    ),
    6: Case(
        "a version of the node that is older than its chain database",
        "the preview refuses or warns before the old container is stopped",
    ),
    7: Case(
        "a full data volume",
        "the node exits with an error and is unhealthy; the wallet is intact once there is space",
    ),
    8: Case(
        "a full disk of the builder",
        "the error names it, no tag is incomplete, and a retry works",
    ),
    9: Case(
        "a registry that is down before the push",
        "`up` fails, the state has no image, and the next `up` compiles nothing again",
    ),
    10: Case(
        "a connection to a registry that is cut in the middle of a blob",
        "no tag or list points to a missing blob; the retry sends only the rest",
    ),
    11: Case(
        "a push of one variant that fails",
        "the list is neither created nor moved; the old tag still serves",
    ),
    12: Case(
        "wrong or expired credentials",
        "the state is kept, one line names the registry, and no password is printed",
    ),
    13: Case(
        "a registry that refuses deletions",
        "a destroy completes and says what stays",
    ),
    14: Case(
        "a tag that somebody else moved",
        "a refresh shows it; nodes keep their digests",
    ),
    15: Case(
        "Ctrl-C, or a kill of `pulumi up`, while it builds, pushes or deploys",
        "the next `up` completes the work; no container is left over, and no name exists twice",
    ),
    16: Case(
        "two updates at the same time",
        "one runs, and the other names who holds the lock; the state stays valid",
    ),
    17: Case(
        "the lock of a process that has died",
        "`make up` removes it if the process ran on the same machine; plain `pulumi` names `pulumi cancel`",
    ),
    18: Case(
        "a container that was removed, stopped or edited by hand",
        "a refresh and `up` restore it; volumes are kept",
    ),
    19: Case(
        "a wallet volume that was removed by hand",
        "the preview says that the wallet is gone; no empty wallet takes its place silently",
    ),
    20: Case(
        "`pulumi destroy`",
        "it stops at the protected wallet and names the next command; the next `up` uses the same wallet",
    ),
    21: Case(
        "a renamed node, or a moved resource",
        "aliases keep the volumes from being replaced",
    ),
    22: Case(
        "an ssh host that is down, has no Docker or an unknown host key, or refuses the key",
        "that host fails, by name, in 30 s at most; the others are deployed",
    ),
    23: Case(
        "an image of another architecture than the host's",
        "it is refused; the message is never just “exec format error”",
    ),
    24: Case(
        "a base image of the wrong platform",
        "the check of ELF headers and image configuration fails the build; nothing is tagged",
    ),
    25: Case(
        "a port that is taken, or that two nodes of a host want",
        "an error before any change names the holder of the port and the key of the setting",
    ),
    26: Case(
        "impossible names, tags, architectures and keys",
        "all errors are reported at once, with the key and the allowed values",
    ),
    27: Case(
        "a secret given in plain text",
        "it is refused, and the message names `config set --secret`",
    ),
    28: Case(
        "a wrong or missing passphrase",
        "the error says so, and the state is unchanged",
    ),
    29: Case(
        "arguments of a node with quotes, spaces and newlines",
        "the node gets them as they were written",
    ),
    30: Case(
        "a volume of another user, or one that is read-only",
        "the message has the command that repairs it; Docker starts the node ever less often",
    ),
    31: Case(
        "a Swarm node that is lost and comes back (this program deploys to no Swarm)",
        "its task waits for it; a wallet never has two writers",
    ),
    32: Case(
        "umask 077, no HOME, another locale, time zone or time",
        "the digests and the behaviour are the same",
        "`make up` refuses a wrong clock by its registry's certificate, so no image is built with one",
    ),
    33: Case(
        "a secret file, a socket, a file of 1 GB or a broken link in a build context",
        "hidden files at the top are left out; a secret or a large file causes a warning that names it",
    ),
    34: Case(
        "a truncated state file",
        "one documented command restores it from the backend's own copy",
    ),
    35: Case(
        "a wallet volume that was emptied, created again, exchanged or rolled back by hand",
        "a refreshed preview shows it, and `up` refuses it and says how to restore it",
    ),
    36: Case(
        "two nodes, stacks or spellings of a host that use one wallet volume",
        "the second one is refused before it starts",
    ),
    37: Case(
        "a container that is replaced by drift, `--replace`, another plugin or an import",
        "its wallet is copied first",
    ),
    38: Case(
        "a copy or backup on a full disk, killed, empty, incomplete, truncated or of another node",
        "it never counts as the newest good one, overwrites nothing, and leaves nothing behind",
    ),
    39: Case(
        "a new version that is unhealthy, or a board that is cut off in the middle of a replacement",
        "the old digest runs again, even without the operator's machine; other nodes are untouched",
    ),
    40: Case(
        "a board with its own loopback, disk and clock, whose link drops in the middle of a layer",
        "its image arrives through ssh or from a named registry; the retry sends only the rest",
        "the boards of the tests have no disk and no clock of their own",
    ),
    41: Case(
        "an unprivileged local process that calls a provider, the builder, the registry or a node",
        "it is refused",
        "Pulumi's monitor and its own plugins answer every caller (ADR 38)",
    ),
    42: Case(
        "a build step that calls loopback, the engine, the registry or a node",
        "it can't reach them, but it reaches package registries",
    ),
    43: Case(
        "a workspace folder that holds the program or its state, is a link, or is a home",
        "it is refused, and no file of another owner is written",
    ),
    44: Case(
        "a separate engine that is started, stopped and started again next to the machine's",
        "the machine's bridges, rules, binfmt handlers and files are as before",
    ),
    45: Case(
        "a variant that fails its verification after the push",
        "no public tag has moved",
    ),
    46: Case(
        "a set-up that changes from the stand-in docker plugin to the official one, or back",
        "it is refused with the consequences, or one command does it and the next preview is empty",
        "the official plugin can't be downloaded here: its recorded answers and states are used",
    ),
    47: Case(
        "a reader's login that pushes or deletes; a token that expires in the middle of an upload",
        "the first is refused, the second is renewed",
    ),
    48: Case(
        "a pinned version that is not the newest, or has a known vulnerability",
        "`release pins` and `release audit` say so, with the newer or the fixed version",
    ),
}
CASES: Mapping[int, Case] = MappingProxyType(_CASES)

Outcome = tuple[tuple[str, ...], str]
"""(numbers of a test's cases, outcome of the test)."""


@functools.cache
def parsed(file: Path) -> ast.Module:
    """Syntax tree of a file of the tests, which several tests look at."""
    return ast.parse(file.read_text())


@functools.cache
def names_by_case() -> Mapping[int, list[str]]:
    """Map the number of each case to the names of its tests, in all tiers; read from their source."""
    found: dict[int, list[str]] = defaultdict(list)
    for file in sorted(TESTS.rglob("test_*.py")):
        # Parsing all files takes seconds.
        for node in parsed(file).body if "mark.case(" in file.read_text() else ():
            if isinstance(node, ast.FunctionDef):
                for number in _numbers(node):
                    found[number].append(node.name)
    return found


def tried_cases() -> set[int]:
    """Numbers of the cases that have a test, in any tier."""
    marks = re.compile(r"^@pytest\.mark\.case\((.*)\)$", re.MULTILINE)
    return {
        int(number)
        for file in TESTS.rglob("test_*.py")
        for numbers in marks.findall(file.read_text())
        for number in numbers.split(",")
    }


@functools.cache
def slow_names() -> frozenset[str]:
    """Names of the tests that `make soak` runs, and `make test` does not; read from their source."""
    found = set()
    for file in sorted(TESTS.rglob("test_*.py")):
        text = file.read_text()
        every = TESTS / "soak" in file.parents or "\npytestmark = pytest.mark.long\n" in text
        # Parsing all files takes seconds.
        tree = parsed(file) if every or "pytest.mark.long" in text else ast.Module([], [])
        found |= {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and (every or _is_long(node))
        }
    return frozenset(found)


def _is_long(test: ast.FunctionDef) -> bool:
    return any(ast.unparse(mark) == "pytest.mark.long" for mark in test.decorator_list)


def _numbers(test: ast.FunctionDef) -> Iterator[int]:
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.case":
            yield from (ast.literal_eval(argument) for argument in mark.args)


def table(outcomes: Iterable[Outcome]) -> list[str]:
    """Format one line per case: its number, the fault, and the outcomes of its tests in this run."""
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for numbers, outcome in outcomes:
        for number in numbers:
            counts[int(number)][outcome] += 1
    # Every run ends with this, and parsing all files takes a second.
    tried = tried_cases()
    rows = [
        (str(number), case.fault, _ended(counts[number], number in tried, case))
        for number, case in CASES.items()
    ]
    width = max(len(fault) for _, fault, _ in rows)
    return [f"{number:>4}  {fault:{width}}  {ended}" for number, fault, ended in rows]


def _ended(counts: Counter[str], has_tests: bool, case: Case) -> str:
    if not has_tests:
        return NOTHING
    ended = ", ".join(f"{many} {what}" for what, many in sorted(counts.items())) or "not in this run"
    return f"{ended} (weak)" if case.weak else ended


def page() -> str:
    """Render docs/faults.md."""
    tried = {number: list(dict.fromkeys(names)) for number, names in names_by_case().items()}
    lines = [
        "# Faults, and the tests that try them",
        "",
        "What must happen when a disk, a network, a registry, a program or a person fails. A fault is",
        "“weakly” tried if its tests are easier than the fault itself; the note says in which way.",
        "`make test` ends with a line for each fault; tests marked “soak” run only in `make soak`.",
        "`UPDATE_SNAPSHOTS=1 make unit` makes this page from `tests/cases.py`.",
        "",
        "| # | fault | what must happen | tried by |",
        "|---|---|---|---|",
    ]
    for number, case in CASES.items():
        count = len(tried.get(number, ()))
        tests = f"{count} test{'s' * (count != 1)}" if count else f"**{NOTHING}**"
        weak = f", **weakly**: {case.weak}" if case.weak else ""
        lines.append(f"| {number} | {case.fault} | {case.must} | {tests}{weak} |")
    lines += ["", "## The tests of each fault", ""]
    for number in CASES:
        if names := tried.get(number):
            marked = (f"`{name}`{' (soak)' * (name in slow_names())}" for name in names)
            lines.append(f"- {number}: {', '.join(marked)}")
    return "\n".join(lines) + "\n"
