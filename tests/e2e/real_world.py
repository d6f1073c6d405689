"""The simulated world of tests/integration on real engines: boards of the tests, real nodes and wallets.

Events, nodes and invariants are those of the simulation. A host's power is really cut, its engine really
restarts, and wallets are made by the node's own program. A fault comes at one of the requests by which the
program changes something on the engine; what only reads does not count, because its number depends on time.
"""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import requests

from catalogue.node_container import NODE
from clients.engine_api import EngineApi
from providers.kind import Values
from tests.e2e.boards import Board
from tests.e2e.plugin import until
from tests.integration.world import CANARY, Place, World
from tests.integration.world_events import NAMES, STRANGER
from tests.integration.world_node import Node
from tests.unit.node_engine import BAD, GOOD, NEXT, SICK, EngineContainer, Fault, Killed

IMAGES = {GOOD: "node:good", NEXT: "node:next", BAD: "node:bad", SICK: "node:sick"}
"""The simulation's images → their names on a board."""
MADE_OF: Mapping[str, str] = {
    IMAGES[NEXT]: 'LABEL test="another image of the same version"',
    IMAGES[BAD]: 'ENTRYPOINT ["docker-entrypoint.sh", "skycoin", "-no-such-flag"]',
    IMAGES[SICK]: 'ENTRYPOINT ["sleep", "1000"]',
}
"""Image → instruction that makes it from the good one."""
LEVELS = {"-x=1": "-log-level=info", "-x=2": "-log-level=debug"}
"""The simulation's flags → flags of a node."""
HEALTH = {"interval": "1s", "timeout": "5s", "retries": 20, "startPeriod": "1s"}
SECONDS = 20
"""Time limit for a node to become healthy."""


