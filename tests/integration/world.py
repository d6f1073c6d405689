"""Hosts with nodes whose wallets are files, and what time, failures and people do to them.

The real preflight, the real resource of the container (world_node.py) and the real move (world_move.py) run
on the strict mock engine; the wallet's scripts really run, on folders in place of volumes (world_engine.py).
In the end-to-end tests they run on real engines (tests/e2e/real_world.py). The world knows every key that a
node has ever saved, and raises an error if an event does what must never happen.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from catalogue.naming import copies_volume
from catalogue.node_container import NODE
from tests.unit.node_engine import EngineContainer, Fault
from tests.unit.wallet_engine import wallet

HOSTS = ("attic", "shed")
CANARY = "canary of words"
ROOT = "0:0"
"""Owner of an empty volume that no container has mounted."""

Place = tuple[str, str]
"""(host, wallet volume)."""
Key = tuple[str, str]
"""(file of a wallet, one of its addresses)."""
Files = dict[str, bytes]


class BrokenError(AssertionError):
    """Error of the simulation: something happened that never may."""


def addresses(data: bytes) -> list[str]:
    """Addresses of a wallet in their order; none if it is damaged."""
    with suppress(ValueError):
        return [entry["address"] for entry in json.loads(data)["entries"]]
    return []


def keys_of(files: Files) -> set[Key]:
    """Keys in whole wallets."""
    return {(name, address) for name, data in files.items() for address in addresses(data)}


def keys_of_copies(folder: Path) -> set[Key]:
    """Keys in the copies of a wallet."""
    copies = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    return {
        key
        for copy in copies
        if not copy.name.startswith(".")
        for key in keys_of({file.name: file.read_bytes() for file in copy.glob("*.wlt")})
    }


def address(*words: object) -> str:
    """A made-up address in the alphabet of real ones."""
    return hashlib.sha256(repr(words).encode()).hexdigest().replace("0", "z")[:34]


class Host(Protocol):
    """A host's engine, simulated or real, and what people and failures do there."""

    live_restore: bool
    fault: Fault | None
    """Fault that was armed for one of the next calls."""
    came: list[Fault]
    """Faults that have come; one that was armed for a later call than the last has not."""
    heard: list[bytes]
    """Output that has left the host."""
    violations: list[str]

    @property
    def client(self) -> Any:
        """docker-py's client, for the program: faults come at its calls."""

    @property
    def boxes(self) -> Mapping[str, EngineContainer]:
        """Containers of nodes and strangers, by their ids."""

    @property
    def volumes_there(self) -> Collection[str]: ...

    def arm(self, at: int, fault: Fault) -> None: ...
    def disarm(self) -> None: ...
    def boot(self) -> list[str]: ...
    def restart_daemon(self) -> list[str]: ...
    def running(self) -> list[EngineContainer]: ...

    def create_volume(self, name: str) -> None:
        """Create a volume by a call of the program."""

    # What people do by hand, which no fault hinders.

    def folder(self, volume: str) -> Path: ...
    def make(self, name: str) -> None: ...
    def remove_volume(self, name: str) -> None: ...
    def owner_of(self, volume: str) -> str: ...
    def give_to(self, volume: str, owner: str) -> None: ...
    def shuts_out(self, volume: str, user: str) -> bool: ...
    def chain_version(self, volume: str) -> str: ...
    def halt(self, box: EngineContainer) -> None: ...
    def drop(self, box: EngineContainer) -> None: ...
    def use_again(self, box: EngineContainer) -> None:
        """Give a container that was set aside the restart policy of a confirmed one."""

    def run_stranger(self, name: str, volume: str) -> None:
        """Run a container that belongs to no stack and may write to a volume."""


