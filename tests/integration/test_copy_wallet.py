"""The script that copies a wallet, under this machine's shell; in the node's image: tests/e2e."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clients.fingerprint import SCRIPT as FINGERPRINT
from providers.skycoin.wallet_copy import DAMAGED, EMPTIED, SAME_SECOND, SCRIPT

WALLET = '{"meta": {"type": "x", "label": "a \\"quoted\\" {brace"},\n "entries": [{"address": "x"}]}\n'
OLDER, NEWER, NOW = "2026-01-01T00-00-00Z", "2026-01-02T00-00-00Z", "2026-01-03T00-00-00Z"


@dataclass(frozen=True)
class Volumes:
    """A wallet and its copies, as two folders."""

    wallet: Path
    copies: Path

    def run(
        self, *, name: str = NOW, new: bool = False, script: str = SCRIPT, kept: int = 20
    ) -> tuple[int, str]:
        """Return the exit code and the last line that the script prints."""
        # The script looks again at a wallet that is not whole, in case a node is saving it; here, none is.
        script = script.replace("sleep 1", ":").replace("/data", str(self.copies))
        script = script.replace("/wallet", str(self.wallet))
        accepted = "new-wallet" if new else "same-wallet"
        command = ["sh", "-c", script, "backup", name, accepted, FINGERPRINT, str(kept)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, (done.stdout.splitlines() or [""])[-1]

    def names(self) -> list[str]:
        return sorted(path.name for path in self.copies.iterdir())


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    both = Volumes(tmp_path / "w", tmp_path / "c")
    both.wallet.mkdir()
    both.copies.mkdir()
    return both


def test_a_complete_wallet_is_copied_once_until_it_changes(volumes: Volumes) -> None:
    (volumes.wallet / "a b.wlt").write_text(WALLET)
    assert volumes.run(name=OLDER) == (0, OLDER)
    assert volumes.run(name=NEWER) == (0, OLDER)
    (volumes.wallet / "second.wlt").write_text(WALLET)
    assert volumes.run() == (0, NOW)
    assert volumes.names() == [OLDER, NOW]
    assert (volumes.copies / NOW / "a b.wlt").read_text() == WALLET


def test_a_second_copy_in_one_second_asks_for_another_name(volumes: Volumes) -> None:
    """An `up` copies a grown wallet, and again in a handover: the node may have saved it in between."""
    (volumes.wallet / "mine.wlt").write_text(WALLET)
    (volumes.copies / NOW).mkdir()
    assert (volumes.run(), volumes.names()) == ((SAME_SECOND, ""), [NOW])


def test_a_wallet_of_the_second_that_marked_an_empty_one_is_copied_under_the_next_name(
    volumes: Volumes,
) -> None:
    """Before, the script said that all was well, and copied nothing."""
    (volumes.copies / OLDER).mkdir()
    (volumes.copies / OLDER / "old.wlt").write_text(WALLET)
    assert volumes.run(new=True) == (0, "")
    (volumes.wallet / "mine.wlt").write_text(WALLET)
    assert (volumes.run(), volumes.names()) == ((SAME_SECOND, ""), [OLDER, f"{NOW}-new-wallet"])


def test_other_files_of_an_empty_wallet_that_is_marked_now_are_not_copied(volumes: Volumes) -> None:
    (volumes.copies / OLDER).mkdir()
    (volumes.copies / OLDER / "old.wlt").write_text(WALLET)
    (volumes.wallet / "note").touch()
    assert volumes.run(new=True) == (0, "")
    assert volumes.names() == [OLDER, f"{NOW}-new-wallet"]


@pytest.mark.parametrize("place", ["mine.wlt", "folder/pipe", "a name\nof two lines"])
def test_a_pipe_in_a_wallet_volume_is_reported_and_not_waited_for(volumes: Volumes, place: str) -> None:
    """Before, the copy read it until its time limit, five minutes later."""
    (volumes.wallet / "good.wlt").write_text(WALLET)
    (volumes.wallet / "folder").mkdir()
    os.mkfifo(volumes.wallet / place)
    code, last = volumes.run()
    assert code == 1
    assert last == f"{place.splitlines()[0]} is neither a file nor a folder: move it out of the volume"
    assert volumes.names() == []


def test_an_empty_wallet_without_copies_is_not_an_error(volumes: Volumes) -> None:
    assert volumes.run() == (0, "")
    assert volumes.names() == []


@pytest.mark.case(38)
@pytest.mark.parametrize("end", range(len(WALLET.rstrip())), ids=lambda end: f"{end} bytes")
def test_a_truncated_wallet_is_never_copied(volumes: Volumes, end: int) -> None:
    """Before, a 0-byte wallet became the newest copy, without an error."""
    (volumes.wallet / "a.wlt").write_text(WALLET[:end])
    assert volumes.run() == (DAMAGED, "a.wlt")
    assert volumes.names() == []


@pytest.mark.case(38)
@pytest.mark.parametrize("torn", ["\0" * 512 + WALLET, WALLET[:20] + "\0" * 512 + WALLET[20:], "[]", "null"])
def test_a_wallet_with_a_block_of_zeros_or_of_another_form_is_not_copied(volumes: Volumes, torn: str) -> None:
    (volumes.wallet / "whole.wlt").write_text(WALLET)
    (volumes.wallet / "torn.wlt").write_text(torn)
    assert volumes.run() == (DAMAGED, "torn.wlt")
    assert volumes.names() == []


@pytest.mark.case(35)
def test_an_emptied_wallet_is_refused_by_the_newest_copy_that_has_one(volumes: Volumes) -> None:
    """Before, the copy succeeded, and whatever else was in the volume became the newest copy."""
    (volumes.wallet / "a.wlt").write_text(WALLET)
    volumes.run(name=OLDER)
    (volumes.wallet / "a.wlt").unlink()
    assert volumes.run() == (EMPTIED, OLDER)
    (volumes.copies / NEWER).mkdir()
    (volumes.copies / NEWER / "note").touch()
    (volumes.wallet / "note").touch()
    assert volumes.run() == (EMPTIED, OLDER)
    assert volumes.names() == [OLDER, NEWER]


def test_an_accepted_loss_is_not_refused_again(volumes: Volumes) -> None:
    (volumes.wallet / "a.wlt").write_text(WALLET)
    volumes.run(name=OLDER)
    (volumes.wallet / "a.wlt").unlink()
    assert volumes.run(name=NEWER, new=True) == (0, "")
    assert volumes.names() == [OLDER, f"{NEWER}-new-wallet"]
    assert volumes.run() == (0, "")
    (volumes.wallet / "b.wlt").write_text(WALLET)
    assert volumes.run() == (0, NOW)
    (volumes.wallet / "b.wlt").unlink()
    assert volumes.run() == (EMPTIED, NOW)


@pytest.mark.case(38)
def test_a_large_wallet_is_distinguished_from_its_truncated_form_in_good_time(volumes: Volumes) -> None:
    """The script reads line by line; joining the lines took busybox minutes, and blocked every change."""
    entries = [{"address": "2" * 35, "public_key": "03" * 33, "secret_key": "4" * 64}] * 5_000
    whole = json.dumps({"meta": {"type": "deterministic"}, "entries": entries}, indent=4)
    (volumes.wallet / "a.wlt").write_text(whole)
    assert volumes.run() == (0, NOW)
    (volumes.wallet / "a.wlt").write_text(whole[:-2])
    assert volumes.run(name="2026-01-04T00-00-00Z") == (DAMAGED, "a.wlt")


def test_an_interrupted_restore_is_finished_before_anything_is_copied(volumes: Volumes) -> None:
    """Before, the restore's leftovers became the newest copy, and hid that the wallet was empty."""
    (volumes.wallet / ".restoring").mkdir()
    (volumes.wallet / ".restoring" / "a.wlt").write_text(WALLET)
    code, said = volumes.run()
    assert (code, volumes.names()) == (1, [])
    assert said == "a restore of this wallet was interrupted: run it again, which finishes it"


