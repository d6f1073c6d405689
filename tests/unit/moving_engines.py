"""Docker engines between which wallets move: volumes are folders, and commands on them really run.

Any request can be the last one: a test chooses where the program is killed, or the engine fails.
"""

import posixpath
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.errors import NotFound

from catalogue.node_container import NODE as NODE_LABEL
from providers.kind import Values
from wallets.files.archives import from_tar, to_tar
from wallets.files.contents import File

IMAGE = f"docker.io/skycoin/skycoin@sha256:{'a' * 64}"


@dataclass
class Requests:
    """Counter of a test's requests to all of its engines; one of the requests may raise `fault`."""

    count: int = 0
    last: int | None = None
    """Number of the request that raises `fault`."""
    fault: BaseException = field(default_factory=KeyboardInterrupt)

    def add(self) -> None:
        self.count += 1
        if self.count == self.last:
            raise self.fault


@dataclass
class Board:
    """A docker client of one host."""

    root: Path
    requests: Requests
    nodes: "dict[str, Node]" = field(default_factory=dict)
    """Containers by name."""
    noted: list[str] = field(default_factory=list)
    foreign: dict[str, bytes] = field(default_factory=dict)
    """Output of the search for files of other users, by volume."""
    shut: set[str] = field(default_factory=set)
    """Volumes that the node's user can't enter."""
    asked: list[Values] = field(default_factory=list)
    """Options of the short-lived containers that were created."""
    identity: str = ""
    """Id that this engine reports; by default the path of its folder."""
    name: str = ""
    """Host name that this engine reports; by default the name of its folder."""

    @property
    def api(self) -> "Api":
        return Api(self)

    @property
    def containers(self) -> "Containers":
        return Containers(self)

    def info(self) -> Values:
        self.requests.add()
        return {
            "ID": self.identity or str(self.root),
            "Name": self.name or self.root.name,
            "DockerRootDir": str(self.root),
        }

    def folder(self, volume: str) -> Path:
        return self.root / volume

    def make(self, volume: str, **wallets: bytes) -> None:
        """Create a volume with wallets; the keyword `mine` creates the file mine.wlt."""
        self.folder(volume).mkdir(parents=True, exist_ok=True)
        for name, data in wallets.items():
            (self.folder(volume) / f"{name}.wlt").write_bytes(data)

    def files(self, volume: str) -> dict[str, bytes]:
        """Files of a volume, without those that this program keeps for itself."""
        found = self.folder(volume).rglob("*") if self.folder(volume).exists() else ()
        return {
            str(path.relative_to(self.folder(volume))): path.read_bytes()
            for path in found
            if path.is_file() and not path.name.startswith(".skyinfra-id")
        }

    def run(self, name: str, **mounts: str) -> "Node":
        """Add a running container; `wallet="v"` mounts the volume v at /wallet."""
        self.nodes[name] = Node(self, name, {f"/{place}": volume for place, volume in mounts.items()})
        return self.nodes[name]


@dataclass
class Api:
    """The part of docker-py's low-level API that is used."""

    board: Board

    def inspect_volume(self, name: str) -> Values:
        self.board.requests.add()
        if not self.board.folder(name).exists():
            raise NotFound(name)
        return {"Name": name, "Mountpoint": str(self.board.folder(name))}

    def volumes(self) -> Values:
        self.board.requests.add()
        return {"Volumes": None}

    def create_volume(self, name: str) -> None:
        self.board.requests.add()
        self.board.make(name)

    def inspect_image(self, name: str) -> Values:
        self.board.requests.add()
        return {"Id": name}

    def containers(
        self,
        *,
        filters: Values | None = None,
        all: bool = False,  # noqa: A002 docker's name
    ) -> list[Values]:
        self.board.requests.add()
        if not all:
            return []  # no test here looks inside a node
        assert filters is None
        return [
            {
                "Id": node.id,
                "Names": [f"/{node.name}"],
                "State": node.status,
                "Mounts": node.attrs["Mounts"],
                "Labels": node.labels,
            }
            for node in self.board.nodes.values()
        ]


