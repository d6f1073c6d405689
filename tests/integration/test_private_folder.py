"""Folders for sockets: those of a killed program are removed, those of a running one are kept."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clients.private_folder import PREFIX, YOUNG_SECONDS

HOLD = """
import sys, time
from clients.private_folder import PrivateFolder

folder = PrivateFolder()
print(folder.path, flush=True)
sys.stdin.read()
folder.close()
folder.close()
"""


def begun(temporary: Path) -> tuple["subprocess.Popen[str]", Path]:
    """Start a program that keeps a folder until its stdin ends; return both."""
    env = {**os.environ, "TMPDIR": str(temporary)}
    program = subprocess.Popen(
        [sys.executable, "-c", HOLD], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout
    return program, Path(program.stdout.readline().strip())


def ended(program: "subprocess.Popen[str]") -> int:
    program.communicate("", timeout=20)
    return program.returncode


def age(folder: Path) -> None:
    past = folder.stat().st_mtime - YOUNG_SECONDS - 1
    os.utime(folder, (past, past))


def test_the_folder_of_a_killed_program_is_removed_by_the_next(tmp_path: Path) -> None:
    """Pulumi kills its plugins, so every `up` over ssh used to leave folders behind."""
    killed, left = begun(tmp_path)
    (left / "errors").touch()
    killed.send_signal(signal.SIGKILL)
    ended(killed)
    assert left.exists()
    young, _ = begun(tmp_path)
    assert ended(young) == 0
    assert left.exists()  # it could be one that is not locked yet
    age(left)
    program, own = begun(tmp_path)
    assert not left.exists()
    assert own.stat().st_mode & 0o777 == 0o700
    assert ended(program) == 0
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_program_that_runs_is_kept(tmp_path: Path) -> None:
    running, folder = begun(tmp_path)
    age(folder)
    other, _ = begun(tmp_path)
    assert ended(other) == 0
    assert folder.exists()
    assert ended(running) == 0
    assert not folder.exists()


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_link_or_file_with_the_name_of_a_private_folder_is_kept(tmp_path: Path, kind: str) -> None:
    elsewhere, temporary = tmp_path / "elsewhere", tmp_path / "temporary"
    elsewhere.mkdir()
    temporary.mkdir()
    stray = temporary / f"{PREFIX}stray"
    if kind == "link":
        stray.symlink_to(elsewhere)
    else:
        stray.touch()
    age(elsewhere)
    program, _ = begun(temporary)
    assert ended(program) == 0
    assert stray.exists()
    assert elsewhere.exists()