def test_a_clock_that_went_back_never_makes_a_copy_that_is_not_found_again(volumes: Volumes) -> None:
    (volumes.wallet / "a.wlt").write_text(WALLET)
    assert volumes.run(name=NEWER) == (0, NEWER)
    (volumes.wallet / "b.wlt").write_text(WALLET)
    code, said = volumes.run(name=OLDER)
    assert (code, volumes.names()) == (1, [NEWER])
    clock = "set the clock where pulumi runs, or rename that copy to an earlier time"
    assert said == f"it is {OLDER}, and the newest copy is of {NEWER}: {clock}"
    (volumes.wallet / "a.wlt").unlink()
    (volumes.wallet / "b.wlt").unlink()
    assert volumes.run(name=OLDER, new=True)[0] == 1
    assert volumes.names() == [NEWER]


def test_links_folders_and_files_of_the_file_system_do_not_hinder_a_copy(volumes: Volumes) -> None:
    (volumes.wallet / "a.wlt").write_text(WALLET)
    (volumes.wallet / "link").symlink_to("nowhere")
    (volumes.wallet / "folder.wlt").mkdir()
    (volumes.wallet / "lost+found").mkdir()
    (volumes.wallet / "lost+found" / "x").touch()
    assert volumes.run(name=OLDER) == (0, OLDER)
    assert volumes.run() == (0, OLDER)
    assert sorted(path.name for path in (volumes.copies / OLDER).iterdir()) == ["a.wlt", "folder.wlt", "link"]


