"""Saves of the patched node (docs/adr/0055): its system calls, a kill at each, and each that fails.

No node and no engine runs: tests/judge calls the node's own code, with the patches and without them.
"""

import re
import shutil
import signal
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.crash_states import FOLDER, Save
from tests.e2e.judge import Judge, build_judge
from tests.e2e.test_crash_states import strace

OLD = (FOLDER / "deterministic.few.wlt").read_bytes()
OTHER = (FOLDER / "deterministic.many.wlt").read_bytes()
"""The same wallet with more addresses."""
NAME = "mine.wlt"
FATAL = -signal.SIGKILL, 128 + signal.SIGKILL


@dataclass(frozen=True, slots=True)
class Traced:
    """The node's code under strace, which sees the calls that touch the wallet, its copy or their folder."""

    judge: Judge
    strace: str
    folder: Path

    def wallet(self, name: str) -> Path:
        """Make a folder with the wallet in it."""
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        (place / NAME).write_bytes(OLD)
        (place / NAME).chmod(0o600)
        return place

    def address(self, place: Path, *faults: str) -> tuple[CompletedProcess[str], list[str]]:
        """Have the wallet get one more address, with faults to inject; what it said, and its calls."""
        log = self.folder / "log"
        seen = [word for path in (place, place / NAME, *self.copies(place)) for word in ("-P", str(path))]
        injected = [word for fault in faults for word in ("-e", f"inject={fault}")]
        options = (
            "-f",
            "-y",
            "-qq",
            "-e",
            "trace=%desc,%file",
            "-e",
            "signal=none",
            "-s",
            "9",
            "-o",
            str(log),
        )
        done = self.judge.address(place, self.strace, *options, *seen, *injected)
        return done, [re.sub(r"^\d+ +", "", line) for line in log.read_text().splitlines()]

    def copies(self, place: Path) -> Iterator[Path]:
        """Path that the temporary copy has."""
        yield place / Save("", OLD, self.grown()).temporary

    def grown(self) -> bytes:
        """The wallet with one more address."""
        place = self.wallet("grown")
        self.judge.address(place)
        return (place / NAME).read_bytes()


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory) -> Traced:
    folder = tmp_path_factory.mktemp("patched")
    return Traced(build_judge(tmp_path_factory.mktemp("judge"), patched=True), strace(folder), folder)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Traced:
    folder = tmp_path_factory.mktemp("published")
    return Traced(build_judge(tmp_path_factory.mktemp("judge")), strace(folder), folder)


CHANGES = re.compile(r"write|.*sync|rename|unlink|.*truncate|fallocate|link|openat\(.*O_(WRONLY|RDWR)")


def changes(lines: Iterable[str], place: Path) -> list[str]:
    """Calls that change or sync files, without those that read: the call, and the names of the files."""
    short = []
    for line in lines:
        if not CHANGES.match(line):
            continue
        call, _, rest = line.partition("(")
        names = re.findall(rf"{re.escape(str(place))}/?([^\">]*)", rest)
        flags = re.findall(r"O_(?:CREAT|TRUNC)|0600", rest)
        short.append(" ".join([call, *dict.fromkeys(name or "." for name in names), *flags]))
    return short


def made(node: Traced) -> list[str]:
    """Changing calls of an address that the node makes; `copy` is the temporary copy's name."""
    place = node.wallet("place")
    [copy] = node.copies(place)
    done, lines = node.address(place)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in place.iterdir()} == {NAME}
    return [call.replace(copy.name, "copy") for call in changes(lines, place)]


def test_the_patched_node_syncs_a_copy_and_renames_it_over_the_wallet(patched: Traced) -> None:
    """The wallet is opened for writing twice, to see whether it may be written, and is not written."""
    assert made(patched) == [
        f"openat {NAME}",
        f"openat {NAME}",
        "openat copy O_CREAT O_TRUNC 0600",
        "write copy",
        "fsync copy",
        f"renameat copy {NAME}",
        "fsync .",
    ]


def test_the_published_node_truncates_the_wallet_before_it_has_a_copy(published: Traced) -> None:
    """This is why it is patched; if a version no longer does this, it may need no patch."""
    assert made(published) == [
        f"openat {NAME} O_CREAT O_TRUNC 0600",
        "openat copy O_CREAT O_TRUNC 0600",
        "write copy",
        f"openat {NAME} O_CREAT O_TRUNC 0600",
        f"write {NAME}",
        "unlinkat copy",
    ]


