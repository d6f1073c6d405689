"""A Docker engine for wallet volumes: its volumes are folders, and commands on them really run.

Scripts run under this machine's shell, with the folders in place of the mount points. In the node's image:
tests/e2e.
"""

import hashlib
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from docker.errors import ImageNotFound, NotFound

from providers.kind import Values
from providers.skycoin.host_findings import HostFindings
from providers.skycoin.preflight import Preflight
from tests.unit.test_host_checks import FACTS

NODE = "skycoin-one"
WALLET = "skycoin-one-wallet"
COPIES = f"{WALLET}-backups"
INPUTS: Values = {
    "host": "attic",
    "engine": "ssh://pi@attic.lan",
    "sshOptions": [],
    "image": "registry/skycoin@sha256:1",
    "platform": "linux/arm64/v8",
    "emulation": "refused",
    "probe": ["skycoin-cli", "version"],
    "container": NODE,
    "wallet": WALLET,
    "newWallet": False,
}
"""Inputs of a preflight."""


def public_key(address: str) -> str:
    """Key with the length and alphabet that the node accepts."""
    return f"02{hashlib.sha256(address.encode()).hexdigest()}"


def wallet(*addresses: str, kind: str = "deterministic", seed: str = "a canary of words", **meta: str) -> str:
    """The text of a wallet as v0.27.1 writes it, with these addresses in its one chain."""
    entries = [
        {"address": address, "public_key": public_key(address), "secret_key": ""} for address in addresses
    ]
    facts = {"coin": "skycoin", "label": 'mine, {the "best"', "seed": seed, "type": kind, **meta}
    return json.dumps({"meta": facts, "entries": entries}, indent=4)


INSTANT = "sync() { :; }\nsleep() { :; }\n"
"""Put before a script that a container runs: a busy disk and a wallet that stays damaged cost no time."""


@dataclass
class Container:
    """A container whose program exits with `code` and prints `said`."""

    code: int
    said: bytes
    removed: bool = False

    def start(self) -> None:
        return None

    def wait(self, timeout: int) -> Values:
        return {"StatusCode": self.code, "Timeout": timeout}

    def logs(self, tail: Any) -> bytes:
        lines = self.said.splitlines(keepends=True)
        return b"".join(lines if tail == "all" else lines[-tail:])

    def remove(self, force: bool) -> None:
        self.removed = force


@dataclass(frozen=True)
class LowLevel:
    """The low-level API of an engine that lists no volumes with options; all other calls are the engine's."""

    engine: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def volumes(self) -> Values:
        return {"Volumes": None}


