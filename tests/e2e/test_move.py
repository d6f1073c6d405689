"""One command moves a node and its wallet to another host; the old volumes stay."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.boards import Board, start_board
from tests.e2e.machine import Machine, Result
from tests.e2e.plugin import until
from tests.e2e.test_dead_hosts import with_entries
from tests.e2e.test_hosts import login_of
from tests.e2e.test_rollback import fingerprint, status_on, well
from tests.e2e.test_wallet_backups import Key
from tests.e2e.test_wallet_identity import MADE, SEED
from tests.unit.yaml_like import PROXY

NAME, PORT, HEIR_PORT = "nomad", 16433, 16434
NODE = f"skycoin-{NAME}"
WALLET = f"{NODE}-wallet"


@dataclass(frozen=True, slots=True)
class Fleet:
    """A node with wallets that it created itself, on this machine's engine, and two boards without a node."""

    machine: Machine
    shore: Board
    cove: Board

    def move(self, host: str, *options: str) -> Result:
        return self.machine.skyinfra("node", "move", NAME, "--to", host, "--yes", *options)

    def files(self) -> str:
        """Names and contents of the wallets in the volume on this machine, even if the node has left it."""
        place = Path(self.machine.inspect("volume", WALLET)["Mountpoint"])
        return "".join(f"{path.name} {path.read_text()}" for path in sorted(place.glob("*.wlt")))


@pytest.fixture(scope="module")
def boards(up: Machine) -> Iterator[tuple[Board, Board]]:
    made = start_board(up.layout, "shore", 21), start_board(up.layout, "cove", 22)
    yield made
    for board in made:
        board.end()


@pytest.fixture(scope="module")
def fleet(up: Machine, boards: tuple[Board, Board]) -> Iterator[Fleet]:
    before, (shore, cove) = up.settings(), boards
    nodes = {NAME: {"image": "skycoin", "host": "here", "rpc-port": PORT, "wait": 60, "gui": True}}
    hosts = {"shore": shore.host, "cove": cove.host}
    up.change(with_entries(before, hosts=hosts, nodes=nodes, images={"proxy": PROXY}))
    well(up.make("up"))
    for name, options in MADE.items():
        well(up.docker("exec", NODE, "skycoin-cli", "walletCreate", f"{name}.wlt", *options))
    yield Fleet(up, shore, cove)
    well(up.make("retire", f"NODE={NAME}"))
    up.change(before)
    well(up.make("up"))


LIST = ("exec", NODE, "skycoin-cli", "listAddresses", "deterministic.wlt")
"""Command by which the node's own program prints the addresses of a wallet."""


def test_another_host_in_the_file_is_refused_with_the_command(fleet: Fleet) -> None:
    machine, before = fleet.machine, fleet.machine.settings()
    nodes = {**before["skycoin:nodes"], NAME: {**before["skycoin:nodes"][NAME], "host": "shore"}}
    machine.change({**before, "skycoin:nodes": nodes})
    for refused in (machine.make("preview"), machine.make("up")):
        assert refused.code != 0
        assert f"`./skyinfra node move {NAME} --to shore` moves both" in " ".join(refused.text.split())
    machine.change(before)


def test_a_node_moves_with_its_wallet_and_leaves_its_volumes(fleet: Fleet) -> None:
    machine, shore = fleet.machine, fleet.shore
    wallets, listed, files = fingerprint(machine, NAME), well(machine.docker(*LIST)).text, fleet.files()
    text = machine.stack_file.read_text()
    moved = well(fleet.move("shore"))
    assert f"{NAME} on host shore runs with the same wallets" in moved.text
    assert SEED not in moved.text
    wanted, changed = re.subn(rf"host: here(\s+rpc-port: {PORT})", r"host: shore\1", text)
    assert (machine.stack_file.read_text(), changed) == (wanted, 1)
    assert fingerprint(machine, NAME) == wallets
    assert shore.docker(*LIST) == listed
    assert fleet.files() == files, "the old volume stays"
    left = machine.docker("ps", "-a", "--format", "{{.Names}}").text.split()
    assert not [name for name in left if name.startswith(NODE)], "its proxy has gone with it"
    assert status_on(shore, "/api/v1/wallets", port=PORT) == "401"
    assert status_on(shore, "/api/v1/wallets", *login_of(machine, NAME), port=PORT) == "200"
    again = well(machine.make("up"))
    assert re.search(r"\n    \d+ unchanged \(", again.text), again.text
    # With a proxy, each of the next moves would take 10 s longer.
    config = machine.settings()
    config["skycoin:nodes"][NAME].pop("gui")
    machine.change(config)


def test_a_move_that_is_killed_is_finished_by_the_next(fleet: Fleet) -> None:
    machine, cove = fleet.machine, fleet.cove
    wallets = fingerprint(machine, NAME)
    process = machine.started(
        "./skyinfra", "node", "move", NAME, "--to", "cove", "--yes", env=machine.environment()
    )
    until(lambda: WALLET in cove.docker("volume", "ls", "-q"), "the volume is made", 120)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    moved = well(fleet.move("cove"))
    assert f"fingerprint {wallets}." in moved.text
    assert fingerprint(machine, NAME) == wallets
    left = fleet.shore.docker("ps", "-a", "--format", "{{.Names}}").split()
    assert not [name for name in left if name.startswith(NODE)], left


