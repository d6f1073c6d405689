"""The life of a node's wallets: after each event they still have their first addresses.

The node itself creates the wallets and prints their addresses. The record is kept as wallet-life.md.
"""

import hashlib
import json
import os
import platform
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from display.markdown import table
from local.machine import services
from tests.e2e.boards import Board, start_board
from tests.e2e.machine import HOME, Machine, Result
from tests.e2e.plugin import until
from tests.e2e.test_dead_hosts import with_entries
from tests.e2e.test_publishing import rebuilt
from tests.e2e.test_rollback import well
from tests.e2e.test_wallet_backups import CANARIES, Key
from tests.e2e.test_wallet_identity import MADE
from tests.soak.disk import Disk

PAGE = Path(__file__).parent / "wallet-life.md"
NAME, OTHER_NAME, PORT, ISLE = "life", "second-life", 16445, "isle"
WALLET, DATA = f"skycoin-{NAME}-wallet", f"skycoin-{NAME}-data"
SECRET_KEY = CANARIES[1].decode()
"""Key that is added to the wallet `collection`."""
CONTAINER = f"urn:pulumi:local::skycoin::skycoin:index:Node$skycoin:index:NodeContainer::{NAME}-container"
PAUSE = 0.2
"""Seconds between two checks whether the node answers."""
PROMPT = 0.5
"""Seconds within which it must answer."""
UP = ("make", "up")
PLAIN_UP = ("pulumi", "up", "--yes", "--skip-preview", "--stack", "local")
HEADS = ("event", "commands: exit code", "how it ended", "down", "addresses", "wallet volume", "copies")
INTRODUCTION = """\
Written by `tests/soak/test_wallet_life.py`, in `make soak`: {kinds} wallets, made by a real node on the
tests' machine, in an engine of the tests' own (Docker {engine}). The host isle is a network namespace
of the same machine, with an sshd and an engine of its own; nothing runs by emulation, and no node
talked to the network. The two images are of version 0.27.1, in other layers.

After each event, the addresses that `skycoin-cli listAddresses` prints for each wallet, in the
container of the healthy node, were equal to those of the first row; the test ends at the first
difference. Where the power fails, the volumes are on ext4 in a file, and a copy of it, made at one moment,
takes its place ([power-cut.md](power-cut.md) has many more). *Addresses* has their number, and the
beginning of a SHA-256 over their sorted list. *Down* is for how long the node at most did not answer, asked
every {pause} s on both hosts. *Copies* are the wallet's on the node's host. Paths and keys begin with `…`
here."""


@dataclass
class Life:
    """The node with the wallets, and where it lives."""

    machine: Machine
    isle: Board
    key: Key
    folder: Path
    """Folder of the backups."""
    name: str = NAME
    away: bool = False
    """True on the board, false on the machine's engine."""
    gone: bool = False
    """True while the wallet volume is deleted, so that no node may run."""
    typed: list[str] = field(default_factory=list)
    """Commands of the current event, with their exit codes."""

    @property
    def container(self) -> str:
        return f"skycoin-{self.name}"

    def type(self, *command: str) -> Result:
        """Run a command as a user types it."""
        env = {} if command[0] == "make" else self.machine.environment()
        result = self.machine.run(*command, env=env)
        shown = shlex.join(command).replace(str(self.folder.parent), "…").replace(self.key.public, "age1…")
        self.typed.append(f"`{shown}`: {result.code}")
        return result

    def refused(self, *command: str) -> str:
        """Run a command that must fail; return its output on one line."""
        result = self.type(*command)
        assert result.code != 0, result.text
        return " ".join(result.text.split())

    def docker(self, *arguments: str) -> str:
        """Run a docker command where the node is; return its output."""
        return self.isle.docker(*arguments) if self.away else well(self.machine.docker(*arguments)).text

    def inspect(self, form: str) -> str:
        return self.docker("inspect", "-f", form, self.container).strip()

    def edit(self, **keys: Any) -> None:
        """Change settings of the node in the stack's file."""
        config = self.machine.settings()
        config["skycoin:nodes"][self.name] |= {key.replace("_", "-"): value for key, value in keys.items()}
        self.machine.change(config)

    def rename(self, name: str, **keys: str) -> None:
        """Rename the node in the stack's file, with its former name as `renamed-from`."""
        config = self.machine.settings()
        node = config["skycoin:nodes"].pop(self.name)
        config["skycoin:nodes"][name] = {**node, "renamed-from": self.name, **keys}
        self.machine.change(config)
        self.name = name

    def answers(self) -> bool:
        """True if the node answers at once, on the machine or on the board."""
        url = f"http://127.0.0.1:{PORT}/api/v1/version"
        ask = ["curl", "-fs", "-o", "/dev/null", "--max-time", str(PROMPT), url]
        asked = (ask, self.isle.inside(*ask))
        return any(subprocess.run(command, check=False).returncode == 0 for command in asked)

    def addresses(self) -> dict[str, list[str]]:
        """Wallet → its addresses, as printed by the healthy node's own program."""
        listed = ("ps", "-q", "--filter", f"name=^/{self.container}$", "--filter", "health=healthy")
        until(lambda: self.docker(*listed) != "", "the node is healthy", 120, 1)
        cli = ("exec", self.container, "skycoin-cli", "listAddresses")
        return {kind: sorted(json.loads(self.docker(*cli, f"{kind}.wlt"))["addresses"]) for kind in MADE}

    def copies(self) -> int:
        """Number of the wallet's copies on the node's host."""
        root = Path(self.docker("info", "-f", "{{.DockerRootDir}}").strip())
        return len([*(root / "volumes" / f"{WALLET}-backups" / "_data").glob("[0-9]*")])


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to the node; its function causes it, and returns how it ended."""

    words: str
    happen: Callable[[Life], str]


def handed_over(life: Life, *command: str) -> Result:
    """Run a command that must replace the node's container."""
    before = life.inspect("{{.Id}}")
    result = well(life.type(*command))
    assert life.inspect("{{.Id}}") != before
    return result


