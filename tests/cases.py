"""Numbered faults and bad inputs that the program must handle: the required behaviour, and its tests.

A test names its cases with `@pytest.mark.case(NUMBER)`. A run with such a test ends with one line per case;
docs/faults.md is the same table with the names of the tests, and a unit test keeps it up to date.
"""

import ast
import functools
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
        "SIGKILL of the node at random moments of wallet writes",
        "a restart heals; every wallet parses or is recovered from its temporary copy",
        "all states are enumerated and judged by the node's parser; no node is killed",
    ),
    2: Case(
        "`docker stop` under load",
        "exit 0 within the grace time, database closed",
        "the node has no load",
    ),
    3: Case(
        "power cut while the node writes",
        "the node starts, or its chain database is reset by policy; the wallet is intact",
        "the wallet's states are enumerated; the chain database has no part, and no power is cut",
    ),
    4: Case("damaged wallet next to a good temporary copy", "recovery proposes the copy and deletes nothing"),
    5: Case("chain database corrupt", "the message names the remedy; the wallet is untouched"),
    6: Case(
        "downgrade below the database's version",
        "the preview refuses or warns before the old container goes",
    ),
    7: Case(
        "data volume full",
        "the node exits non-zero and is unhealthy; the wallet is intact once there is space",
    ),
    8: Case("disk full on the builder", "a named error, no half tag; a retry works"),
    9: Case(
        "registry down before the push", "`up` fails, the state holds no image; the next one rebuilds nothing"
    ),
    10: Case(
        "registry cut in the middle of a blob",
        "no tag or list points to a missing blob; the retry sends only the rest",
    ),
    11: Case("one variant's push fails", "the list is neither made nor moved; the old tag still serves"),
    12: Case(
        "wrong or expired credentials", "the state is kept; one line names the registry; no password printed"
    ),
    13: Case("registry that refuses deletes", "destroy completes and says what stays"),
    14: Case("tag moved by someone else", "drift is shown; nodes keep their pinned digest"),
    15: Case(
        "Ctrl-C or kill of `pulumi up` while it builds, pushes, deploys",
        "the next `up` converges; no orphan container, no doubled name",
        "not while pushing, and each moment once",
    ),
    16: Case("two ups at once", "one runs, the other names who holds the lock; the state stays valid"),
    17: Case(
        "stale lock of a dead process",
        "`make up` removes one of its machine; plain `pulumi` names `pulumi cancel`",
    ),
    18: Case(
        "container removed, stopped or edited by hand",
        "refresh and `up` restore it; volumes are kept",
        "stopped and edited ones in the plugin's own tests only",
    ),
    19: Case(
        "wallet volume removed by hand", "the preview says that the wallet is gone; no silent empty wallet"
    ),
    20: Case(
        "`pulumi destroy`",
        "it stops at the protected wallet and says the next command; a second `up` adopts the same wallet",
    ),
    21: Case(
        "node renamed, resource moved",
        "aliases: volumes are not replaced",
        "a moved resource under mocks only",
    ),
    22: Case(
        "ssh host down, wrong key, unknown host key, no Docker there",
        "that host fails, by name, in 30 s at most; the others are deployed",
    ),
    23: Case("image of another architecture than the host's", "refused; never a bare “exec format error”"),
    24: Case(
        "base image of the wrong platform", "the build fails by the ELF and config check, nothing is tagged"
    ),
    25: Case(
        "port taken, or two nodes with one port on a host",
        "an error before any change, with the port's holder and the key",
    ),
    26: Case(
        "impossible names, tags, architectures, keys", "all errors at once, with key and allowed values"
    ),
    27: Case("a secret given as a plain value", "refused, with `config set --secret`"),
    28: Case(
        "wrong or missing passphrase",
        "a clear error, the state unchanged",
        "a small program in place of this one, and no missing passphrase",
    ),
    29: Case("node arguments with quotes, spaces, newlines", "they reach argv as written"),
    30: Case(
        "user-id mismatch, read-only volume",
        "a clear message with the command that mends it; no restart storm",
    ),
    31: Case("Swarm node lost and back", "the task waits for its node; never two writers on one wallet"),
    32: Case(
        "umask 077, no HOME, other locale and time zone, clock skew",
        "same digests, same behaviour",
        "no clock skew",
    ),
    33: Case(
        "secret file, socket, 1 GB file, broken link in a context",
        "kept out by default; a warning of the size",
    ),
    34: Case(
        "state file truncated",
        "restored from the backend's backup by one documented command",
    ),
    35: Case(
        "wallet volume emptied, re-created, swapped or rolled back by hand",
        "seen by a refreshed preview, refused by `up` with the way back",
    ),
    36: Case(
        "two nodes, stacks or spellings of a host on one wallet volume",
        "refused before the second one starts",
    ),
    37: Case(
        "container replaced by drift, `--replace`, another plugin, an import", "its wallet is copied first"
    ),
    38: Case(
        "copy or backup: disk full, killed, empty, torn, truncated, of another node",
        "never the newest good one; nothing overwritten, nothing left behind",
    ),
    39: Case(
        "new version unhealthy, or board cut off in the middle of a replacement",
        "the old digest runs again, also without the operator's machine; the fleet is untouched",
    ),
    40: Case(
        "board with a loopback, disk, clock and link of its own; link drops in a layer",
        "images arrive by ssh or a named registry; the retry sends only the rest",
        "no disk and no clock of its own",
    ),
    41: Case(
        "local process without rights calls a provider, the builder, the registry, a node",
        "refused",
        "Pulumi's monitor and own plugins answer whoever calls (ADR 38); builder and node were not called",
    ),
    42: Case(
        "build step calls loopback, the engine, the registry, a node",
        "no way there; package registries still answer",
    ),
    43: Case(
        "workspace folder that holds the program or its state, is a link, is a home",
        "refused; nothing of another owner is written",
    ),
    44: Case(
        "own engine started, stopped, started again next to the machine's",
        "the machine's bridges, rules, binfmt and files are as before",
    ),
    45: Case(
        "a variant fails its verification after its push",
        "no public name has moved",
    ),
    46: Case(
        "set-up changed from the stand-in docker plugin to the official one, or back",
        "refused with what it means, or done by one command with an empty preview",
        "the official plugin can't be had here: its recorded answers and states are tried",
    ),
    47: Case(
        "registry login of a reader pushes or deletes; token login expires in the middle", "refused; renewed"
    ),
    48: Case(
        "rebuilt pins, or a known vulnerability in what is shipped",
        "said by one command, with the fixed version",
    ),
}
CASES: Mapping[int, Case] = MappingProxyType(_CASES)

