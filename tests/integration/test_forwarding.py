"""A port of this machine, forwarded to a host's loopback; a stand-in for ssh answers as OpenSSH 9.2 does."""

import os
import resource
import subprocess
import time
from pathlib import Path

import pytest

from clients import ssh
from clients.errors import ServiceError
from clients.ssh import forwarded

URL = "ssh://pi@attic.lan"
TAKEN = "Warning: remote port forwarding failed for listen port"
READY = "echo ready; cat > /dev/null"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """File with the process id and arguments of each ssh."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path / "calls"


def answer(calls: Path, script: str) -> None:
    """Make ssh run `script`, in which $wanted is the port to forward."""
    program = calls.parent / "ssh"
    find = 'for part; do case "$part" in 127.0.0.1:*) wanted=${part#*:}; wanted=${wanted%%:*};; esac; done'
    program.write_text(f'#!/bin/sh\necho "$$ $*" >> {calls}\n{find}\n{script}\n')
    program.chmod(0o755)


def way() -> int:
    """Forward the port and close it again; return its number on the host."""
    with forwarded(URL, [], "127.0.0.1", 5443) as there:
        return there


def ended(calls: Path) -> bool:
    """Return whether none of the ssh processes is left."""
    pids = [line.split()[0] for line in calls.read_text().splitlines()]
    return subprocess.run(["ps", "-p", ",".join(pids)], capture_output=True, check=False).returncode != 0


def test_a_port_that_is_free_on_the_host_keeps_its_number(calls: Path) -> None:
    answer(calls, READY)
    assert way() == 5443
    assert ended(calls)


def test_a_port_in_use_on_the_host_is_replaced_by_another(calls: Path) -> None:
    said = "Allocated port 40431 for remote forward to 127.0.0.1:5443"
    answer(calls, f'[ "$wanted" = 0 ] && echo "{said}" >&2 || echo "{TAKEN} $wanted" >&2\n{READY}')
    assert way() == 40431
    assert ended(calls)


def test_a_failed_forward_from_the_users_own_ssh_configuration_is_ignored(calls: Path) -> None:
    """A LocalForward to the node's port, or a RemoteForward, may already belong to another connection."""
    own = f"bind [127.0.0.1]:6420: Address already in use\n{TAKEN} 8080"
    answer(calls, f'echo "{own}" >&2\n{READY}')
    assert way() == 5443


def test_a_login_message_of_the_shell_is_not_an_answer(calls: Path) -> None:
    answer(calls, f"printf 'welcome \\377\\n'\n{READY}")
    assert way() == 5443


def test_a_sshd_that_forwards_nothing_is_reported(calls: Path) -> None:
    answer(calls, f'echo "{TAKEN} $wanted" >&2\n{READY}')
    with pytest.raises(ServiceError, match=r"AllowTcpForwarding.*`pull-from`"):
        way()
    assert ended(calls)


@pytest.mark.parametrize("script", ["exec cat > /dev/null", "exec sleep 60"])
def test_a_host_that_runs_no_command_is_not_waited_for_without_end(
    script: str, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `command=` in authorized_keys, every pull through that host's ssh used to hang."""
    monkeypatch.setattr(ssh, "READY_SECONDS", 0.5)
    answer(calls, script)
    with pytest.raises(ServiceError, match=r"no command ran on it\nTry `ssh ssh://pi@attic\.lan true`"):
        way()
    assert ended(calls)


def test_an_unknown_host_key_is_reported_at_once(calls: Path) -> None:
    answer(calls, "echo 'Host key verification failed.' >&2; exit 255")
    with pytest.raises(ServiceError, match="Host key verification failed"):
        way()
    assert len(calls.read_text().splitlines()) == 1


FLOODS = [
    "head -c 3000000 /dev/zero >&2",
    "head -c 3000000 /dev/zero; echo",
    "yes",
    "yes >&2",
    "cat /dev/zero",
]


@pytest.mark.parametrize("flood", FLOODS)
def test_a_host_that_prints_without_end_fills_neither_memory_nor_disk(
    flood: str, calls: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before, what it printed as an error grew a file in the temporary folder for as long as a pull took."""
    monkeypatch.setattr(ssh, "READY_SECONDS", 5 if "head" in flood else 0.5)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    answer(calls, f"{flood}\n{READY}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if "head" in flood:
        assert way() == 5443
    else:
        with pytest.raises(ServiceError, match="does not forward a port for the pull") as raised:
            way()
        assert len(str(raised.value)) < 2000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4_000
    assert ended(calls)


def test_what_ssh_says_during_a_pull_does_not_hold_it_up(calls: Path, tmp_path: Path) -> None:
    """A pipe that nobody reads is full after 64 kB, and ssh then waits."""
    done = tmp_path / "done"
    answer(calls, f"echo ready; head -c 1000000 /dev/zero >&2; touch {done}; cat > /dev/null")
    with forwarded(URL, [], "127.0.0.1", 5443):
        until = time.monotonic() + 20
        while not done.exists():
            assert time.monotonic() < until
            time.sleep(0.02)
    assert ended(calls)