class FaultyApi(EngineApi):
    """The program's client of an engine, at whose requests faults come."""

    host: "RealHost | None" = None

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request, unless a fault comes before it."""
        if self.host is None:
            return super().send(request, **options)
        sent = super().send
        return self.host.passed(request, lambda: sent(request, **options))


@dataclass(eq=False)
class RealHost:
    """The engine of a board."""

    board: Board
    fault: Fault | None = None
    came: list[Fault] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    _left: int = 0
    _dead: bool = False
    _down: bool = False
    _client: Any = None
    _by_hand: Any = None

    def __post_init__(self) -> None:
        self._connect()

    def _connect(self) -> None:
        api = FaultyApi(base_url=self.board.docker_host, version="auto", timeout=120)
        api.host = self
        self._client = docker.DockerClient(base_url=self.board.docker_host, version=api.api_version)
        self._client.api = api
        self._by_hand = docker.DockerClient(base_url=self.board.docker_host).api

    @property
    def client(self) -> Any:
        return self._client

    # Faults.

    def arm(self, at: int, fault: Fault) -> None:
        self._left, self.fault = at, fault

    def disarm(self) -> None:
        self.fault, self._dead, self._down = None, False, False

    def passed(
        self, request: requests.PreparedRequest, send: Callable[[], requests.Response]
    ) -> requests.Response:
        """Answer of the engine to a request of the program, or the fault that comes at it."""
        is_change = request.method != "GET"
        due = self._due() if is_change else None
        if due is Fault.KILLED_BEFORE or self._dead:
            self._dead = True
            raise Killed
        if due is Fault.DOWN or self._down:
            self._down = True
            raise requests.ConnectionError("the engine does not answer")
        if due is Fault.FAILED:
            return _failure(request)
        answer = send()
        if "/archive?" not in str(request.url) and answer._content:  # a move carries wallets through it
            self.heard.append(answer.content)
        if is_change:
            self._check()
        if due is Fault.LOST:
            raise requests.ConnectionError("timed out")
        if due is Fault.KILLED_AFTER:
            self._dead = True
            raise Killed
        return answer

    def _due(self) -> Fault | None:
        """Fault of this request."""
        self._left -= 1
        if self.fault is None or self._left != 0 or self._dead or self._down:
            return None
        self.came.append(self.fault)
        return self.fault

    def _check(self) -> None:
        """Record a violation if two nodes, or a node and a stranger, may write to one wallet."""
        running = self.running()
        for wallet in {volume for box in running for volume in box.volumes if volume.endswith("-wallet")}:
            writers = [box.name for box in running if wallet in box.volumes]
            if len(writers) > 1:
                self.violations.append(f"two writers: {writers}")

    def create_volume(self, name: str) -> None:
        self._client.api.create_volume(name)

    # What is there.

    @property
    def boxes(self) -> Mapping[str, EngineContainer]:
        listed = self._by_hand.containers(all=True)
        named = {entry["Id"]: entry["Names"][0] for entry in listed if _is_box(entry)}
        seen = (
            self._by_hand.inspect_container(identity) for identity in sorted(named, key=named.__getitem__)
        )
        return {box["Id"]: _box(box) for box in seen}

    def running(self) -> list[EngineContainer]:
        return [box for box in self.boxes.values() if box.running]

    @property
    def _volumes(self) -> Path:
        return self.board.folder / "data" / "volumes"

    @property
    def volumes_there(self) -> set[str]:
        return {path.parent.name for path in self._volumes.glob("*/_data")}

    def folder(self, volume: str) -> Path:
        return self._volumes / volume / "_data"

    def owner_of(self, volume: str) -> str:
        seen = self.folder(volume).stat()
        return f"{seen.st_uid}:{seen.st_gid}"

    def shuts_out(self, volume: str, user: str) -> bool:
        return volume in self.volumes_there and self.owner_of(volume) != user

    def files_of_wallets(self) -> set[str]:
        """Files in wallet volumes and in their copies."""
        folders = [self.folder(volume) for volume in self.volumes_there if "-wallet" in volume]
        return {str(path) for folder in folders for path in folder.rglob("*")}

    def files_with(self, text: str) -> set[str]:
        """All files of the host that have a text in them."""
        found = ["grep", "-rlsF", "--devices=skip", text, str(self.board.folder)]
        listed = subprocess.run(found, capture_output=True, text=True, check=False).stdout
        return {*listed.splitlines()}

    def chain_version(self, volume: str) -> str:
        return ""  # all images have one version of the node

    # What people do by hand.

    def make(self, name: str) -> None:
        self._by_hand.create_volume(name)

    def remove_volume(self, name: str) -> None:
        for left in self._by_hand.containers(all=True, filters={"volume": name}):
            self._by_hand.remove_container(left["Id"], force=True)  # of a killed command
        self._by_hand.remove_volume(name)

    def give_to(self, volume: str, owner: str) -> None:
        subprocess.run(["chown", "-R", owner, self.folder(volume)], check=True)

    def halt(self, box: EngineContainer) -> None:
        self._by_hand.stop(box.identity, timeout=60)

    def drop(self, box: EngineContainer) -> None:
        self._by_hand.remove_container(box.identity, force=True)

    def use_again(self, box: EngineContainer) -> None:
        policy = {"Name": "unless-stopped", "MaximumRetryCount": 0}
        self._by_hand.update_container(box.identity, restart_policy=policy)

    def run_stranger(self, name: str, volume: str) -> None:
        mount = ("--mount", f"type=volume,source={volume},target=/wallet")
        self.board.docker("run", "-d", "--name", name, "--network", "none", *mount, IMAGES[SICK])

    def save(self, volume: str, *command: str) -> None:
        """Run skycoin-cli on a wallet volume, as its owner."""
        options = ("--rm", "--network", "none", "--user", self.owner_of(volume))
        mount = ("--mount", f"type=volume,source={volume},target=/wallet")
        self.board.docker("run", *options, *mount, IMAGES[GOOD], "skycoin-cli", *command)

    # What happens to the whole host.

    @property
    def live_restore(self) -> bool:
        return bool(self._by_hand.info()["LiveRestoreEnabled"])

    @live_restore.setter
    def live_restore(self, wanted: bool) -> None:
        (self.board.folder / "etc-docker" / "daemon.json").write_text(json.dumps({"live-restore": wanted}))
        for pid in self.board.pids("dockerd"):
            os.kill(pid, signal.SIGHUP)
        until(lambda: self.live_restore == wanted, "the engine has read its settings")

    def boot(self) -> list[str]:
        """Cut the power and boot; return the names of the containers that then run."""
        self.board.kill_engine()
        return self._begun()

    def restart_daemon(self) -> list[str]:
        """Restart the engine as systemd does; return the names of the containers that then run."""
        for pid in self.board.pids("dockerd"):
            os.kill(pid, signal.SIGTERM)
        until(lambda: not self.board.pids("dockerd", "containerd"), "the engine has ended", seconds=60)
        return self._begun()

    def _begun(self) -> list[str]:
        self.board.start_engine()
        self._connect()
        self._check()
        return [box.name for box in self.running()]


class RealWorld(World):
    """The world, in which skycoin-cli makes the wallets."""

    hosts: Mapping[str, RealHost]

    def save(self, place: Place, file: str, *more: str) -> None:
        """Add as many addresses to a wallet as `more` has; a new wallet gets its own seed."""
        host, volume = place
        if self.keys(place) and file in {name for name, _ in self.keys(place)}:
            self.hosts[host].save(volume, "walletAddAddresses", file, "-n", str(len(more)))
            return
        (self.hosts[host].folder(volume) / file).unlink(missing_ok=True)  # a damaged one
        seed = ("-s", f"{CANARY} of {more[0]}")
        self.hosts[host].save(
            volume, "walletCreate", file, "-t", "deterministic", "-n", f"{len(more)}", *seed
        )


class RealNode(Node):
    """A node whose container has what a stack's node has."""

    template: Values
    """Inputs of a deployed node's container."""

    def checks(self) -> Values:
        checked = {**super().checks(), "image": IMAGES[self.wanted["image"]]}
        return {key: value for key, value in checked.items() if key != "platform"}  # that of its host

    def inputs(self) -> Values:
        wanted = super().inputs()
        health = {**self.template["healthcheck"], **HEALTH}
        level = [LEVELS[flag] for flag in wanted["command"]]
        return {
            **self.template,
            **wanted,
            "image": IMAGES[wanted["image"]],
            "command": [*self.template["command"], *level],
            "healthcheck": health,
            "waitTimeout": SECONDS,
        }