def calls(lines: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Each call with its turn among those of its kind."""
    turns: Counter[str] = Counter()
    for line in lines:
        call = line.partition("(")[0]
        turns[call] += 1
        yield call, turns[call]


def left(node: Traced) -> Counter[str]:
    """Count the states of the wallet and its copy after a kill at each call, in turn."""
    place = node.wallet("place")
    [copy] = node.copies(place)
    _, lines = node.address(place)
    known = {OLD: "old", (place / NAME).read_bytes(): "new", b"": "empty", None: "none"}
    found: Counter[str] = Counter()
    for call, turn in calls(lines):
        place = node.wallet("place")
        done, _ = node.address(place, f"{call}:signal=KILL:when={turn}")
        assert done.returncode in FATAL, (call, turn, done)
        states = [path.read_bytes() if path.exists() else None for path in (place / NAME, copy)]
        found[" ".join(known.get(state, "torn") for state in states)] += 1
    print(found)
    return found


@pytest.mark.case(1)
def test_a_patched_node_that_is_killed_at_any_call_has_its_wallet(patched: Traced) -> None:
    assert {*left(patched)} == {"old none", "old empty", "old new", "new none"}


def test_a_published_node_that_is_killed_loses_its_wallet_at_some_calls(published: Traced) -> None:
    """The same kills find what the patch mends."""
    assert {"empty none", "empty empty"} <= {*left(published)}


@pytest.mark.case(7)
@pytest.mark.parametrize(
    "fault",
    [
        "openat:error=ENOSPC:when=",
        "write:error=ENOSPC:when=1",
        "fsync:error=EIO:when=1",
        "renameat:error=EACCES",
    ],
)
def test_a_save_that_fails_leaves_the_wallet_as_it_was_and_no_copy(patched: Traced, fault: str) -> None:
    place = patched.wallet("place")
    if fault.startswith("openat"):
        _, lines = patched.address(place)
        opened = [line for line in lines if line.startswith("openat")]
        fault += str(1 + next(turn for turn, line in enumerate(opened) if ".tmp." in line))
        place = patched.wallet("place")
    done, _ = patched.address(place, fault)
    assert done.returncode == 1
    assert done.stdout == "", "no address is returned"
    assert {path.name: path.read_bytes() for path in place.iterdir()} == {NAME: OLD}


def test_an_address_is_not_returned_before_its_name_is_on_the_disk(patched: Traced) -> None:
    """A file system that can't sync a folder says EINVAL, and its wallets are saved all the same."""
    for error, code in (("EIO", 1), ("EINVAL", 0)):
        place = patched.wallet("place")
        done, _ = patched.address(place, f"fsync:error={error}:when=2")
        assert (done.returncode, bool(done.stdout)) == (code, not code), error
        assert (place / NAME).read_bytes() != OLD


@pytest.mark.parametrize("turn", [1, 2])
def test_a_wallet_that_may_not_be_written_is_not_replaced(patched: Traced, turn: int) -> None:
    """A rename needs no right to the file: the patch asks for it, as writing in place did."""
    place = patched.wallet("place")
    _, lines = patched.address(place)
    opened = [line for line in lines if line.startswith("openat")]
    turns = [number for number, line in enumerate(opened, 1) if "O_WRONLY" in line and ".tmp." not in line]
    place = patched.wallet("place")
    done, _ = patched.address(place, f"openat:error=EACCES:when={turns[turn - 1]}")
    assert done.returncode == 1
    assert {path.name: path.read_bytes() for path in place.iterdir()} == {NAME: OLD}


def overtaken(node: Traced, content: bytes) -> tuple[CompletedProcess[str], dict[str, bytes]]:
    """Save a wallet that another program has saved since the node loaded it; output and files left."""
    place, other = node.wallet("place"), node.folder / "other"
    other.write_bytes(content)
    done = node.judge.address(place, other=other)
    return done, {path.name: path.read_bytes() for path in place.iterdir()}


def test_the_patched_node_overwrites_no_keys_that_another_program_has_saved(patched: Traced) -> None:
    """Such as those that `skycoin-cli` has added while the node had the wallet loaded."""
    done, files = overtaken(patched, OTHER)
    assert (done.returncode, done.stdout) == (1, "")
    assert "mine.wlt was changed by another program; nothing was saved: restart the node" in done.stderr
    assert files == {NAME: OTHER}


def test_the_published_node_overwrites_keys_that_another_program_has_saved(published: Traced) -> None:
    done, files = overtaken(published, OTHER)
    assert done.returncode == 0
    assert files[NAME].count(b"secret_key") < OTHER.count(b"secret_key")


@pytest.mark.parametrize("damage", [b"", OLD[:100]])
def test_the_patched_node_mends_a_damaged_wallet_that_it_has_loaded(patched: Traced, damage: bytes) -> None:
    """The node has the last whole copy in its memory then."""
    done, files = overtaken(patched, damage)
    assert done.returncode == 0
    assert files == {NAME: patched.grown()}


def test_a_saved_wallet_is_its_owners_alone(patched: Traced) -> None:
    place = patched.wallet("place")
    patched.address(place)
    assert (place / NAME).stat().st_mode & 0o777 == 0o600
