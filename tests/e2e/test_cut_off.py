"""A board that is cut off in the middle of a handover brings back its old node without help.

The provider's own code works over real ssh, on a board of the tests; `sleep` stands in for the node.
"""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from catalogue.images import CATALOGUE, PROXY
from clients.engine import connect
from providers.kind import ProviderError, Values
from providers.skycoin import watchdog
from providers.skycoin.node_container import NodeContainer
from tests.e2e.boards import Board, lone_board
from tests.e2e.plugin import busybox_archive, until
from tests.e2e.rebooted import INPUTS, NAME, WALLET, prepare

OLD, NEW = "node-like:1", "node-like:2"
DATA = "skycoin-cut-off-data"
SLOW = {"tests": ["CMD", "test", "-e", "/tmp/is-there"], "interval": "1s", "timeout": "1s", "retries": 100}
"""Health check of a node that takes long to become healthy."""


@contextmanager
def board_with_images(name: str, number: int) -> Iterator[Board]:
    """Start a board that has the images `OLD` and `NEW`."""
    with lone_board(name, number) as board:
        for image in (OLD, NEW):
            command = ["docker", "-H", board.docker_host, "import", "-", image]
            subprocess.run(command, input=busybox_archive(), check=True, capture_output=True)
        yield board


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    with board_with_images("cut-off", 30) as board:
        yield board


@dataclass
class Node:
    """A node on the board, as Pulumi's state has it."""

    board: Board
    user: str = ""
    """Its user; without one, that of its image, root."""
    identity: str = ""
    inputs: Values = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def wanted(self, **changes: Any) -> Values:
        place = {"engine": self.board.engine, "sshOptions": self.board.ssh_options}
        mounts = [*INPUTS["mounts"], {"type": "volume", "source": DATA, "target": "/data"}]
        node = {**INPUTS, **place, "mounts": mounts, "image": OLD, "init": True, "waitTimeout": 20}
        return {**node, **({"user": self.user} if self.user else {}), **changes}

    def up(self, **changes: Any) -> None:
        news = self.wanted(**changes)
        kind = NodeContainer(self.said.append, self.said.append, connect)
        if self.identity:
            kind.update(self.identity, self.inputs, news)
        else:
            self.identity, _ = kind.create(news)
        self.inputs = news

    def begin(self, **changes: Any) -> threading.Thread:
        def run() -> None:
            try:
                self.up(**changes)
            except Exception as error:  # the test checks it
                self.failed.append(str(error))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def containers(self) -> dict[str, str]:
        """Name → image of the running containers, bypassing ssh and the link."""
        listed = self.board.docker("ps", "--format", "{{.Names}} {{.Image}}").splitlines()
        return dict(line.split() for line in listed)


def in_data(board: Board, script: str) -> str:
    """Output of a script in the node's data volume, bypassing ssh and the link."""
    return board.docker("run", "--rm", "-v", f"{DATA}:/data", "-w", "/data", OLD, "sh", "-c", script)


def proxy_on(board: Board, port: int) -> str:
    """Start a container that a handover takes for the node's proxy; return its name."""
    name, title = f"{NAME}-proxy", f"org.opencontainers.image.title={CATALOGUE[PROXY].title}"
    given = ["--init", "--network", "none", "--label", title, "-p", f"127.0.0.1:{port}:8080"]
    board.docker("run", "-d", "--name", name, *given, OLD, "sh", "-c", "sleep 1000", "proxy", NAME)
    return name