@dataclass
class WalletEngine:
    """The part of a docker client that a preflight uses."""

    root: Path
    machine: str = "aarch64"
    probe: Container = field(default_factory=lambda: Container(0, b"ok"))
    asked: list[Values] = field(default_factory=list)
    """Containers that were created."""
    executed: list[Sequence[str]] = field(default_factory=list)
    """Commands that were run in existing containers."""
    listed: list[Values] = field(default_factory=list)
    """Other containers, as the engine lists them."""
    policies: dict[str, str] = field(default_factory=dict)
    """Restart policies of the listed containers, by id."""
    lost: int = 0
    """Bytes at the end of a command's output that the engine loses once."""
    foreign: dict[str, bytes] = field(default_factory=dict)
    """Output of the search for files of other users, by volume."""
    giving: Container = field(default_factory=lambda: Container(0, b""))
    """Outcome of the container that gives a volume to the node's user."""
    given: list[str] = field(default_factory=list)
    """Volumes that were to be given to the node's user; all of them exist."""
    deployed: Values | None = None
    """The node's container, as the engine inspects it; None if there is none."""
    set_aside: Values | None = None
    """The same for the container that an interrupted handover set aside."""
    pulled: list[Values] | None = None
    """Lines of a pull; None if the image is already there."""

    @property
    def api(self) -> "LowLevel":
        return LowLevel(self)

    @property
    def containers(self) -> "_Containers":
        return _Containers(self)

    @property
    def volumes(self) -> set[str]:
        return {path.name for path in self.root.iterdir()}

    def folder(self, volume: str) -> Path:
        return self.root / volume

    def put(self, volume: str, **wallets: str) -> None:
        """Write wallets into a volume, created if necessary; `mine` is the file mine.wlt."""
        self.create_volume(volume)
        for name, text in wallets.items():
            (self.folder(volume) / f"{name}.wlt").write_text(text)

    def run_node(self, volume: str, name: str = NODE, **more: Any) -> None:
        """Add a running container that uses the volume."""
        mount = {"Name": volume, "Destination": "/wallet", "RW": True}
        one = {"Id": name, "Names": [f"/{name}"], "State": "running", "Labels": {}, "Mounts": [mount]}
        self.listed.append(one | more)

    def info(self) -> Values:
        return {"Architecture": self.machine}

    def version(self) -> Values:
        return {"Version": "20.10.24"}

    def inspect_image(self, image: str) -> Values:
        if self.pulled is not None:
            raise ImageNotFound(image)
        return {"Id": image}

    def pull(self, image: str, **options: Any) -> list[Values]:
        return self.pulled or []

    def create_volume(self, name: str) -> None:
        self.folder(name).mkdir(exist_ok=True)

    def inspect_volume(self, name: str) -> Values:
        if name not in self.volumes:
            raise NotFound(name)
        changed = str(self.folder(name).stat().st_ctime_ns)
        return {"Name": name, "Mountpoint": str(self.folder(name)), "CreatedAt": changed}

    def inspect_container(self, identity: str) -> Values:
        policy = {"RestartPolicy": {"Name": self.policies.get(identity, "no")}}
        for container in self.listed:
            if container["Id"] == identity:
                config = {"Image": "", "Labels": container["Labels"], "User": container.get("User", "")}
                state = {"Running": container["State"] == "running"}
                return {
                    **container,
                    "Name": f"/{identity}",
                    "Config": config,
                    "State": state,
                    "HostConfig": policy,
                }
        for box in (self.deployed, self.set_aside):
            if box is not None and box["Name"] == f"/{identity}":
                return {"HostConfig": policy, **box}
        raise NotFound(identity)

    def exec_create(self, identity: str, command: Sequence[str], workdir: str) -> Values:
        [one] = [container for container in self.listed if container["Id"] == identity]
        [mount] = [mount for mount in one["Mounts"] if mount["Destination"] == workdir]
        self.executed.append(command)
        return {"Id": (command, mount["Name"])}

    def exec_start(self, begun: tuple[Sequence[str], str]) -> bytes:
        command, volume = begun
        done = subprocess.run(command, cwd=self.folder(volume), capture_output=True, check=True)
        lost, self.lost = self.lost, 0
        return done.stdout[: len(done.stdout) - lost]


@dataclass
class _Containers:
    engine: WalletEngine

    def __call__(
        self,
        *,
        filters: Mapping[str, Any] = MappingProxyType({}),
        all: bool = False,  # noqa: A002 docker-py's name
    ) -> list[Values]:
        return [
            container
            for container in self.engine.listed
            if (
                "volume" not in filters or filters["volume"] in [it.get("Name") for it in container["Mounts"]]
            )
            and filters.get("label", "").partition("=")[0] in ("", *container["Labels"])
            and (all or container["State"] == "running")
        ]

    def create(self, image: str, *, command: Sequence[str], **options: Any) -> Container:
        self.engine.asked.append({"image": image, "command": command, **options})
        if "volumes" not in options:
            return self.engine.probe
        if "ownership" in command:
            [volume] = options["volumes"]
            return Container(0, self.engine.foreign.get(volume, b"end"))
        if "give" in command:
            [volume] = options["volumes"]
            assert volume in self.engine.volumes, "it would be made"
            self.engine.given.append(volume)
            return self.engine.giving
        before, script = self._read_only(options["volumes"]), f"{INSTANT}{command[2]}"
        for volume, mount in options["volumes"].items():
            self.engine.create_volume(volume)
            script = script.replace(mount["bind"], str(self.engine.folder(volume)))
        run = [*command[:2], script, *command[3:]]
        done = subprocess.run(run, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert self._read_only(options["volumes"]) == before, "what is mounted read-only can't change"
        return Container(done.returncode, done.stdout)

    def _read_only(self, volumes: Values) -> list[tuple[Path, bytes]]:
        folders = [
            self.engine.folder(name) for name, mount in volumes.items() if mount["mode"].startswith("ro")
        ]
        return [(path, path.read_bytes()) for folder in folders for path in sorted(folder.rglob("*.wlt"))]


def preflight(engine: WalletEngine) -> Preflight:
    """Return a preflight of a host with this engine."""
    hosts = HostFindings(lambda _: None, lambda *_: replace(FACTS, machine=engine.machine))
    return Preflight(hosts, lambda _: engine)
