"""ssh connections to a board: no more than there are simultaneous requests, and they are used again."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from clients.engine import Engine, connect
from tests.e2e.boards import Board, lone_board
from tests.e2e.plugin import NETWORK, VOLUME, Resource, started_plugin

AT_ONCE = 8


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    with lone_board("ssh-connections", 31) as made:
        yield made


def connections(board: Board) -> int:
    """Number of connections that the board's sshd has accepted."""
    return (board.folder / "sshd.log").read_text().count("Accepted publickey")


def test_resources_that_come_at_once_take_a_connection_each_and_use_it_again(board: Board) -> None:
    before = connections(board)
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
    # Before, the same requests took 21 connections.
    assert connections(board) - before <= AT_ONCE


def test_requests_one_after_another_share_one_ssh_connection(board: Board) -> None:
    """Preflight, image and container of a node used to open several new connections each."""
    before = connections(board)
    place = {"engine": board.engine, "sshOptions": board.ssh_options}
    for _ in range(AT_ONCE):
        assert connect(place).info()["Architecture"]
        assert connect(place).api.volumes() is not None
    assert connections(board) - before == 1


def ssh_processes() -> int:
    """Number of running ssh processes that this process has started."""
    completed = subprocess.run(
        ["pgrep", "-c", "-P", str(os.getpid()), "-x", "ssh"], capture_output=True, check=False
    )
    return int(completed.stdout)


def test_a_closed_client_leaves_no_ssh_process(board: Board) -> None:
    before = ssh_processes()
    clients = []
    for _ in range(3):
        asked = Engine()
        asked.configure({"host": board.engine, "sshOpts": board.ssh_options})
        assert asked.client().info()["Architecture"]
        clients.append(asked.client())
    assert ssh_processes() == before + 3
    for client in clients:
        client.close()
    until = time.monotonic() + 10
    while ssh_processes() != before and time.monotonic() < until:
        time.sleep(0.1)
    assert ssh_processes() == before


@pytest.mark.case(40)
def test_a_board_that_was_away_is_connected_to_again(board: Board) -> None:
    place = {"engine": board.engine, "sshOptions": board.ssh_options}
    connect(place).info()
    before = connections(board)
    board.reboot()
    assert connect(place).info()["Containers"] == 0
    assert connections(board) - before == 1