@dataclass
class Node:
    """A long-lived container."""

    board: Board
    name: str
    mounts: Mapping[str, str] = field(default_factory=dict)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Files of the container by folder, outside its volumes."""
    links: dict[str, str] = field(default_factory=dict)
    """Symbolic links in each of these folders, with their targets."""
    status: str = "running"
    binds: Mapping[str, str] = field(default_factory=dict)
    """Mount point → folder of the host."""
    is_removed: bool = False
    """True if the container is removed when it stops (`docker run --rm`)."""
    labels: Mapping[str, str] = field(default_factory=dict)
    writes: bool = True
    """False if all mounts are read-only."""
    stop_timeout: int | None = None
    """Seconds that it was created with; None for the engine's default (`docker run` without the option)."""

    @property
    def id(self) -> str:
        return f"id of {self.name}"

    @property
    def attrs(self) -> Values:
        volumes = [
            {"Type": "volume", "Name": volume, "Source": str(self.board.folder(volume)), "Destination": place}
            for place, volume in self.mounts.items()
        ]
        binds = [
            {"Type": "bind", "Source": folder, "Destination": place} for place, folder in self.binds.items()
        ]
        return {
            "Image": f"sha256:{'b' * 64}",
            "Config": {"StopTimeout": self.stop_timeout},
            "HostConfig": {"AutoRemove": self.is_removed},
            "Mounts": [{**mount, "RW": self.writes} for mount in (*volumes, *binds)],
        }

    def stop(self, timeout: int) -> None:
        self.board.requests.add()
        assert timeout == max(60, self.stop_timeout or 0), "a node gets its grace"
        self._look()
        self.status = "exited"
        if self.is_removed:
            del self.board.nodes[self.name]

    def start(self) -> None:
        self._look()
        self.status = "running"

    def _look(self) -> None:
        if self.board.nodes.get(self.name) is not self:
            raise NotFound(self.name)

    def get_archive(self, path: str) -> tuple[list[bytes], Values]:
        self.board.requests.add()
        if path in self.mounts:
            return archived(self.board.folder(self.mounts[path]), path)
        if path not in self.files:
            raise NotFound(path)
        found = {name: File(data=data) for name, data in self.files[path].items()}
        found |= {name: File(data=b"", link=target) for name, target in self.links.items()}
        return [to_tar(found, posixpath.basename(path))], {}


@dataclass
class Containers:
    """Containers of one host."""

    board: Board

    def get(self, name: str) -> Node:
        self.board.requests.add()
        found = next((node for node in self.board.nodes.values() if name in (node.name, node.id)), None)
        if found is None:
            raise NotFound(name)
        return found

    def list(
        self,
        filters: Values | None = None,
        all: bool = False,  # noqa: A002 docker's name
        ignore_removed: bool = False,
    ) -> Sequence[Node]:
        self.board.requests.add()
        if filters == {"label": NODE_LABEL}:
            return [node for node in self.board.nodes.values() if NODE_LABEL in node.labels]
        if filters is None:
            there = list(self.board.nodes.values())
            return there if all else [container for container in there if container.status != "exited"]
        assert all
        return []

    def create(self, image: str, *, command: Sequence[str], volumes: Values, **options: Any) -> "Short":
        self.board.requests.add()
        assert options["network_mode"] == "none"
        assert options["read_only"]
        for volume in volumes:
            assert volume.endswith("-backups") or self.board.folder(volume).exists(), "it would be made"
            self.board.make(volume)
        self.board.asked.append({"command": command, "volumes": volumes, **options})
        return Short(self.board, volumes, command)


@dataclass
class Short:
    """A short-lived container on a wallet."""

    board: Board
    volumes: Mapping[str, Mapping[str, str]]
    command: Sequence[str]
    done: "subprocess.CompletedProcess[bytes] | None" = None

    def get_archive(self, path: str) -> tuple[list[bytes], Values]:
        self.board.requests.add()
        folder = Path(self._here(path))
        if not folder.exists():
            raise NotFound(path)
        return archived(folder, path)

    def put_archive(self, path: str, archive: bytes) -> bool:
        self.board.requests.add()
        unpack(archive, Path(self._here(path)))
        return True

    def start(self) -> None:
        self.board.requests.add()
        command = [
            self._here(part).replace("/tmp/folders", f"{self.board.root}.tmp") for part in self.command
        ]
        if "ownership" in command:
            [volume] = self.volumes
            command = ["echo", self.board.foreign.get(volume, b"end").decode()]
        elif self.board.shut.intersection(self.volumes):
            command = ["sh", "-c", "echo 'Permission denied'; exit 1"]
        self.done = subprocess.run(command, capture_output=True, check=False)

    def wait(self, timeout: int) -> Values:
        self.board.requests.add()
        assert self.done
        return {"StatusCode": self.done.returncode}

    def logs(self, tail: Any) -> bytes:
        assert self.done
        return self.done.stdout + self.done.stderr

    def remove(self, force: bool) -> None:
        assert force

    def _here(self, text: str) -> str:
        for volume, mount in self.volumes.items():
            text = re.sub(rf"{mount['bind']}(?![\w-])", str(self.board.folder(volume)), text)
        return text


def unpack(archive: bytes, folder: Path) -> None:
    """Write the files of a tar archive into a folder."""
    for name, file in from_tar(archive).items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.data)


def archived(folder: Path, path: str) -> tuple[list[bytes], Values]:
    """Files of a folder as docker-py returns them: a tar archive in chunks, and facts about it."""
    found = {
        str(path.relative_to(folder)): File(data=path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }
    return [to_tar(found, posixpath.basename(path))], {}