def test_a_wallet_that_has_grown_never_overwrites_its_older_copy(fleet: Fleet) -> None:
    machine, cove = fleet.machine, fleet.cove
    cove.docker("exec", NODE, "skycoin-cli", "walletAddAddresses", "deterministic.wlt", "-n", "1")
    wallets = fingerprint(machine, NAME)
    refused = fleet.move("shore")
    assert refused.code == 1
    assert f"the volume {WALLET} on host shore is not empty: it has deterministic.wlt" in refused.text
    assert "The new wallets have all of its addresses" in refused.text
    assert fingerprint(machine, NAME) == wallets
    fleet.shore.docker("volume", "rm", WALLET)
    well(fleet.move("shore"))
    assert fingerprint(machine, NAME) == wallets


def test_a_dead_boards_node_comes_back_elsewhere_from_a_backup(fleet: Fleet, tmp_path: Path) -> None:
    machine, key = fleet.machine, Key(tmp_path, "key.txt", fleet.machine)
    wallets = fingerprint(machine, NAME)
    made = well(machine.skyinfra("wallet", "backup", NAME, "--to", str(tmp_path), "--recipient", key.public))
    [file] = re.findall(r"^(\S+\.backup): ", made.text, re.MULTILINE)
    options = ("--from-backup", file, "--identity", str(key.file))
    alive = fleet.move("cove", *options)
    assert alive.code == 1
    assert "host shore (" in alive.text
    assert " answers: omit `--from-backup`" in alive.text
    fleet.shore.stop_sshd()
    try:
        fleet.cove.docker("volume", "rm", WALLET)
        refusing = fleet.move("cove", *options)
        assert (refusing.code, " may be alive (" in refusing.text) == (1, True), "it refuses the connection"
    finally:
        fleet.shore.start_sshd()
    with dead(fleet.shore):
        moved = well(fleet.move("cove", *options))
        assert f"docker stop -t 60 {NODE} && docker rm {NODE}" in moved.text
        assert fingerprint(machine, NAME) == wallets
    assert NODE in fleet.shore.docker("ps", "--format", "{{.Names}}"), "nobody has touched it"
    fleet.shore.docker("rm", "-f", NODE)


@contextmanager
def dead(board: Board) -> Iterator[None]:
    """Take a board off its link; nothing else is asked in its place, such as this machine's gateway."""
    route = ["unreachable", f"{board.address}/32"]
    board.unplug()
    subprocess.run(["ip", "route", "add", *route], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "route", "del", *route], check=True)
        board.plug()


@contextmanager
def plain_run(machine: Machine, name: str) -> Iterator[str]:
    """Run a node by plain `docker run`, with a new wallet; yield the wallet's addresses."""
    image = machine.outputs()["nodes"]["node-1"]["image"]
    options = ("--network", "none", "--restart", "unless-stopped", "--name", name, "-v", f"{name}:/wallet")
    well(machine.docker("run", "-d", *options, image, "-disable-networking"))
    try:
        cli = ("exec", name, "skycoin-cli")
        until(lambda: machine.docker(*cli, "status").code == 0, "the old node answers", 120, 1)
        well(machine.docker(*cli, "walletCreate", "old.wlt", *MADE["deterministic"]))
        yield well(machine.docker(*cli, "listAddresses", "old.wlt")).text
    finally:
        machine.docker("rm", "-f", name)
        machine.docker("volume", "rm", name)


@pytest.mark.long
def test_a_node_adopts_the_wallet_of_a_plain_docker_run(up: Machine) -> None:
    """The community's images keep the wallet at /wallet, and so does this project's image."""
    before, new = up.settings(), "skycoin-heir"
    nodes = {"heir": {"image": "skycoin", "host": "here", "rpc-port": HEIR_PORT, "wait": 60}}
    up.change(with_entries(before, nodes=nodes))
    well(up.make("up"))
    try:
        with plain_run(up, "old-skycoin") as addresses:
            refused = up.skyinfra("wallet", "adopt", "heir", "--from", "old-skycoin")
            assert refused.code == 1
            assert "This stops the containers: `docker stop -t 60 old-skycoin`" in refused.text
            place = Path(up.inspect("volume", "old-skycoin")["Mountpoint"])
            files = {path.name: path.read_bytes() for path in place.glob("*.wlt")}
            adopted = well(up.skyinfra("wallet", "adopt", "heir", "--from", "old-skycoin", "--yes"))
            assert SEED not in adopted.text
            assert {path.name: path.read_bytes() for path in place.glob("*.wlt")} == files
            assert up.inspect("container", "old-skycoin")["State"]["Status"] == "exited"
            listed = well(up.docker("exec", new, "skycoin-cli", "listAddresses", "old.wlt")).text
            assert listed == addresses
            assert f"with the fingerprint {fingerprint(up, 'heir')}." in adopted.text
            # A folder of the host, as in docs/wallets.md, whose wallet has been adopted already.
            image = up.inspect("container", new)["Config"]["Image"]
            well(up.docker("create", "--name", "bound", "-v", f"{place}:/wallet", image))
            well(up.skyinfra("wallet", "adopt", "heir", "--from", "bound"))
            again = well(up.make("up"))
            assert "updated heir-preflight: a copy of its wallet" in again.text
            assert re.search(r"\n    1 updated, \d+ unchanged \(", again.text), again.text
    finally:
        up.docker("rm", "-f", "bound")
        well(up.make("retire", "NODE=heir"))
        up.change(before)
        well(up.make("up"))