def another_setting(life: Life) -> str:
    life.edit(args=["-log-level=debug"])
    handed_over(life, *UP)
    return "a new container runs"


def failed_upgrade(life: Life) -> str:
    life.machine.change(rebuilt(life.machine.settings(), revision=51))
    life.edit(args=["-max-connections=many"])
    before = life.inspect("{{.Id}}")
    said = life.refused(*UP)
    assert 'invalid value "many" for flag -max-connections' in said
    assert f"The old container {life.container} was restored unchanged" in said
    assert life.inspect("{{.Id}}") == before
    return "failed; the old container runs again"


def upgrade(life: Life) -> str:
    life.edit(args=[])
    return _to_another_image(life, *UP)


def downgrade(life: Life) -> str:
    reason = ("--reason", "stops at block 5", "--yes")
    return _to_another_image(life, "./skyinfra", "node", "rollback", NAME, *reason)


def lifted(life: Life) -> str:
    return _to_another_image(life, "./skyinfra", "node", "lift-rollback", NAME, "--yes")


def _to_another_image(life: Life, *command: str) -> str:
    before = life.inspect("{{.Config.Image}}")
    handed_over(life, *command)
    images = (before, life.inspect("{{.Config.Image}}"))
    old, new = (image.rpartition("sha256:")[2][:12] for image in images)
    assert old != new
    return f"from image {old} to {new}"


def renamed(life: Life) -> str:
    life.rename(OTHER_NAME)
    well(life.type(*UP))
    return f"the container is {life.container}, its volumes are the same"


def named_back(life: Life) -> str:
    life.rename(NAME, **{"wallet-volume": WALLET, "data-volume": DATA})
    well(life.type(*UP))
    config = life.machine.settings()
    for key in ("renamed-from", "wallet-volume", "data-volume"):
        del config["skycoin:nodes"][NAME][key]
    life.machine.change(config)
    well(life.type(*UP))
    return f"the container is {life.container} again"


def replaced(life: Life) -> str:
    handed_over(life, *PLAIN_UP, "--replace", CONTAINER)
    return "a new container runs"


def stopped_by_hand(life: Life) -> str:
    _stopped(life)
    well(life.type(*UP))
    return "`up` starts it"


def removed_by_hand(life: Life) -> str:
    well(life.type("docker", "rm", "-f", life.container))
    well(life.type(*PLAIN_UP, "--refresh", "--run-program"))
    return "`up` makes a new container"


def pruned_while_it_runs(life: Life) -> str:
    _prune(life)
    well(life.type(*UP))
    assert life.copies() == 1
    return "the copies are deleted, as docs/wallets.md warns; the wallet stays, and `up` copies it again"


def volumes_pruned_while_it_is_stopped(life: Life) -> str:
    _stopped(life)
    well(life.type("docker", "volume", "prune", "-f"))
    well(life.type(*UP))
    return "its stopped container holds the wallet volume, which stays"


def pruned_while_it_is_stopped(life: Life) -> str:
    _stopped(life)
    _prune(life)
    return _refused_without_a_volume(life)


def deleted_by_hand(life: Life) -> str:
    well(life.type("docker", "rm", "-f", life.container))
    well(life.type("docker", "volume", "rm", WALLET))
    return _refused_without_a_volume(life)


