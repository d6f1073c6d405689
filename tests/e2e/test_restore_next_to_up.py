"""A restore on a board next to another one, or to an `up`, a watchdog or a reboot that starts the node."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from catalogue.node_container import WALLET_HELPER
from clients.deployed_nodes import DeployedNode
from clients.engine import connect
from providers.skycoin.handover import Handover
from tests.e2e.boards import Board
from tests.e2e.plugin import until
from tests.e2e.rebooted import NAME, WALLET
from tests.e2e.test_cut_off import DATA, NEW, OLD, SLOW, Node, board_with_images, running_node
from tests.unit.test_wallet_backups import wallet
from wallets.backups.format import read
from wallets.backups.local_folder import LocalFolder
from wallets.backups.restore import Restoring, restore_file
from wallets.errors import WalletError
from wallets.files.archives import pack
from wallets.files.contents import File
from wallets.volumes.volume import WalletVolume
from wallets.volumes.writing import MOVE

USER = "12000:12000"
IN_VOLUME, IN_BACKUP = wallet("one"), wallet("one", "two", "three")
STARTED = "has been started on"


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    with board_with_images("restored", 32) as board:
        yield board


@pytest.fixture
def node(board: Board, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    with running_node(Node(board, USER), monkeypatch) as made:
        yield made


@pytest.fixture(autouse=True)
def without_volumes(board: Board) -> Iterator[None]:
    """Remove the volumes after each node: they hold another user's files."""
    yield
    for container in board.docker("ps", "-aq").split():
        board.docker("rm", "-f", container)
    board.docker("volume", "rm", WALLET, f"{WALLET}-backups", DATA)


class SlowFolder(LocalFolder):
    """A folder on a slow disk: something else happens before the file of what was there is in it."""

    def __init__(self, path: Path, meanwhile: Callable[[], None]) -> None:
        super().__init__(path)
        self._meanwhile = meanwhile

    def keep(self, name: str, backup: bytes) -> str:
        self._meanwhile()
        return super().keep(name, backup)


def deployed(board: Board) -> DeployedNode:
    return DeployedNode(
        stack="test",
        name="one",
        host="board",
        engine=board.engine,
        ssh_options=board.ssh_options,
        image=OLD,
        user=USER,
        container=NAME,
        wallet=WALLET,
        data=DATA,
        preflight="",
        urns=[],
        protected=[],
    )


def put_one_address(board: Board) -> None:
    script = f"printf %s '{IN_VOLUME.decode()}' > /wallet/mine.wlt; chown -R {USER} /wallet"
    board.docker("run", "--rm", "-v", f"{WALLET}:/wallet", OLD, "sh", "-c", script)


def restore(board: Board, place: LocalFolder, data: bytes = IN_BACKUP) -> WalletVolume:
    one = deployed(board)
    volume = WalletVolume(one, connect(one.host_inputs))
    file = read("one-wallet-2026-01-01T00-00-00Z.tar.gz", pack({"mine.wlt": File(data=data)}))
    restore_file(one, volume, file, [], Restoring(folder=place))
    return volume


def refusal_of_restore(board: Board, folder: Path, meanwhile: Callable[[], None]) -> str:
    """Restore three addresses over one, and return the refusal; the volume must be unchanged then."""
    put_one_address(board)
    with pytest.raises(WalletError) as refused:
        restore(board, SlowFolder(folder, meanwhile))
    one = deployed(board)
    assert WalletVolume(one, connect(one.host_inputs)).read()["mine.wlt"].data == IN_VOLUME
    return str(refused.value)


@pytest.mark.case(36, 38)
def test_a_restore_starts_no_node_next_to_the_one_that_an_up_is_starting(
    board: Board, node: Node, tmp_path: Path
) -> None:
    """Before, it started the container that the `up` had set aside."""
    runs: list[threading.Thread] = []

    def up() -> None:
        runs.append(node.begin(image=NEW, healthcheck=SLOW, waitTimeout=90))
        until(lambda: node.containers() == {NAME: NEW}, "up starts its container", seconds=60)

    assert f"{NAME} on host board {STARTED}" in refusal_of_restore(board, tmp_path, up)
    assert node.containers() == {NAME: NEW}
    board.docker("exec", NAME, "touch", "/tmp/is-there")
    runs[0].join(timeout=120)
    assert not node.failed
    assert node.containers() == {NAME: NEW}