def prepare(board: Board, archive: Path) -> RealHost:
    """Give a board the images, from a saved good one, and the networks of all nodes."""
    [loaded] = board.docker("load", "-q", "-i", str(archive)).split()[-1:]
    board.docker("tag", loaded, IMAGES[GOOD])
    for name, instruction in MADE_OF.items():
        folder = board.folder / name
        folder.mkdir()
        (folder / "Dockerfile").write_text(f"FROM {IMAGES[GOOD]}\n{instruction}\n")
        board.run("env", "DOCKER_BUILDKIT=0", "docker", "build", "-q", "-t", name, str(folder))
    for name in {name for names in NAMES.values() for name in names}:
        board.docker("network", "create", name)
    return RealHost(board)


def _is_box(listed: Values) -> bool:
    return NODE in (listed.get("Labels") or {}) or f"/{STRANGER}" in listed["Names"]


def _box(seen: Values) -> EngineContainer:
    known = {name: image for image, name in IMAGES.items()}
    config = {**seen["Config"], "Image": known[seen["Config"]["Image"]], "HostConfig": seen["HostConfig"]}
    return EngineContainer(seen["Id"], seen["Name"].lstrip("/"), config, running=seen["State"]["Running"])


def _failure(request: requests.PreparedRequest) -> requests.Response:
    answer = requests.Response()
    answer.status_code, answer.request, answer.url = 500, request, str(request.url)
    answer._content = b'{"message": "input/output error"}'
    return answer