class World:
    """The hosts, their volumes, and what the program has recorded there."""

    def __init__(self, hosts: Mapping[str, Host]) -> None:
        self.hosts = hosts
        self.hours = 0
        self.recorded: dict[Place, set[Key]] = {}
        """Keys that hosts have recorded."""
        self.left = set[Place]()
        """Wallets that were moved away: mere copies, on which no node may run."""
        self.said = ""
        """Output of the program, and the states of stacks."""

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=self.hours)

    def files(self, place: Place) -> Files:
        """Wallets in a volume, by their names."""
        host, volume = place
        return {path.name: path.read_bytes() for path in self.hosts[host].folder(volume).glob("*.wlt")}

    def keys(self, place: Place) -> set[Key]:
        """Keys in a wallet volume."""
        return keys_of(self.files(place))

    def has_record(self, place: Place) -> bool:
        """True if the host has a record of a wallet, next to its copies."""
        host, volume = place
        return (self.hosts[host].folder(copies_volume(volume)) / ".identity").exists()

    def torn(self, place: Place) -> list[str]:
        """Names of the wallets that are damaged."""
        return [name for name, data in self.files(place).items() if not keys_of({name: data})]

    @property
    def kept(self) -> set[tuple[Place, Key]]:
        """Keys in each wallet volume and in its copies."""
        places = [(name, volume) for name, host in self.hosts.items() for volume in host.volumes_there]
        return {
            ((name, volume), key)
            for name, volume in places
            if volume.endswith("-wallet")
            for key in (
                self.keys((name, volume)) | keys_of_copies(self.hosts[name].folder(copies_volume(volume)))
            )
        }

    def save(self, place: Place, file: str, *more: str) -> None:
        """Let a node save a wallet with further addresses."""
        host, volume = place
        had = addresses(self.files(place).get(file, b""))
        text = wallet(*had, *more, seed=f"{CANARY} of {file}")
        (self.hosts[host].folder(volume) / file).write_text(text)

    def put(self, place: Place, files: Files, owner: str) -> None:
        """Let a volume hold these wallets and no others; an existing one keeps its id and its owner."""
        host, volume = place
        engine = self.hosts[host]
        engine.make(volume)
        before = engine.owner_of(volume)
        for path in engine.folder(volume).glob("*.wlt*"):
            path.unlink()
        for name, data in files.items():
            (engine.folder(volume) / name).write_bytes(data)
        engine.give_to(volume, owner if files and before == ROOT else before)

    def remove(self, host: str, volume: str) -> None:
        """Remove the containers that use a volume, then the volume, as by `docker volume rm`."""
        engine = self.hosts[host]
        for box in [box for box in engine.boxes.values() if volume in box.volumes]:
            engine.drop(box)
        if volume in engine.volumes_there:
            engine.remove_volume(volume)

    def engine_of(self, box: EngineContainer) -> Host:
        """Host of a container."""
        return next(engine for engine in self.hosts.values() if box.identity in engine.boxes)

    def halt(self, boxes: Iterable[EngineContainer]) -> None:
        """Stop containers as `docker stop` does."""
        for box in boxes:
            self.engine_of(box).halt(box)

    def judge(self, before: set[tuple[Place, Key]]) -> None:
        """Raise BrokenError if the program has lost a key, run two writers, or shown a seed."""
        if lost := before - self.kept:
            raise BrokenError(f"keys are gone: {sorted(lost)}")
        if violations := [violation for engine in self.hosts.values() for violation in engine.violations]:
            raise BrokenError("; ".join(violations))
        if twice := [urn for urn, hosts in self._running().items() if hosts > 1]:
            raise BrokenError(f"{twice} run on two hosts")
        heard = b"".join(said for engine in self.hosts.values() for said in engine.heard)
        if CANARY.encode() in heard + self.said.encode():
            raise BrokenError("a seed has left its volume")
        self.said = ""
        for engine in self.hosts.values():
            engine.heard.clear()

    def _running(self) -> Counter[str]:
        """Number of hosts on which each node runs."""
        return Counter(
            urn
            for engine in self.hosts.values()
            for urn in {(box.config.get("Labels") or {}).get(NODE, "") for box in engine.running()}
            if urn
        )