@pytest.mark.case(38)
def test_a_restore_writes_nothing_under_a_node_that_an_up_has_started(
    board: Board, node: Node, tmp_path: Path
) -> None:
    """The node has the old wallet in memory, and writes it over the restored one at its next save."""
    said = refusal_of_restore(board, tmp_path, lambda: node.up(image=NEW))
    assert f"{NAME} on host board {STARTED}" in said
    assert node.containers() == {NAME: NEW}


class KilledError(BaseException):
    """The provider's process is killed."""


def kill_an_up(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill an `up` that has set the old container aside."""

    def killed(*_: object) -> str:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Handover, "_create", killed)
        with pytest.raises(KilledError):
            node.up(image=NEW)
    assert node.containers() == {}


@pytest.mark.case(38, 39)
def test_a_restore_writes_nothing_under_a_node_that_the_watchdog_of_a_killed_up_has_started(
    board: Board, node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_an_up(node, monkeypatch)

    def watchdog() -> None:
        until(lambda: node.containers() == {NAME: OLD}, "the watchdog starts the old one", seconds=120)

    assert f"{NAME} on host board {STARTED}" in refusal_of_restore(board, tmp_path, watchdog)


@pytest.mark.case(38, 39)
def test_a_restore_writes_nothing_under_a_node_that_a_reboot_after_a_killed_up_has_started(
    board: Board, node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker starts the container that was set aside, by its restart policy."""
    kill_an_up(node, monkeypatch)

    def reboot() -> None:
        board.reboot()
        until(lambda: node.containers() == {f"{NAME}-previous": OLD}, "the old one runs", seconds=60)

    assert f"{NAME}-previous on host board {STARTED}" in refusal_of_restore(board, tmp_path, reboot)


def before_moving(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """Let something happen when all files of a restore are staged, just before they are moved."""
    real, once = WalletVolume.run, [happens]

    def run(volume: WalletVolume, command: list[str]) -> tuple[int, str]:
        if command[2:] == [MOVE] and once:
            once.pop()()
        return real(volume, command)

    monkeypatch.setattr(WalletVolume, "run", run)


@pytest.mark.case(38)
def test_a_second_restore_is_refused_while_the_first_one_writes(
    board: Board, node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It removed the first one's staged files, of which some could be in place already."""
    put_one_address(board)
    refused: list[str] = []

    def second() -> None:
        with monkeypatch.context() as patch:
            for module in ("processes", "volume"):
                patch.setattr(f"wallets.volumes.{module}.this_process", lambda: "another machine 1 1")
            with pytest.raises(WalletError) as raised:
                restore(board, LocalFolder(tmp_path / "second"), wallet("one", "two"))
        refused.append(str(raised.value))

    before_moving(monkeypatch, second)
    volume = restore(board, LocalFolder(tmp_path / "first"))
    assert "is writing to" in refused[0]
    assert not (tmp_path / "second").exists()
    assert volume.read()["mine.wlt"].data == IN_BACKUP
    assert node.containers() == {NAME: OLD}


@pytest.mark.case(38)
def test_a_restore_that_was_killed_on_this_machine_is_finished_by_the_next(
    board: Board, node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_one_address(board)
    if (child := os.fork()) == 0:
        before_moving(monkeypatch, lambda: os.kill(os.getpid(), signal.SIGKILL))
        restore(board, LocalFolder(tmp_path / "killed"))
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    label = f"label={WALLET_HELPER}={WALLET}"
    assert len(board.docker("ps", "-aq", "--filter", label).split()) == 1
    volume = restore(board, LocalFolder(tmp_path / "next"))
    assert volume.read() == {"mine.wlt": volume.read()["mine.wlt"]}
    assert volume.read()["mine.wlt"].data == IN_BACKUP
    assert board.docker("ps", "-aq", "--filter", label) == ""
