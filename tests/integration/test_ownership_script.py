"""The script that finds the files which a node's user can't use, in a real shell."""

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients import ownership
from clients.ownership import PLACE, SCRIPT, explained
from clients.wallet_on_host import WRITE_RECORD
from tests.unit.test_ownership import IMAGE, VOLUME, found

STRANGER = 12345


@pytest.fixture
def volume() -> Iterator[Path]:
    """A folder in place of the volume, which any user can enter."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "volume"
        made.mkdir()
        Path(folder).chmod(0o755)
        made.chmod(0o777)
        yield made


def put(file: Path, mode: int, user: int = STRANGER) -> None:
    """Create a file, or change a folder, with this mode and, as root, with an owner other than the node."""
    if not file.is_dir():
        file.touch()
    if os.geteuid() == 0:
        os.chown(file, user, user)
    file.chmod(mode)


def as_node(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user who is not root."""
    user = ("setpriv", "--reuid=10000", "--regid=10000", "--clear-groups") if os.geteuid() == 0 else ()
    return subprocess.run([*user, *command], capture_output=True, text=True, check=False)


def printed(folder: Path, script: str = SCRIPT, uid: int = 10000) -> str:
    """Run the script on a folder as a user who is not root; return its output as if from the volume."""
    script = script.replace(PLACE, str(folder))
    done = as_node("sh", "-c", script, "ownership", f"{uid}")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.replace(str(folder), PLACE)


def test_only_files_that_the_nodes_user_can_not_use_are_found(
    volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(volume / "a secret.wlt", 0)
    put(volume / "other.wlt", 0o444)
    put(volume / "shared.wlt", 0o666)
    if os.geteuid() == 0:
        put(volume / "its own.wlt", 0o400, 10000)
    (volume / "folder").mkdir()
    put(volume / "folder", 0o444)
    (volume / "link.wlt").symlink_to("nowhere")
    (volume / "lost+found").mkdir()
    put(volume / "lost+found" / "x", 0)
    files = sorted(found(monkeypatch, printed(volume)), key=lambda one: one.path)
    assert [(file.path, file.mode, file.is_unreadable) for file in files] == [
        ("a secret.wlt", "----------", True),
        ("folder", "dr--r--r--", True),
        ("other.wlt", "-r--r--r--", False),
    ]
    owner = STRANGER if os.geteuid() == 0 else os.geteuid()
    assert {file.owner.partition(":")[0] for file in files} == {str(owner)}


@pytest.mark.case(30)
def test_files_whose_mode_keeps_their_own_user_out_are_opened_by_the_printed_command(
    volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, a wallet of mode 0000 was called damaged, and the message asked for a restore."""
    uid = 10000 if os.geteuid() == 0 else os.geteuid()
    monkeypatch.setattr(ownership, "user_of", lambda _: f"{uid}:{uid}")
    modes = {"a b.wlt": 0, "blind.wlt": 0o200, "read only.wlt": 0o400, "good.wlt": 0o640, "fixed/in.wlt": 0}
    for folder in ("closed", "fixed"):
        (volume / folder).mkdir()
    for name, mode in {**modes, "closed": 0, "fixed": 0o500}.items():
        put(volume / name, mode, uid)
    files = found(monkeypatch, printed(volume, uid=uid), user=f"{uid}:{uid}")
    assert all(file.is_own for file in files)
    assert {file.path for file in files} == {"a b.wlt", "blind.wlt", "closed", "fixed", "fixed/in.wlt"}
    said = explained(VOLUME, IMAGE, files, f"{uid}:{uid}")
    [command] = re.findall("`([^`]+)`", said)
    options, _, arguments = command.partition(f" {IMAGE} ")
    assert f"--user {uid}:{uid} --cap-drop ALL --security-opt no-new-privileges" in options
    done = as_node("find", *shlex.split(arguments.replace(PLACE, str(volume))))
    assert (done.returncode, done.stderr) == (0, "")
    after = {name: (volume / name).stat().st_mode & 0o777 for name in (*modes, "closed", "fixed")}
    opened = {"a b.wlt": 0o600, "blind.wlt": 0o600, "fixed/in.wlt": 0o600, "closed": 0o700, "fixed": 0o700}
    assert after == {**modes, **opened}
    assert found(monkeypatch, printed(volume, uid=uid), user=f"{uid}:{uid}") == []


def test_a_folder_that_can_not_be_entered_is_named_itself(
    volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:
        os.chown(volume, STRANGER, STRANGER)
    volume.chmod(0o600 if os.geteuid() == 0 else 0o400)
    [one] = found(monkeypatch, printed(volume))
    volume.chmod(0o700)
    assert (one.path, one.shown, one.is_unreadable) == ("", "the volume's own folder", True)


def test_a_file_name_keeps_its_letters_and_is_one_line(volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Busybox's `ls` prints ? for non-ASCII characters, so the reported name used to match no wallet."""
    names = {"Ersparnisse für später.wlt", "two\nlines.wlt", "*.wlt"}
    tools = volume.parent / "tools"
    tools.mkdir()
    (tools / "ls").write_text("#!/bin/sh\nPATH=${PATH#*:} && ls \"$@\" | LC_ALL=C tr '\\200-\\377' '?'\n")
    (tools / "ls").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    for name in names:
        put(volume / name, 0)
    files = found(monkeypatch, printed(volume))
    assert {file.path for file in files} == {name.replace("\n", "?") for name in names}


def test_of_a_volume_of_another_program_not_all_files_are_listed(
    volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "LISTED", 4)
    for name in "abcdef":
        put(volume / name, 0)
    script = SCRIPT.replace("head -n 1000", "head -n 4")
    files = found(monkeypatch, printed(volume, script))
    assert len(files) == 4
    assert "and at least 1 more" in explained(VOLUME, IMAGE, files)


@pytest.mark.case(30)
@pytest.mark.parametrize(
    ("mode", "name", "expected"),
    [
        (0o777, "mine.wlt", ""),
        (0o555, "mine.wlt", "the wallet's folder can't be written to"),
        (0o777, ".skyinfra-id", ".skyinfra-id can't be read"),
    ],
)
def test_a_wallet_with_an_id_is_not_recorded_if_its_node_can_not_use_it(
    volume: Path, mode: int, name: str, expected: str
) -> None:
    """Before, such a folder passed, as nothing had to be written, or an unreadable id was overwritten."""
    copies = volume.parent / "copies"
    copies.mkdir()
    copies.chmod(0o777)
    (volume / ".skyinfra-id").write_text("a" * 32 + "\n")
    (volume / ".skyinfra-id").chmod(0o644)
    put(volume / name, 0)
    volume.chmod(mode)
    script = WRITE_RECORD.replace("/wallet", str(volume)).replace("/data", str(copies))
    done = as_node("sh", "-c", script, "wallet", "b" * 32)
    assert (done.stdout.strip(), done.stderr) == (expected or "a" * 32, "")
    assert done.returncode == bool(expected)
    assert [path.name for path in copies.iterdir()] == ([] if expected else [".identity"])
    volume.chmod(0o777)