def _stopped(life: Life) -> None:
    well(life.type("docker", "stop", "-t", "60", life.container))


def _prune(life: Life) -> None:
    """Run Docker's own clean-up, on the tests' engine alone.

    The engine is Debian 12's; since version 23, Docker spares volumes that have a name.
    """
    assert str(HOME) in life.machine.environment()["DOCKER_HOST"]
    for command in (("system", "prune", "-a", "--volumes", "-f"), ("volume", "prune", "-f")):
        well(life.type("docker", *command))


def _refused_without_a_volume(life: Life) -> str:
    assert f"host here: the wallet volume '{WALLET}' is gone" in life.refused(*UP)
    life.gone = True
    return "the wallet is deleted; `up` refuses, and makes no other"


def backed_up(life: Life) -> str:
    place = ("--to", str(life.folder), "--recipient", life.key.public)
    well(life.type("./skyinfra", "wallet", "backup", NAME, *place))
    return "the node runs on"


def restored(life: Life) -> str:
    newest = max(life.folder.glob(f"{NAME}-wallet-*.backup"))
    well(life.type("docker", "volume", "create", WALLET))
    identity = ("--identity", str(life.key.file), "--backup-to", str(life.folder))
    well(life.type("./skyinfra", "wallet", "restore", NAME, str(newest), *identity))
    well(life.type(*UP))
    life.gone = False
    return "a node runs with the wallets of the backup"


def node_killed(life: Life) -> str:
    before = life.inspect("{{.State.Pid}}")
    os.kill(int(before), signal.SIGKILL)
    life.typed.append("`kill -9` of the node's first process")
    until(lambda: life.inspect("{{.State.Pid}}") not in (before, "0"), "it runs again", 60)
    return "its engine starts it again"


def engine_killed(life: Life) -> str:
    pid = services.running_pid(life.machine.layout, "dockerd")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    life.typed.append("`kill -9` of dockerd")
    well(life.type(*UP))
    return "`up` starts the engine again"


def power_cut(life: Life) -> str:
    """Create a wallet, and cut the power of the disk under both volumes at once."""
    inspect = ("volume", "inspect", "-f", "{{.Mountpoint}}")
    folder = life.folder.parent / "disk"
    folder.mkdir()
    disk = Disk(folder, {volume: Path(life.docker(*inspect, volume).strip()) for volume in (WALLET, DATA)})
    life.docker("stop", "-t", "60", life.container)
    with disk.in_place():
        life.docker("start", life.container)
        life.addresses()
        life.docker("exec", life.container, "skycoin-cli", "walletCreate", "cut.wlt", "-t", "deterministic")
        disk.cut()
        life.docker("kill", life.container)
        disk.replace()
        life.docker("start", life.container)
        life.addresses()
        listed = json.loads(life.docker("exec", life.container, "skycoin-cli", "listWallets"))
        assert {"cut.wlt", *(f"{kind}.wlt" for kind in MADE)} == {one["name"] for one in listed["wallets"]}
        life.docker("stop", "-t", "60", life.container)
    life.typed.append("a copy of the disk at one moment takes its place")
    well(life.type(*UP))
    return "the node starts on it, and has a wallet that was created just before"


def moved_away(life: Life) -> str:
    well(life.type("./skyinfra", "node", "move", NAME, "--to", ISLE, "--yes"))
    life.away = True
    return "the node runs on the host isle; the old volume stays on the host here"


def moved_back(life: Life) -> str:
    well(life.type("./skyinfra", "node", "move", NAME, "--to", "here", "--yes"))
    life.away = False
    return "the node runs on its old volume"


def down_and_up(life: Life) -> str:
    well(life.type("make", "down"))
    well(life.type(*UP))
    return "engine, registry and node stop and start"


def retired(life: Life) -> str:
    before = life.machine.settings()
    well(life.type("./skyinfra", "node", "retire", NAME, "--yes"))
    life.machine.change(before)
    well(life.type(*UP))
    return "the node is created anew, on the same volumes"


def destroyed(life: Life) -> str:
    assert "protect" in life.refused("pulumi", "destroy", "--yes", "--stack", "local")
    assert "Kept: wallet" in well(life.type("make", "destroy")).text
    well(life.type(*UP))
    return "plain destroy is refused; the other one keeps the wallet, which `up` takes again"


