"""The connection that all requests of a process to a host share, as the real ssh reads its options."""

import subprocess
from pathlib import Path

from clients.shared_ssh import IDLE_SECONDS, SharedSsh

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
