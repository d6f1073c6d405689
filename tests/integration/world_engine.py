"""The strict mock engine with folders as volumes, on which the scripts of wallets really run.

It knows the owner of each volume, so that tests need not run as root, and the version in each chain database.
"""

import itertools
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.errors import APIError, NotFound

from catalogue.node_container import DATA, USER, user_of
from catalogue.version_order import is_newer
from providers.kind import Values
from providers.skycoin.chain_database import KEPT_OUT
from tests.integration.world import HOSTS, ROOT
from tests.unit.moving_engines import archived, unpack
from tests.unit.node_engine import BAD, GOOD, NEXT, SICK, EngineContainer, Fault, Killed, NodeEngine
from tests.unit.test_handover import health
from tests.unit.wallet_engine import Container

OLD, NEW = "0.27.1", "0.28.0"
VERSIONS = {GOOD: OLD, NEXT: NEW, BAD: NEW, SICK: NEW}
"""Versions of the images; a node writes its own into the chain database, and refuses a newer one."""
DENIED = 126
"""Exit code of a command in a container whose user can't enter the working folder."""


@dataclass
class Chain:
    """A chain database, by the version that wrote it; `copy` is empty if there is none."""

    version: str = ""
    copy: str = ""


@dataclass(eq=False)
class WorldEngine(NodeEngine):
    """One host's engine."""

    root: Path = Path()
    dead: bool = False
    """True if the plugin was killed, so that nothing of it runs until the next update."""
    came: list[Fault] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    owners: dict[str, str] = field(default_factory=dict)
    """Volume → user and group that own all of its files."""
    chains: dict[str, Chain] = field(default_factory=dict)
    """Volume → its chain database."""

    @property
    def client(self) -> Any:
        return self

    def folder(self, volume: str) -> Path:
        return self.root / volume

    def disarm(self) -> None:
        super().disarm()
        self.dead = False

    def _call(self, action: Callable[[], Any]) -> Any:
        if self.dead:
            raise Killed
        if self.fault is not None and self.calls + 1 == self.fault_at:
            self.came.append(self.fault)
        try:
            return super()._call(action)
        except Killed:
            self.dead = True
            raise

    def info(self) -> Values:
        about = {"Architecture": "aarch64", "ID": f"{self.root}", "Name": self.root.name}
        return {**super().info(), **about, "DockerRootDir": f"{self.root}"}

    def listed(self, filters: Mapping[str, Any]) -> list[Values]:
        states = {True: "running", False: "exited"}
        return [
            {**container, "State": states[self._box(container["Id"]).running]}
            for container in super().listed(filters)
        ]

    def version(self) -> Values:
        return {"Version": "20.10.24"}

    def create_volume(self, name: str) -> None:
        self._call(lambda: self.make(name))

    def make(self, name: str) -> None:
        """Create a volume; an existing one stays unchanged."""
        self.folder(name).mkdir(exist_ok=True)
        self.volumes_there.add(name)
        self.owners.setdefault(name, ROOT)

    def remove_volume(self, name: str) -> None:
        self.forget(name)
        shutil.rmtree(self.folder(name))

    def forget(self, name: str) -> None:
        """Remove what is known about a volume that is removed."""
        self.volumes_there.discard(name)
        self.owners.pop(name, None)
        self.chains.pop(name, None)

    def owner_of(self, volume: str) -> str:
        return self.owners[volume]

    def give_to(self, volume: str, owner: str) -> None:
        self.owners[volume] = owner

    def mount(self, volume: str, at: str, mode: str = "rw") -> None:
        """Create a missing volume; make an empty one like the image's folder, as Docker does."""
        self.make(volume)
        if mode == "rw" and not any(self.folder(volume).iterdir()):
            self.owners[volume] = USER
            if at == DATA:
                (self.folder(volume) / ".skycoin").mkdir()

    def shuts_out(self, volume: str, user: str) -> bool:
        """True if a user can't use the volume."""
        return self.owners.get(volume, user) != user

    @property
    def containers(self) -> Any:
        return _Containers(self, super().containers)

    def chain_version(self, volume: str) -> str:
        return self.chains.get(volume, Chain()).version

    def halt(self, box: EngineContainer) -> None:
        box.running, box.stopped_by_hand = False, True

    def drop(self, box: EngineContainer) -> None:
        del self.boxes[box.identity]

    def use_again(self, box: EngineContainer) -> None:
        box.config["HostConfig"]["RestartPolicy"] = {"Name": "unless-stopped"}

    def run_stranger(self, name: str, volume: str) -> None:
        mounts = [{"Type": "volume", "Source": volume, "Target": "/wallet"}]
        host = {"RestartPolicy": {"Name": "no"}, "Mounts": mounts}
        identity = f"{name} on {self.root}"
        self.boxes[identity] = EngineContainer(
            identity, name, {"Image": GOOD, "HostConfig": host}, running=True
        )

    # The node in a container.

    def running(self) -> list[EngineContainer]:
        return [box for box in self.boxes.values() if box.running]

    def start(self, name: str) -> None:
        box = self._box(name)
        barred = [] if box.running else self._barred(box)
        super().start(name)
        if barred:
            self.violations.append(f"{box.name} was started, and can't use {barred}")

    def _barred(self, box: EngineContainer) -> list[str]:
        """Volumes that a node can't use.

        A newer version's database counts only for a new container: an undo that can't look at the database
        starts the old container anyway, which then changes nothing.
        """
        barred = [volume for volume in box.volumes if self.shuts_out(volume, _user(box))]
        if box.policy == "no":
            barred += [volume for volume in box.volumes if self._is_too_new(volume, box)]
        return barred

    def _is_too_new(self, volume: str, box: EngineContainer) -> bool:
        return is_newer(self.chains.get(volume, Chain()).version, VERSIONS[box.config["Image"]])

    def _lives(self, box: EngineContainer) -> bool:
        """Return whether the node keeps running. A new database is that of its version."""
        if any(self.shuts_out(volume, _user(box)) for volume in box.volumes):
            return False
        for volume in (volume for volume in box.volumes if "-data" in volume):
            self.mount(volume, DATA)
            if self._is_too_new(volume, box):
                return False
            self.chains.setdefault(volume, Chain()).version = VERSIONS[box.config["Image"]]
        return bool(box.config["Image"] != BAD)

    def inspect_image(self, name: str) -> Values:
        labels = {"org.opencontainers.image.version": VERSIONS[name]}
        return {**super().inspect_image(name), "Config": {"Labels": labels}}

    def exec_create(self, identity: str, command: Any, workdir: str = "") -> Any:
        box = self._box(identity)
        if not box.running:
            raise APIError("409", explanation=f"container {box.name} is not running")
        if command[0] == "wget":
            return {"Id": (0, health(VERSIONS[box.config["Image"]], 100).encode())}
        [volume] = [volume for volume in box.volumes if volume.endswith("-wallet")]
        if self.shuts_out(volume, _user(box)):
            return {"Id": (DENIED, b"chdir to cwd: permission denied")}
        return {"Id": self.run(command, cwd=self.folder(volume))}

    def exec_start(self, ran: Any) -> bytes:
        answer: bytes = ran[1]
        self.heard.append(answer)
        return answer

    def run(self, command: Sequence[str], **options: Any) -> tuple[int, bytes]:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **options
        )
        return done.returncode, done.stdout

    # Commands of short runs that are modelled.

    def tend_chain(self, volume: str, action: str, user: str) -> tuple[int, bytes]:
        """Do what chain-database.sh does."""
        self.mount(volume, DATA, "ro" if action == "look" else "rw")
        if self.shuts_out(volume, user):
            return KEPT_OUT, b""
        if action in ("keep", "put-back"):
            running = [box.name for box in self.boxes.values() if box.running and volume in box.volumes]
            assert not running, f"{action} under {running}"
        chain = self.chains.get(volume)
        if chain is None:
            return 0, b""
        if action == "keep":
            chain.copy = chain.version
        if action == "put-back" and chain.copy:
            chain.version = chain.copy
        if action not in ("keep", "look"):
            chain.copy = ""
        return 0, f"{chain.version} 1024 1048576".encode() if action in ("begin", "look") else b""

    def foreign(self, volume: str, user: str) -> tuple[int, bytes]:
        """List a volume's own folder if it is another user's."""
        owner = self.owners[volume].replace(":", " ")
        line = f"unreadable drwx------ {owner} /volume\n" if self.shuts_out(volume, user) else ""
        return 0, f"{line}end".encode()

    def give(self, volume: str, at: str, owner: str) -> tuple[int, bytes]:
        """Give a volume away that has no file."""
        self.mount(volume, at)
        if volume not in self.chains and all(path.is_dir() for path in self.folder(volume).rglob("*")):
            self.owners[volume] = owner
        return 0, b""


