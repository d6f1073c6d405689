"""The connection that all requests through a relay share, as the real ssh reads its options."""

import errno
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from clients.shared_ssh import IDLE_SECONDS, SharedSsh
from local.machine.layout import PROJECT

MINE = ["-o", "ControlPath=~/.ssh/mine", "-o", "ControlPersist=no", "-p", "2222"]


def settings(shared: SharedSsh) -> dict[str, str]:
    """Settings by name that ssh takes from the options."""
    asked = ["ssh", "-F", "/dev/null", "-G", *shared.options, "board.lan"]
    lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(line.split(" ", 1) for line in lines if " " in line)


def test_it_is_this_program_s_and_not_the_user_s() -> None:
    shared = SharedSsh(MINE)
    found = settings(shared)
    assert (found["controlmaster"], found["controlpersist"]) == ("auto", str(IDLE_SECONDS))
    assert found["port"] == "2222"
    folder = Path(found["controlpath"]).parent
    assert folder.stat().st_mode & 0o77 == 0, "nobody else asks over it"
    shared.close()
    assert not folder.exists()


def test_it_ends_with_the_last_request_that_uses_it() -> None:
    shared = SharedSsh([])
    folder = Path(settings(shared)["controlpath"]).parent
    with shared:
        with shared:
            shared.close()
        assert folder.exists()
    assert not folder.exists()
    shared.close()


SSH = """\
#!/bin/sh
for word; do
    case $word in ControlPath=*) path=${word#ControlPath=} ;; esac
done
if [ "$1 $2" = "-O exit" ]; then
    [ -e "$path" ] && echo ended
    rm "$path"
else
    echo >"$path"
fi
"""
"""An ssh whose shared connection is a file in the place of its socket."""
OPENS = """\
import subprocess
from clients.shared_ssh import SharedSsh
shared = SharedSsh([])
subprocess.run(["ssh", *shared.options, "board.lan"], check=True)
assert shared._socket.exists()
"""


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("", 0),
        ("raise SystemExit(3)", 3),
        ("raise KeyboardInterrupt", -2),
        ("shared.__enter__(); shared.close()", 0),
        ("shared.close()", 0),
        ("del shared", 0),
    ],
    ids=["end", "exit", "interrupt", "closed while a thread uses it", "closed", "lost"],
)
def test_it_ends_with_its_program(
    end: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`fleet status` left an ssh process, and a login on each board, for ten seconds."""
    ssh, ended = tmp_path / "ssh", tmp_path / "ended"
    ssh.write_text(SSH.replace("echo ended", f"echo ended >>{ended}"))
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    process = subprocess.run(
        [sys.executable, "-c", f"{OPENS}{end}"], cwd=PROJECT, stderr=subprocess.PIPE, check=False
    )
    assert process.returncode == code, process.stderr
    assert ended.read_text() == "ended\n"


LONGEST = 67
"""Most characters of the path of a temporary folder in which ssh can have its socket (Linux: 107 in all)."""


@pytest.mark.parametrize("name", ["a b", "it's", "50%", "$HOME"])
def test_a_folder_whose_name_ssh_would_change_has_no_shared_connection(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / name))
    shared = SharedSsh(MINE)
    assert shared.options == MINE
    shared.close()


@pytest.mark.parametrize(("length", "shares"), [(LONGEST, True), (LONGEST + 1, False)])
def test_a_folder_with_too_long_a_path_has_no_shared_connection(
    length: int, shares: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        folder = Path(short) / ("x" * (length - len(short) - 1))
        folder.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        shared = SharedSsh(MINE)
        assert (shared.options != MINE) == shares
        shared.close()


def test_a_folder_without_hard_links_has_no_shared_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems have none; ssh makes its socket with one."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    shared = SharedSsh(MINE)
    assert shared.options == MINE
    shared.close()
