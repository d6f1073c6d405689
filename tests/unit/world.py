"""A host with one node whose wallets are files, and what Pulumi, time, failures and people do to it.

The real preflight and the real resource of the container run on the strict mock engine; the wallet's scripts
really run, on folders in place of volumes. The world knows every key that the node has ever saved, and raises
an error if an event does what must never happen.
"""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError
from requests.exceptions import RequestException

from clients.errors import ServiceError
from clients.fingerprint import NOTHING, digest
from clients.wallet_on_host import WalletOnHost
from providers.base import URN, ProviderError, Values
from providers.skycoin.host_findings import HostFindings
from providers.skycoin.node_container import NodeContainer
from providers.skycoin.preflight import Preflight
from providers.skycoin.wallet_identity import ACCEPTED
from tests.unit.node_engine import COPIES, DATA, GOOD, WALLET, Killed, NodeEngine, Resource
from tests.unit.test_handover import INPUTS
from tests.unit.test_host_checks import FACTS
from tests.unit.test_preflight import INPUTS as PREFLIGHT
from tests.unit.wallet_engine import Container, wallet

NAMES = ("skycoin-one", "skycoin-uno")
CANARY = "canary of words"
ENDINGS = (ProviderError, ServiceError, APIError, OSError, RequestException, Killed)
"""Errors with which an update can fail."""
DONE = ("same", "create", "update", "replace")
"""Results of an update that succeeds."""
KIND = "urn:pulumi:fleet::skycoin::skycoin:index:Node$skycoin:index:"

Key = tuple[str, str]
"""(file of a wallet, one of its addresses)."""
Files = dict[str, bytes]


class BrokenError(AssertionError):
    """Error of the simulation: something happened that never may."""


@dataclass(eq=False)
class WorldEngine(NodeEngine):
    """The strict mock engine, with folders as volumes."""

    root: Path = Path()
    dead: bool = False
    """True if the plugin was killed, so that nothing of it runs until the next update."""
    heard: list[bytes] = field(default_factory=list)
    """Output that has left the host."""

    def folder(self, volume: str) -> Path:
        return self.root / volume

    def disarm(self) -> None:
        super().disarm()
        self.dead = False

    def _call(self, action: Callable[[], Any]) -> Any:
        if self.dead:
            raise Killed
        try:
            return super()._call(action)
        except Killed:
            self.dead = True
            raise

    def info(self) -> Values:
        return {**super().info(), "Architecture": "aarch64"}

    def listed(self, filters: Mapping[str, Any]) -> list[Values]:
        states = {True: "running", False: "exited"}
        return [{**one, "State": states[self._box(one["Id"]).running]} for one in super().listed(filters)]

    def version(self) -> Values:
        return {"Version": "20.10.24"}

    def create_volume(self, name: str) -> None:
        self._call(lambda: self.make(name))

    def make(self, name: str) -> None:
        self.folder(name).mkdir(exist_ok=True)
        self.volumes_there.add(name)

    @property
    def containers(self) -> Any:
        return _Runs(self, super().containers)

    def exec_create(self, identity: str, command: Any, workdir: str = "") -> Any:
        box = self._box(identity)
        if not box.running:
            raise APIError("409", explanation=f"container {box.name} is not running")
        return {"Id": b"" if command[0] == "wget" else self.run(command, cwd=self.folder(WALLET))[1]}

    def exec_start(self, said: Any) -> bytes:
        self.heard.append(said)
        answer: bytes = said
        return answer

    def run(self, command: Sequence[str], **options: Any) -> tuple[int, bytes]:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **options
        )
        return done.returncode, done.stdout


@dataclass(eq=False)
class _Runs:
    """`client.containers`, whose short runs really execute their scripts."""

    engine: WorldEngine
    others: Any

    def __call__(self, **options: Any) -> Any:
        return self.others(**options)

    def create(self, image: str, *, command: Sequence[str], **options: Any) -> Any:
        if "volumes" not in options:
            return Container(0, b"ok")
        if "ownership" in command:
            return Container(0, b"end")
        if "chain-database" in command or "give" in command:
            return self.others.create(image, command=command, **options)
        return _Run(self.engine, command, options["volumes"])