def test_a_copy_that_fails_leaves_nothing_behind(volumes: Volumes) -> None:
    """Before, a full disk left half a copy behind, under a running node."""
    (volumes.wallet / "a.wlt").write_text(WALLET)
    (volumes.wallet / "loop").symlink_to("nowhere")
    assert volumes.run(script=SCRIPT.replace("cp -a", "cp -a --no-such-option"))[0] == 1
    assert volumes.names() == []


def copies(volumes: Volumes, count: int, **options: Any) -> None:
    """Make copies of a wallet that changes before each."""
    for number in range(count):
        (volumes.wallet / "a.wlt").write_text(WALLET.replace("quoted", f"{number}"))
        assert volumes.run(name=f"2026-02-{number + 1:02}T00-00-00Z", **options)[0] == 0


@pytest.mark.case(38)
def test_the_newest_copies_stay_and_the_first_one(volumes: Volumes) -> None:
    """Before, the number of copies was unlimited, even on a small disk."""
    copies(volumes, 6, kept=3)
    assert [name[:10] for name in volumes.names()] == ["2026-02-01", "2026-02-04", "2026-02-05", "2026-02-06"]


@pytest.mark.parametrize("name", [".wlt", ".mine.wlt", "minewlt"])
def test_a_wallet_of_any_name_that_a_node_reads_is_copied_completely_and_kept(
    volumes: Volumes, name: str
) -> None:
    (volumes.wallet / "a.wlt").write_text(WALLET)
    (volumes.wallet / name).write_text(WALLET[:20])
    assert volumes.run(name="2026-01-01T00-00-00Z") == (DAMAGED, name)
    (volumes.wallet / name).unlink()
    assert volumes.run(name="2026-01-02T00-00-00Z")[0] == 0
    (volumes.wallet / name).write_text(WALLET)
    assert volumes.run(name="2026-01-03T00-00-00Z")[0] == 0
    (volumes.wallet / name).unlink()
    copies(volumes, 3, kept=1)
    assert [name[:10] for name in volumes.names()] == ["2026-01-02", "2026-01-03", "2026-02-03"]


@pytest.mark.case(38)
def test_the_last_copy_before_a_wallet_that_started_empty_stays(volumes: Volumes) -> None:
    for month in (1, 3):
        (volumes.wallet / "a.wlt").write_text(WALLET)
        for day in (1, 2):
            (volumes.wallet / "b.wlt").write_text(WALLET.replace("quoted", f"{month}{day}"))
            assert volumes.run(name=f"2026-{month:02}-{day:02}T00-00-00Z", kept=1)[0] == 0
        for path in volumes.wallet.iterdir():
            path.unlink()
        assert volumes.run(name=f"2026-{month + 1:02}-01T00-00-00Z", new=True)[0] == 0
    (volumes.wallet / "c.wlt").write_text(WALLET)
    for day in (1, 2, 3):
        (volumes.wallet / "b.wlt").write_text(WALLET.replace("quoted", f"5{day}"))
        assert volumes.run(name=f"2026-05-{day:02}T00-00-00Z", kept=1)[0] == 0
    left = [name.removesuffix("T00-00-00Z") for name in volumes.names()]
    assert left == [
        "2026-01-01",
        "2026-01-02",
        "2026-02-01T00-00-00Z-new-wallet",
        "2026-03-02",
        "2026-04-01T00-00-00Z-new-wallet",
        "2026-05-03",
    ]


@pytest.mark.case(38)
def test_a_copy_whose_removal_was_killed_does_not_count_as_a_copy(volumes: Volumes) -> None:
    copies(volumes, 3)
    killed = SCRIPT.replace("&& rm -rf /data/.removed ||", "&& kill -9 $$ ||")
    (volumes.wallet / "a.wlt").write_text(WALLET)
    assert volumes.run(name="2026-03-01T00-00-00Z", script=killed, kept=1)[0] == -9
    assert volumes.names()[0] == ".removed"
    (volumes.wallet / "b.wlt").write_text(WALLET)
    assert volumes.run(name="2026-04-01T00-00-00Z", kept=1)[0] == 0
    assert [name[:10] for name in volumes.names()] == ["2026-02-01", "2026-04-01"]


@pytest.mark.case(38)
def test_a_killed_copy_does_not_count_and_the_next_one_removes_it(volumes: Volumes) -> None:
    (volumes.wallet / "a.wlt").write_text(WALLET)
    assert volumes.run(script=SCRIPT.replace("sync && mv", "kill -9 $$; mv"))[0] == -9
    assert volumes.names() == [".partial"]
    assert volumes.run() == (0, NOW)
    assert volumes.names() == [NOW]