Outcome = tuple[tuple[str, ...], str]
"""(numbers of a test's cases, outcome of the test)."""


@functools.cache
def names_by_case() -> Mapping[int, list[str]]:
    """Map the number of each case to the names of its tests, in all tiers; read from their source."""
    found: dict[int, list[str]] = defaultdict(list)
    for file in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef):
                for number in _numbers(node):
                    found[number].append(node.name)
    return found


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
    tried = names_by_case()
    rows = [
        (str(number), case.fault, _ended(counts[number], tried.get(number), case))
        for number, case in CASES.items()
    ]
    width = max(len(fault) for _, fault, _ in rows)
    return [f"{number:>4}  {fault:{width}}  {ended}" for number, fault, ended in rows]


def _ended(counts: Counter[str], tests: list[str] | None, case: Case) -> str:
    if not tests:
        return NOTHING
    ended = ", ".join(f"{many} {what}" for what, many in sorted(counts.items())) or "not in this run"
    return f"{ended} (weak)" if case.weak else ended


def page() -> str:
    """Render docs/faults.md."""
    tried = names_by_case()
    lines = [
        "# Faults, and what tries them",
        "",
        "What must happen when a disk, a network, a registry, a program or a person fails. `make test`",
        "ends with a line for each case. “Weak” says in which way the tests are weaker than the case;",
        "“nothing yet” marks what nobody has tried. `UPDATE_SNAPSHOTS=1 make unit` makes this page from",
        "`tests/cases.py`.",
        "",
        "| # | fault | must | tried by |",
        "|---|---|---|---|",
    ]
    for number, case in CASES.items():
        tests = ", ".join(f"`{name}`" for name in dict.fromkeys(tried.get(number, ()))) or f"**{NOTHING}**"
        weak = f"; **weak**: {case.weak}" if case.weak else ""
        lines.append(f"| {number} | {case.fault} | {case.must} | {tests}{weak} |")
    return "\n".join(lines) + "\n"
