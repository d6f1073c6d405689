"""Crash states of a wallet's save, judged by the node's own parser; neither a node nor an engine runs."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from local.machine.layout import PROJECT
from tests.crash_outcomes import Judged, Outcome, Verdict, counted
from tests.crash_states import FOLDER, Class, saves, states
from tests.e2e.judge import Judge, build_judge, judged
from wallets.files.contents import File, damaged

DOCS = PROJECT / "docs" / "wallets.md"
SECONDS = 120
"""Time limit in seconds for judging all states of `make test`."""


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    return build_judge(tmp_path_factory.mktemp("judge"))


@pytest.fixture(scope="module")
def all_judged(judge: Judge, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    began = time.monotonic()
    contents = {
        content
        for save in saves()
        for state in states(save)
        for content in (state.main, state.temporary)
        if content is not None
    }
    found = judged(judge, contents, tmp_path_factory.mktemp("states"))
    assert time.monotonic() - began < SECONDS
    return found


def strace(folder: Path) -> str:
    """Path of strace: the installed one, or that of Debian's package, which is unpacked but not installed."""
    if found := shutil.which("strace"):
        return found
    subprocess.run(["apt-get", "download", "-q", "strace"], cwd=folder, check=True, capture_output=True)
    [package] = folder.glob("strace_*.deb")
    subprocess.run(["dpkg", "-x", package, folder / "root"], check=True)
    return str(folder / "root" / "usr" / "bin" / "strace")


def test_the_node_saves_by_a_temporary_copy_and_in_place_and_syncs_nothing(
    judge: Judge, tmp_path: Path
) -> None:
    """The crash states assume exactly these operations; a version with others needs other states."""
    save = next(save for save in saves() if save.name == "deterministic: growth")
    source, place, log = (tmp_path / name for name in ("source", "place", "log"))
    for folder, content in ((source, save.new), (place, save.old)):
        folder.mkdir()
        (folder / save.file).write_bytes(content or b"")
    calls = "trace=%desc,%file,sync,syncfs"
    judge.save(source / save.file, place, strace(tmp_path), "-f", "-y", "-qq", "-e", calls, "-o", str(log))
    assert (place / save.file).read_bytes() == save.new, "the file that is kept is what the node writes"
    text = re.sub(r"^\d+ +", "", log.read_text(), flags=re.M)
    seen = [line for line in text.splitlines() if str(place) in line or "sync" in line.partition("(")[0]]
    opened = r'openat\(AT_FDCWD[^"]*"{}/{}", O_WRONLY\|O_CREAT\|O_TRUNC\|O_CLOEXEC, 0600'
    written = r"write\(\d+<{}/{}>, .*, " + str(len(save.new))
    closed, removed = r"close\(\d+<{}/{}>", r'unlinkat\(AT_FDCWD[^"]*"{}/{}", 0'
    wanted = [
        *((form, save.temporary) for form in (opened, written, closed)),
        *((form, save.file) for form in (opened, written, closed)),
        (removed, save.temporary),
    ]
    did = [
        line
        for line in seen
        if re.match("openat|write|close|unlink|rename|.*sync|.*truncate|fallocate|link", line)
    ]
    assert len(did) == len(wanted), did
    for line, (form, name) in zip(did, wanted, strict=True):
        assert re.match(form.format(re.escape(str(place)), re.escape(name)), line), line


def test_the_committed_wallets_are_complete_for_the_node(judge: Judge) -> None:
    files = sorted(FOLDER.iterdir())
    for file, said in zip(files, judge.load(files), strict=True):
        count = 20 if ".many" in file.name else 12
        assert (said.error, len(said.addresses), said.keys) == ("", count, count), file.name


@pytest.mark.case(3)
def test_the_program_accepts_exactly_the_wallets_that_the_node_reads(all_judged: Judged) -> None:
    """Once, 97 contents that the node refuses passed, and 162 that it reads counted as damaged."""
    read = {content for content, said in all_judged.node.items() if not said.error}
    seen = set(all_judged.program)
    assert not read - seen
    assert {said.error for content, said in all_judged.node.items() if content in seen - read} <= {
        "Public key invalid for address",
        "invalid public key for secret key",
        "Invalid public key length",
        "Invalid address length",
        "Invalid base58 string",
    }, "to know that a key is of its address takes the node"
    assert {bytes(data) for data in all_judged.node if not damaged({"m.wlt": File(data=data)})} == seen


@pytest.mark.case(1, 3, 4)
def test_a_complete_wallet_copy_is_always_found_and_the_docs_count_every_outcome(all_judged: Judged) -> None:
    outcomes = [(state.kind, all_judged.outcome(save, state)) for save in saves() for state in states(save)]
    assert len(outcomes) >= 1000
    assert {outcome for kind, outcome in outcomes if kind == Class.KILLED} == {
        Outcome.SAVED,
        Outcome.BEFORE,
        Outcome.TAKEN,
        Outcome.TORN,
    }
    begin, end = "<!-- crash states: begin -->\n", "<!-- crash states: end -->"
    text = DOCS.read_text()
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    table = "".join(f"{line}\n" for line in counted(outcomes))
    if os.environ.get("UPDATE_SNAPSHOTS"):
        DOCS.write_text(f"{before}{begin}{table}{end}{after}")
    assert DOCS.read_text() == f"{before}{begin}{table}{end}{after}"


@pytest.mark.case(1, 3)
def test_a_patched_node_always_leaves_the_wallet_from_before_or_after_the_save(all_judged: Judged) -> None:
    """The copy makes no difference. A first save may leave no wallet, and then none was there."""
    for save in saves():
        found = [state for state in states(save) if state.kind == Class.PATCHED]
        assert {state.main for state in found} == {save.old, save.new}
        outcomes = {all_judged.outcome(save, state) for state in found}
        before = Outcome.BEFORE if save.old else Outcome.TORN
        assert {Outcome.SAVED} <= outcomes <= {before, Outcome.TAKEN, Outcome.SAVED}


@pytest.mark.case(1)
def test_a_save_that_is_killed_always_leaves_one_complete_wallet(all_judged: Judged) -> None:
    """Either the file or its temporary copy is complete; a crash in the first save may leave neither.

    This holds for a save, not for what precedes it in the API's wallet/newAddress.
    """
    for save in saves():
        for state in states(save):
            if state.kind == Class.KILLED and all_judged.outcome(save, state) == Outcome.TORN:
                assert save.old is None
                assert state.main is None
                assert state.temporary != save.new


def test_the_judge_is_not_lenient(judge: Judge, tmp_path: Path) -> None:
    file = tmp_path / "mine.wlt"
    file.write_bytes(b"{}")
    [said] = judge.load([file])
    assert said == Verdict(said.error, (), 0, "")
    assert said.error
