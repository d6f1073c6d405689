"""ssh connections to a board: a process logs in once, and nothing of it stays."""

import contextlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clients.engine import Engine, connect
from clients.errors import SilentHostError
from clients.shared_ssh import IDLE_SECONDS
from clients.ssh import SshRelay
from tests.e2e.boards import Board, lone_board
from tests.e2e.plugin import NETWORK, VOLUME, Resource, started_plugin

AT_ONCE = 8
SESSIONS = 10
"""Sessions that sshd allows in one connection (sshd_config(5), `MaxSessions`)."""


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    with lone_board("ssh-connections", 31) as made:
        yield made


def test_resources_that_come_at_once_share_one_login(board: Board) -> None:
    before = board.logins()
    with started_plugin(board.engine, sshOpts=board.ssh_options) as plugin:
        together = threading.Barrier(AT_ONCE)

        def made(number: int) -> Resource:
            together.wait()
            token = (VOLUME, NETWORK)[number % 2]
            return plugin.create(token, {"name": f"thing-{number}"})

        with ThreadPoolExecutor(AT_ONCE) as pool:
            things = list(pool.map(made, range(AT_ONCE)))
            assert all(pool.map(plugin.unchanged, things))
            list(pool.map(plugin.delete, things))
    # Without a shared connection and a pool, the same requests took 21 logins; with the pool alone, eight.
    assert board.logins() - before == 1


def test_requests_one_after_another_share_one_login(board: Board) -> None:
    """Preflight, image and container of a node used to open several new connections each."""
    before = board.logins()
    place = {"engine": board.engine, "sshOptions": board.ssh_options}
    for _ in range(AT_ONCE):
        assert connect(place).info()["Architecture"]
        assert connect(place).api.volumes() is not None
    assert board.logins() - before == 1


def test_more_requests_than_a_connection_may_have_log_in_themselves(board: Board) -> None:
    before, relay = board.logins(), SshRelay(board.engine, board.ssh_options)
    with contextlib.ExitStack() as connections:
        for _ in range(SESSIONS + 2):
            connection = connections.enter_context(socket.socket(socket.AF_UNIX))
            connection.settimeout(20)
            connection.connect(relay.address.removeprefix("unix://"))
            connection.sendall(b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
        relay.close()
    assert board.logins() - before == 3


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Folder of the sockets of the test's connections; their paths tell its ssh processes from others.

    The paths must be short: those below `tmp_path` may be too long for ssh.
    """
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr("tempfile.tempdir", folder)
        yield Path(folder)


def ssh_processes(sockets: Path) -> int:
    """Number of running ssh processes whose connection has its socket in the folder."""
    count = subprocess.run(["pgrep", "-c", "-f", f"ssh.*{sockets}"], capture_output=True, check=False)
    return int(count.stdout)


def all_end(sockets: Path, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while ssh_processes(sockets) and time.monotonic() < until:
        time.sleep(0.1)
    return not ssh_processes(sockets)


def test_closed_clients_leave_no_ssh_process(board: Board, sockets: Path) -> None:
    clients = []
    for _ in range(3):
        asked = Engine()
        asked.configure({"host": board.engine, "sshOpts": board.ssh_options})
        assert asked.client().info()["Architecture"]
        clients.append(asked.client())
    assert ssh_processes(sockets) == 6, "a shared connection, and a request's session in it, for each"
    for client in clients:
        client.close()
    assert all_end(sockets, IDLE_SECONDS / 2)


ASKS = """\
import sys, time
from clients.engine import connect
assert connect({"engine": sys.argv[1], "sshOptions": sys.argv[2:]}).info()
print("asked", flush=True)
time.sleep(600)
"""


def test_a_killed_program_leaves_no_ssh_process_for_long(board: Board, sockets: Path) -> None:
    """Pulumi kills its plugins at the end of each command."""
    command = [sys.executable, "-c", ASKS, board.engine, *board.ssh_options]
    env = {"TMPDIR": str(sockets), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said, running = process.stdout.readline(), ssh_processes(sockets)
        process.kill()
    assert (said, running) == ("asked\n", 2)
    assert all_end(sockets, IDLE_SECONDS + 10)


def test_a_connection_that_the_user_has_opened_is_used(board: Board, sockets: Path) -> None:
    """It may have taken a password or a one-time code, which this program does not ask for."""
    mine = [*board.ssh_options, "-o", f"ControlPath={sockets / 'mine'}"]
    subprocess.run(["ssh", *mine, "-M", "-N", "-f", f"root@{board.address}"], check=True)
    before = board.logins()
    assert connect({"engine": board.engine, "sshOptions": mine}).info()["Architecture"]
    assert board.logins() == before
    subprocess.run(["ssh", *mine, "-O", "exit", f"root@{board.address}"], check=True, capture_output=True)


def test_the_reason_of_a_jump_host_is_in_the_message(board: Board) -> None:
    """Every reason read like a board that closes the connection."""
    asked = Engine()
    asked.configure({"host": board.engine, "sshOpts": [*board.ssh_options, "-J", "root@127.0.0.1:1"]})
    with pytest.raises(SilentHostError, match=r"connect to host 127\.0\.0\.1 port 1: Connection refused"):
        asked.client()


def test_a_terminal_that_the_configuration_requests_changes_no_answer(board: Board) -> None:
    place = {"engine": board.engine, "sshOptions": [*board.ssh_options, "-o", "RequestTTY=force"]}
    for _ in range(4):
        assert connect(place).info()["Architecture"]


@pytest.mark.case(40)
def test_a_board_that_was_away_is_connected_to_again(board: Board) -> None:
    place = {"engine": board.engine, "sshOptions": board.ssh_options}
    connect(place).info()
    before = board.logins()
    board.reboot()
    assert connect(place).info()["Containers"] == 0
    assert board.logins() - before == 1