@dataclass(eq=False)
class _Run:
    engine: WorldEngine
    command: Sequence[str]
    volumes: Values
    ended: tuple[int, bytes] = (0, b"")

    def start(self) -> None:
        self.engine._call(self._run)

    def _run(self) -> None:
        script = self.command[2].replace("sleep 1\n", ":\n")
        for volume, mount in self.volumes.items():
            self.engine.make(volume)  # as Docker does
            script = script.replace(mount["bind"], str(self.engine.folder(volume)))
        before = self._read_only()
        self.ended = self.engine.run([*self.command[:2], script, *self.command[3:]])
        assert self._read_only() == before, "what is mounted read-only can't change"

    def _read_only(self) -> list[tuple[Path, bytes]]:
        folders = [
            self.engine.folder(one) for one, mount in self.volumes.items() if mount["mode"][:2] == "ro"
        ]
        return [(path, path.read_bytes()) for folder in folders for path in sorted(folder.rglob("*.wlt"))]

    def wait(self, timeout: int) -> Values:
        return {"StatusCode": self.ended[0]}

    def logs(self, tail: Any) -> bytes:
        lines = self.ended[1].splitlines(keepends=True)
        said = b"".join(lines if tail == "all" else lines[-tail:])
        self.engine.heard.append(said)
        return said

    def remove(self, force: bool) -> None:
        return None


def keys_of(files: Files) -> set[Key]:
    """Keys in whole wallets."""
    found = set[Key]()
    for name, text in files.items():
        with suppress(ValueError):
            found |= {(Path(name).name, entry["address"]) for entry in json.loads(text)["entries"]}
    return found


def keys_of_copies(folder: Path) -> set[Key]:
    """Keys in the copies of a wallet."""
    copies = [one for one in folder.iterdir() if one.is_dir()] if folder.is_dir() else []
    return {
        key
        for copy in copies
        if not copy.name.startswith(".")
        for key in keys_of({file.name: file.read_bytes() for file in copy.glob("*.wlt")})
    }


def address(*words: object) -> str:
    """A made-up address in the alphabet of real ones."""
    return hashlib.sha256(repr(words).encode()).hexdigest().replace("0", "z")[:34]