EVENTS = (
    Event("made", lambda _: "the node makes them"),
    Event("a setting of the node is changed", another_setting),
    Event("an upgrade, with an argument that the node does not take", failed_upgrade),
    Event("an upgrade to another image", upgrade),
    Event("a downgrade to the image before", downgrade),
    Event("the downgrade is lifted", lifted),
    Event("a new name", renamed),
    Event("the old name", named_back),
    Event("the container is stopped by hand", stopped_by_hand),
    Event("the container is removed by hand", removed_by_hand),
    Event("the container is replaced", replaced),
    Event("the node is killed", node_killed),
    Event("the engine is killed", engine_killed),
    Event("the power fails", power_cut),
    Event("a move to another host", moved_away),
    Event("the move back", moved_back),
    Event("all is stopped and started", down_and_up),
    Event("the node is retired, and wanted again", retired),
    Event("the stack is destroyed, and wanted again", destroyed),
    Event("a backup", backed_up),
    Event("Docker's clean-up while the node runs", pruned_while_it_runs),
    Event("clean-up of the volumes alone while the node is stopped", volumes_pruned_while_it_is_stopped),
    Event("Docker's whole clean-up while the node is stopped", pruned_while_it_is_stopped),
    Event("restored from the backup", restored),
    Event("a change after it", another_setting),
    Event("a backup of the restored wallets", backed_up),
    Event("the wallet volume is deleted by hand", deleted_by_hand),
    Event("restored from the newest backup", restored),
)


@pytest.fixture
def life(up: Machine, tmp_path: Path) -> Iterator[Life]:
    """A node with wallets that it created itself, the only node on its engine."""
    isle, before = start_board(up.layout, ISLE, 67), up.settings()
    node = {"image": "skycoin", "host": "here", "rpc-port": PORT, "wait": 60}
    up.change(with_entries(before, hosts={ISLE: isle.host}, nodes={NAME: node}))
    well(up.make("up"))
    well(up.make("retire", "NODE=node-1"))
    folder = tmp_path / "backups"
    folder.mkdir()
    one = Life(up, isle, Key(tmp_path, "key.txt", up), folder)
    cli = ("exec", one.container, "skycoin-cli")
    for kind, options in MADE.items():
        one.docker(*cli, "walletCreate", f"{kind}.wlt", *options)
    one.docker(*cli, "addPrivateKey", "collection.wlt", SECRET_KEY)
    yield one
    well(up.make("retire", f"NODE={one.name}"))
    up.change(before)
    well(up.make("up"))
    isle.end()


@contextmanager
def silences(life: Life) -> Iterator[list[float]]:
    """Seconds between two answers of the node, for each period in which it did not answer in time."""
    seconds: list[float] = []
    ended = threading.Event()

    def look() -> None:
        answered, silent = time.monotonic(), False
        while not ended.wait(PAUSE):
            if not life.answers():
                silent = True
                continue
            seconds.extend([time.monotonic() - answered] if silent else [])
            answered, silent = time.monotonic(), False
        seconds.extend([time.monotonic() - answered] if silent else [])

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seconds
    finally:
        ended.set()
        thread.join()


def row(life: Life, event: Event, first: dict[str, list[str]]) -> tuple[str, ...]:
    """Let an event happen; return its row of the table, provided that the addresses are the first ones."""
    life.typed.clear()
    with silences(life) as seconds:
        ended = event.happen(life)
        seen = None if life.gone else life.addresses()
    told = (event.words, "; ".join(life.typed), ended)
    down, copies = f"{sum(seconds):.1f} s" if seconds else "never", str(life.copies())
    if seen is None:
        assert WALLET not in life.docker("volume", "ls", "-q").split()
        return (*told, "until it is restored", "none", "none", copies)
    assert seen == first, f"after: {event.words}"
    mount = '{{range .Mounts}}{{if eq .Destination "/wallet"}}{{.Name}}{{end}}{{end}}'
    return (*told, down, f"equal: {shown(seen)}", life.inspect(mount), copies)


def shown(wallets: dict[str, list[str]]) -> str:
    """Number of addresses, and a hash that reveals none of them."""
    listed = sorted(address for addresses in wallets.values() for address in addresses)
    return f"{len(listed)}, {hashlib.sha256(chr(10).join(listed).encode()).hexdigest()[:8]}"


def test_a_wallet_keeps_its_addresses_all_its_life(life: Life) -> None:
    first = life.addresses()
    assert all(first.values()), "each wallet has an address"
    rows = []
    for event in EVENTS:
        rows.append(row(life, event, first))
        print(*rows[-1], sep=" | ", flush=True)
    place = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()}"
    engine = life.docker("version", "-f", "{{.Server.Version}}").strip()
    introduction = INTRODUCTION.format(kinds=len(first), engine=engine, pause=PAUSE)
    page = [f"# The life of a wallet: {place}", "", introduction, "", *table(HEADS, rows), ""]
    PAGE.write_text("\n".join(page))