@pytest.fixture
def node(board: Board, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    with running_node(Node(board), monkeypatch) as made:
        yield made


@contextmanager
def running_node(made: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    """Run a node on its board, and remove all containers afterwards."""
    monkeypatch.setattr(watchdog, "MARGIN", 10)
    board = made.board
    prepare(board.run, board.docker_host, made.user or "0:0")
    board.docker("volume", "create", DATA)
    made.up()
    yield made
    board.plug()
    for name in board.docker("ps", "-aq").split():
        board.docker("rm", "-f", name)


@pytest.mark.case(39)
def test_a_board_that_is_cut_off_in_a_handover_brings_its_old_node_back(board: Board, node: Node) -> None:
    old = board.docker("ps", "-q", "--no-trunc").strip()
    proxy = proxy_on(board, 16420)
    port = {"internal": 6420, "external": 16420, "ip": "127.0.0.1"}
    run = node.begin(image=NEW, healthcheck=SLOW, ports=[port])
    until(lambda: node.containers() == {NAME: NEW}, "the new one starts, the proxy has made way", seconds=60)
    # What an upgrade leaves: data of the new version, and a copy of the data before.
    in_data(
        board, "mkdir .skycoin && cd .skycoin && echo newer > data.db && echo older > data.db.before-upgrade"
    )
    board.unplug()
    cut = time.monotonic()
    until(
        lambda: node.containers() == {NAME: OLD, proxy: OLD}, "the old one and its proxy are back", seconds=90
    )
    print(f"the old node was back {time.monotonic() - cut:.0f} s after the link was cut")
    board.docker("rm", "-f", proxy)
    assert board.docker("ps", "-aq", "--no-trunc").split() == [old], "the new one is left"
    policy = board.docker("inspect", "-f", "{{.HostConfig.RestartPolicy.Name}}", old).strip()
    assert policy == "unless-stopped"
    assert in_data(board, "cd .skycoin && ls && cat data.db").split() == ["data.db", "older"]
    board.plug()
    run.join(timeout=120)
    assert len(node.failed) == 1, "the operator is told"
    node.up(image=NEW)
    assert node.containers() == {NAME: NEW}
    assert board.docker("ps", "-aq", "--no-trunc").split() != [old]


@pytest.mark.case(36)
@pytest.mark.case(39)
def test_a_watchdog_starts_no_second_writer_next_to_a_container_that_a_user_started(
    board: Board, node: Node
) -> None:
    """While the board is cut off, a user starts another container on the wallet."""
    run = node.begin(image=NEW, healthcheck=SLOW)
    until(lambda: node.containers() == {NAME: NEW}, "the new one starts", seconds=60)
    board.unplug()
    board.docker("run", "-d", "--init", "--name", "by-hand", "-v", f"{WALLET}:/wallet", OLD, "sleep", "1000")
    until(lambda: node.containers() == {"by-hand": OLD}, "the new one is stopped", seconds=90)
    until(lambda: not board.pids("sh"), "the watchdog ends", seconds=30)
    assert node.containers() == {"by-hand": OLD}
    board.plug()
    run.join(timeout=120)
    with pytest.raises(ProviderError, match="is in use by the container by-hand"):
        node.up(image=NEW)
    assert node.containers() == {"by-hand": OLD}


@pytest.mark.long
@pytest.mark.case(39)
def test_a_watchdog_touches_neither_the_next_handover_nor_a_successful_one(board: Board, node: Node) -> None:
    """Otherwise, it would bring the old node back during another attempt, or after a success."""
    run = node.begin(image=NEW, healthcheck=SLOW)
    run.join(timeout=120)
    assert "is not healthy after 20 s" in node.failed[0]
    assert node.containers() == {NAME: OLD}
    again = node.begin(image=NEW, healthcheck=SLOW, waitTimeout=40)
    until(lambda: node.containers() == {NAME: NEW}, "the new one starts", seconds=60)
    until(lambda: len(board.pids("sh")) == 1, "the first one ends", seconds=60)
    assert node.containers() == {NAME: NEW}
    board.docker("exec", NAME, "touch", "/tmp/is-there")
    again.join(timeout=120)
    assert node.failed[1:] == []
    new = board.docker("ps", "-q", "--no-trunc").strip()
    until(lambda: not board.pids("sh"), "the second one ends by itself", seconds=120)
    assert board.docker("ps", "-aq", "--no-trunc").split() == [new]
    assert node.containers() == {NAME: NEW}


@pytest.mark.case(39)
def test_a_board_that_reboots_in_a_handover_runs_its_old_node(board: Board, node: Node) -> None:
    node.begin(image=NEW, healthcheck=SLOW)
    until(lambda: node.containers() == {NAME: NEW}, "the new one starts", seconds=60)
    board.reboot()
    until(lambda: node.containers() == {f"{NAME}-previous": OLD}, "the old one runs", seconds=30)
    until(lambda: len(node.failed) == 1, "the operator is told", seconds=120)
    node.up(image=NEW)
    assert node.containers() == {NAME: NEW}