class World:
    """The host, its stack, and what the program knows and must keep."""

    def __init__(self, root: Path) -> None:
        self.engine = WorldEngine(root=root, volumes_there=set())
        self.hours = 0
        self.container = Resource(
            NodeContainer(lambda _: None, lambda _: None, lambda _: self.engine, self._now)
        )
        hosts = HostFindings(lambda _: None, lambda *_: replace(FACTS, machine="aarch64"))
        self.preflight = Resource(Preflight(hosts, lambda _: self.engine))
        self.wanted: Values = {"name": NAMES[0], "image": GOOD, "command": ["-x=1"], "memory": 512}
        self.accepted = ""
        """Fingerprint that somebody accepts in the next update."""
        self.of_state, self.of_host = set[Key](), set[Key]()
        """Keys that are recorded in the stack's state, and on the host."""
        self.backup: Files = {}
        """The newest backup, which is kept elsewhere."""
        self.saves = 0
        self.error = ""
        """Message of the last update that failed."""

    def _now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=self.hours)

    @property
    def files(self) -> Files:
        """Wallets in the volume, by their names."""
        return {one.name: one.read_bytes() for one in self.engine.folder(WALLET).glob("*.wlt")}

    @property
    def keys(self) -> set[Key]:
        """Keys in the wallet volume."""
        return keys_of(self.files)

    @property
    def kept(self) -> set[Key]:
        """Keys in the wallet volume and in its copies."""
        return self.keys | keys_of_copies(self.engine.folder(COPIES))

    @property
    def lacks(self) -> set[Key]:
        """Keys that are recorded, and no longer in the volume."""
        return (self.of_state | self.of_host) - self.keys

    @property
    def torn(self) -> list[str]:
        """Names of the wallets that are damaged."""
        return [name for name, data in self.files.items() if not keys_of({name: data})]

    @property
    def runs(self) -> bool:
        return any(box.running for box in self.engine.boxes.values())

    def save(self, file: str, *more: str) -> None:
        """Let the node save a wallet with further addresses."""
        had = [one for name, one in sorted(self.keys) if name == file]
        text = wallet(*had, *more, seed=f"{CANARY} of {file}")
        (self.engine.folder(WALLET) / file).write_text(text)

    def put(self, files: Files) -> None:
        """Let the volume hold these wallets and no others; an existing one keeps its id."""
        self.engine.make(WALLET)
        for one in self.engine.folder(WALLET).glob("*.wlt*"):
            one.unlink()
        for name, data in files.items():
            (self.engine.folder(WALLET) / name).write_bytes(data)

    def remove(self, volume: str) -> None:
        """Remove the containers that use a volume, then the volume, as by `docker volume rm`."""
        if volume == WALLET:
            self.engine.boxes.clear()
        if volume in self.engine.volumes_there:
            self.engine.volumes_there.discard(volume)
            shutil.rmtree(self.engine.folder(volume))
        if volume == COPIES:  # a refresh compares with the state's record then
            self.of_host = set(self.of_state)

    def up(self, *, refresh: bool = False, replace: bool = False) -> str:
        """Update the stack; returns how it ended."""
        self.hours += 1
        before = self.kept
        with pytest.MonkeyPatch.context() as patch:
            if self.accepted:
                patch.setenv(ACCEPTED, self.accepted)
            ended = self._ended(lambda: self._update(refresh=refresh, replace=replace))
        self._judge(before)
        if ended in DONE:
            self.accepted = ""
        return ended

    def destroy(self) -> str:
        """Destroy the stack; its volumes stay."""
        before = self.kept
        ended = self._ended(self._destroyed)
        self._judge(before)
        return ended

    def fingerprint(self) -> str:
        """Fingerprint of the wallets, as `skyinfra wallet accept` shows it."""
        return digest(WalletOnHost(self.engine, {**PREFLIGHT, "image": GOOD}).look(NOTHING).wallets)

    def _update(self, *, refresh: bool, replace: bool) -> str:
        name = self.wanted["name"]
        URN.set(f"{KIND}Preflight::one-preflight")
        memory = self.wanted["memory"]
        checks = {**PREFLIGHT, "image": self.wanted["image"], "container": name, "memory": memory}
        checked = self.preflight.up(checks, refresh=refresh)
        if refresh or checked != "same":
            self._looked(self.of_state | self.of_host)
            self.of_state = self.keys
        for volume in (WALLET, DATA):
            self.engine.create_volume(volume)
        URN.set(f"{KIND}NodeContainer::one-container")
        inputs = {**INPUTS, **self.wanted, "networkMode": name}
        made = self.container.up(inputs, refresh=refresh, replace=replace)
        if made != "same":
            self._looked(self.of_host)
        if (checked, made) != ("same", "same") and (self.engine.folder(COPIES) / ".identity").exists():
            self.of_host = self.keys
        return checked if made == "same" else made

    def _looked(self, remembered: set[Key]) -> None:
        """Raise BrokenError if a check of the wallet has overlooked a loss."""
        if (lacks := remembered - self.keys) and not self.accepted:
            raise BrokenError(f"an update went on with a wallet that lacks {sorted(lacks)}")

    def _destroyed(self) -> str:
        URN.set(f"{KIND}NodeContainer::one-container")
        self.container.destroy()
        self.preflight.destroy()
        self.of_state = set()
        if COPIES not in self.engine.volumes_there:
            self.of_host = set()
        return "destroyed"

    def _ended(self, operation: Callable[[], str]) -> str:
        try:
            return operation()
        except ENDINGS as error:
            self.error = f"{error}"
            return type(error).__name__
        finally:
            self.engine.disarm()

    def _judge(self, before: set[Key]) -> None:
        """Raise BrokenError if the program has lost a key, run two writers, or shown a seed."""
        if lost := before - self.kept:
            raise BrokenError(f"keys are gone: {sorted(lost)}")
        if self.engine.violations:
            raise BrokenError("; ".join(self.engine.violations))
        states = [(one.inputs, one.outputs) for one in (self.preflight, self.container)]
        if CANARY.encode() in b"".join(self.engine.heard) + repr(states).encode():
            raise BrokenError("a seed has left its volume")
        self.engine.heard.clear()