def world_engines(root: Path) -> dict[str, WorldEngine]:
    """Engines of all hosts, without containers and volumes."""
    ids = itertools.count()
    engines = {name: WorldEngine(root=root / name, volumes_there=set(), _ids=ids) for name in HOSTS}
    for engine in engines.values():
        engine.root.mkdir()
    return engines


def _user(box: EngineContainer) -> str:
    return user_of({"user": box.config.get("User")})


@dataclass(eq=False)
class _Containers:
    """`client.containers`, whose short runs really execute the scripts of wallets."""

    engine: WorldEngine
    others: Any

    def __call__(self, **options: Any) -> Any:
        return self.others(**options)

    def get(self, name: str) -> "_Node":
        return _Node(self.engine, self.engine.inspect_container(name)["Id"])

    def list(self, *, filters: Mapping[str, Any], **_: object) -> list["_Node"]:
        assert "label" in filters
        return []  # no short run is left behind here

    def create(self, image: str, *, command: Sequence[str], **options: Any) -> Any:
        if "volumes" not in options:
            return Container(0, b"ok")
        return _Run(self.engine, command, options["volumes"], options.get("user") or USER)


@dataclass(eq=False)
class _Node:
    """A node's container, as docker-py's high-level API has it."""

    engine: WorldEngine
    id: str

    @property
    def name(self) -> str:
        return self.engine._box(self.id).name

    @property
    def status(self) -> str:
        return "running" if self.engine._box(self.id).running else "exited"

    @property
    def attrs(self) -> Values:
        return self.engine._inspected(self.engine._box(self.id))

    def stop(self, timeout: int) -> None:
        self.engine.stop(self.id, timeout)

    def start(self) -> None:
        self.engine.start(self.id)


@dataclass(eq=False)
class _Run:
    """A short-lived container."""

    engine: WorldEngine
    command: Sequence[str]
    volumes: Values
    user: str
    ended: tuple[int, bytes] = (0, b"")

    def start(self) -> None:
        self.engine._call(self._start)

    def _start(self) -> None:
        before = self._read_only()
        self.ended = self._run()
        assert self._read_only() == before, "what is mounted read-only can't change"

    def _run(self) -> tuple[int, bytes]:
        volume = next(iter(self.volumes))
        if "chain-database" in self.command:
            return self.engine.tend_chain(volume, self.command[-1], self.user)
        if "ownership" in self.command:
            return self.engine.foreign(volume, self.user)
        if "give" in self.command:
            return self.engine.give(volume, self.volumes[volume]["bind"], self.command[-1])
        for name, mount in self.volumes.items():
            self.engine.mount(name, mount["bind"], mount["mode"])
        for name, mount in self.volumes.items():
            # Anybody may look into a new folder of root.
            is_new = self.engine.owners[name] == ROOT and mount["mode"].startswith("ro")
            if self.engine.shuts_out(name, self.user) and not is_new:
                return 1, f"{name}: Permission denied".encode()
        script = [self._here(part).replace("sleep 1\n", ":\n") for part in self.command]
        return self.engine.run(script)

    def _here(self, text: str) -> str:
        for volume, mount in self.volumes.items():
            text = re.sub(rf"{mount['bind']}(?![\w-])", f"{self.engine.folder(volume)}", text)
        return text.replace("/tmp/folders", f"{self.engine.root}.tmp")

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

    # Archives, for a container that is never started.

    def get_archive(self, path: str) -> tuple[list[bytes], Values]:
        folder = Path(self._here(path))
        if not folder.exists():
            raise NotFound(path)
        answer: tuple[list[bytes], Values] = self.engine._call(lambda: archived(folder, path))
        return answer

    def put_archive(self, path: str, archive: bytes) -> bool:
        self.engine._call(lambda: unpack(archive, Path(self._here(path))))
        return True
