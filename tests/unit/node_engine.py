"""A strict Docker engine in memory for one node, with faults at any call, and Pulumi's side of a resource.

It refuses what Docker refuses (a duplicate name, a port in use, an unknown container), restarts containers
on boot as Docker does, and checks after each call that each wallet has at most one writer.
"""

import copy
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from docker.errors import APIError, ImageNotFound, NotFound

from catalogue.node_container import user_of
from catalogue.titles import TITLE
from providers.kind import Values
from providers.skycoin.node_container import NodeContainer
from providers.skycoin.preflight import Preflight

WALLET, DATA = "skycoin-one-wallet", "skycoin-one-data"
COPIES = f"{WALLET}-backups"
GOOD, NEXT, BAD, SICK = (f"registry.example/skycoin@sha256:{digit * 64}" for digit in "abcd")
"""Images: two whose nodes become healthy, one whose node exits at once, one whose node stays unhealthy."""


class Killed(BaseException):
    """The plugin's process ends here; none of its code runs any more."""


class Fault(StrEnum):
    """Faults at one call to the engine."""

    KILLED_BEFORE = "the plugin is killed before the call"
    KILLED_AFTER = "the plugin is killed after the call"
    FAILED = "the engine answers with an error"
    LOST = "the engine does it, and its answer is lost"
    DOWN = "the engine is down from here on"


@dataclass(eq=False)
class EngineContainer:
    """One container."""

    identity: str
    name: str
    config: Values
    running: bool = False
    stopped_by_hand: bool = False
    exit_code: int = 0
    restarting: bool = False
    """True if it has ended, and the engine waits before it starts it again: engines call that running."""

    @property
    def policy(self) -> str:
        name: str = self.config["HostConfig"]["RestartPolicy"]["Name"]
        return name

    @property
    def volumes(self) -> list[str]:
        return [mount["Source"] for mount in self.config["HostConfig"].get("Mounts") or ()]


@dataclass(eq=False)
class NodeEngine:
    """The engine, as docker-py's client and its low-level API in one."""

    live_restore: bool = False
    limits_memory: bool = True
    volumes_there: set[str] = field(default_factory=lambda: {WALLET, COPIES, DATA})
    boxes: dict[str, EngineContainer] = field(default_factory=dict)
    images_there: set[str] = field(default_factory=lambda: {GOOD, NEXT, BAD, SICK})
    ports: set[str] = field(default_factory=set)
    """Ports of the host that other programs use."""
    memory: str = "0123\nend"
    """Lines of the host's record of the wallet, its id first."""
    fingerprint: str = "id\t0123\nend\n"
    """Lines that the fingerprint script prints about the wallet."""
    answers: dict[str, str] = field(default_factory=dict)
    """Image → its node's answer to the health request."""
    titled: bool = False
    """True if images have the title label of this program, so that unneeded ones are removed."""
    versions: dict[str, str] = field(default_factory=dict)
    """Image → version in its label."""
    chain: str = ""
    """Version in the chain database: a node with a version label writes its own, and refuses a newer one."""
    chain_kib: int = 1024
    free_kib: int = 1024 * 1024
    """Free space for a copy; `chain_kib` is the size of the database."""
    chain_copy: str | None = None
    """Version in the copy of the database, or None if there is no copy."""
    tended: list[str] = field(default_factory=list)
    """Actions that the chain database's script was run with."""
    ailing: set[str] = field(default_factory=set)
    """Images whose nodes were healthy and no longer are."""
    spoiled: dict[str, str] = field(default_factory=dict)
    """Image → fingerprint of the wallet after its node has run."""
    says: str = "flag provided but not defined: -foo"
    """Last line of every container's log."""
    owner: str = ""
    """Owner of the volumes; a node of another user must not start. Empty: anybody may use them."""
    copies: int = 0
    copy_code: int = 0
    log: list[str] = field(default_factory=list)
    """Every change, for example `start skycoin-one`."""
    calls: int = 0
    fault_at: int = 0
    fault: Fault | None = None
    down: bool = False
    violations: list[str] = field(default_factory=list)
    meanwhile: Callable[[], None] | None = None
    """Work of another plugin, done just before the call with the number `meanwhile_at`."""
    meanwhile_at: int = 0
    _ids: Any = field(default_factory=itertools.count)

    # Faults.

    def arm(self, at: int, fault: Fault) -> None:
        """Inject a fault at this call, counted from now on."""
        self.calls, self.fault_at, self.fault = 0, at, fault

    def disarm(self) -> None:
        self.fault, self.down = None, False

    def _call(self, action: Callable[[], Any]) -> Any:
        self.calls += 1
        if self.meanwhile is not None and self.calls == self.meanwhile_at:
            other, self.meanwhile, calls = self.meanwhile, None, self.calls
            other()
            self.calls = calls
        due = self.fault if self.calls == self.fault_at else None
        if due is Fault.DOWN:
            self.down = True
        if self.down:
            raise ConnectionError("the engine does not answer")
        if due is Fault.KILLED_BEFORE:
            raise Killed
        if due is Fault.FAILED:
            raise APIError("500", explanation="input/output error")
        answer = action()
        self._check()
        if due is Fault.LOST:
            raise ConnectionError("timed out")
        if due is Fault.KILLED_AFTER:
            raise Killed
        return answer

    def _check(self) -> None:
        running = [box for box in self.boxes.values() if box.running]
        for wallet in {volume for box in running for volume in box.volumes if volume.endswith("-wallet")}:
            writers = [box.name for box in running if wallet in box.volumes]
            if len(writers) > 1:
                self.violations.append(f"two writers: {writers} after {self.log[-3:]}")
        names = [box.name for box in self.boxes.values()]
        if len(names) != len(set(names)):
            self.violations.append(f"doubled name: {names}")

    def boot(self) -> list[str]:
        """Cut the board's power and boot it; return the names of the containers that then run."""
        for box in self.boxes.values():
            box.running = False
        for box in self.boxes.values():
            if box.policy == "always" or (box.policy == "unless-stopped" and not box.stopped_by_hand):
                box.running = self._lives(box)
        self._check()
        return [box.name for box in self.boxes.values() if box.running]

    def restart_daemon(self) -> list[str]:
        """Restart the engine, which under live restore stops nothing; return the names of what then runs."""
        if not self.live_restore:
            return self.boot()
        for box in self.boxes.values():
            if not box.running and box.policy == "always":
                box.running = True
        self._check()
        return [box.name for box in self.boxes.values() if box.running]

    # docker-py's high-level and low-level API.

    @property
    def api(self) -> "NodeEngine":
        return self

    @property
    def containers(self) -> Any:
        return _Containers(self)

    def info(self) -> Values:
        return {"LiveRestoreEnabled": self.live_restore, "MemoryLimit": self.limits_memory}

    def inspect_image(self, name: str) -> Values:
        if name not in self.images_there:
            raise ImageNotFound(name)
        labels = {"org.opencontainers.image.version": self.versions[name]} if name in self.versions else None
        return {"Id": name, "Config": {"Labels": labels}}

    def images(self, all: bool = False) -> list[Values]:  # noqa: A002 docker-py's name
        labels = {TITLE: "Skycoin node"} if self.titled else None
        return [
            {"Id": name, "RepoDigests": [name], "Labels": labels, "Size": 27_000_000}
            for name in sorted(self.images_there)
        ]

    def remove_image(self, name: str, force: bool, noprune: bool) -> None:
        def remove() -> None:
            assert (force, noprune) == (False, True)
            if name not in self.images_there:
                raise ImageNotFound(name)
            assert all(box.config["Image"] != name for box in self.boxes.values()), "a container needs it"
            self.images_there.discard(name)
            self.log.append(f"remove {name[-1]}")

        self._call(remove)

    def pull(self, name: str, **_: Any) -> list[Values]:
        return [{"error": f"{name}: connection refused"}]

    def create_volume(self, name: str) -> None:
        self._call(lambda: self.volumes_there.add(name))

    def inspect_volume(self, name: str) -> Values:
        def look() -> Values:
            if name not in self.volumes_there:
                raise NotFound(name)
            return {"Name": name}

        found: Values = self._call(look)
        return found

    def volumes(self) -> Values:
        found: Values = self._call(lambda: {"Volumes": [{"Name": name} for name in self.volumes_there]})
        return found

    def inspect_container(self, name: str) -> Values:
        found: Values = self._call(lambda: self._inspected(self._box(name)))
        return found

    def listed(self, filters: Mapping[str, Any]) -> list[Values]:
        running = "running" in filters.get("status", ())
        wanted, label = filters.get("volume"), filters.get("label")
        return [
            {
                "Id": box.identity,
                "ImageID": box.config["Image"],
                "Labels": box.config.get("Labels"),
                "Names": [f"/{box.name}"],
                "State": "running" if box.running else "exited",
                "Mounts": [
                    {"Name": name, "RW": True, "Destination": f"/{name.rpartition('-')[2]}"}
                    for name in box.volumes
                ],
            }
            for box in self.boxes.values()
            if (wanted is None or wanted in box.volumes)
            and (label is None or label in (box.config.get("Labels") or {}))
            and (box.running or not running)
        ]

    def exec_create(self, identity: str, command: Any, workdir: str = "") -> Values:
        box = self._box(identity)
        if not box.running:
            raise APIError("409", explanation=f"container {box.name} is not running")
        if command[0] == "wget":
            return {"Id": self.answers.get(box.config["Image"], "")}
        assert workdir == "/wallet"
        return {"Id": self.spoiled.get(box.config["Image"], self.fingerprint)}

    def exec_start(self, said: str) -> bytes:
        return said.encode()

    def create_container_from_config(self, config: Values, name: str) -> Values:
        def create() -> Values:
            if any(box.name == name for box in self.boxes.values()):
                raise APIError("409", explanation=f"the name {name} is already in use")
            missing = [mount["Source"] for mount in config["HostConfig"]["Mounts"]]
            made = sorted(set(missing) - self.volumes_there)
            assert not made, f"the engine would make {made}, empty"
            box = EngineContainer(f"{next(self._ids):064x}", name, copy.deepcopy(config))
            self.boxes[box.identity] = box
            self.log.append(f"create {name}")
            return {"Id": box.identity}

        answer: Values = self._call(create)
        return answer

    def start(self, name: str) -> None:
        def begin() -> None:
            box = self._box(name)
            if box.running and not box.restarting:
                return
            box.restarting = False
            bound = {
                entry["HostPort"]
                for entries in (box.config["HostConfig"].get("PortBindings") or {}).values()
                for entry in entries
            }
            if taken := bound & (self.ports | self._bound()):
                raise APIError("500", explanation=f"port is already allocated: {sorted(taken)}")
            box.running, box.stopped_by_hand = True, False
            self.log.append(f"start {box.name}")
            self._check()
            if not self._lives(box):
                box.running, box.exit_code = False, 2

        self._call(begin)

    def _lives(self, box: EngineContainer) -> bool:
        """Return whether the node keeps running; v0.27.1 refuses a newer database, and stamps any other."""
        if self.owner and user_of({"user": box.config.get("User")}) != self.owner:
            self.violations.append(f"{box.name} can't read its wallet after {self.log[-3:]}")
        version = self.versions.get(box.config["Image"], "").removeprefix("v")
        if version and DATA in box.volumes:
            if self.chain > version:
                return False
            self.chain = version
        return bool(box.config["Image"] != BAD)

    def tend(self, action: str) -> str:
        """Run the chain database's script; only the volume DATA has a database."""
        self.tended.append(action)
        if action in ("begin", "forget"):
            self.chain_copy = None
        if action == "keep":
            assert all(not box.running for box in self.boxes.values() if DATA in box.volumes)
            self.chain_copy = self.chain
        if action == "put-back" and self.chain_copy is not None:
            assert all(not box.running for box in self.boxes.values() if DATA in box.volumes)
            self.chain, self.chain_copy = self.chain_copy, None
        return f"{self.chain or '-'} {self.chain_kib} {self.free_kib}" if action in ("begin", "look") else ""

    def _bound(self) -> set[str]:
        return {
            entry["HostPort"]
            for box in self.boxes.values()
            if box.running
            for entries in (box.config["HostConfig"].get("PortBindings") or {}).values()
            for entry in entries
        }

    def stop(self, name: str, timeout: int) -> None:
        def end() -> None:
            box = self._box(name)
            grace = max(60, box.config.get("StopTimeout") or 0)
            assert timeout == (10 if box.name.endswith("-proxy") else grace), "a node gets its grace"
            if box.running:
                self.log.append(f"stop {box.name}")
            box.running, box.restarting, box.stopped_by_hand = False, False, True

        self._call(end)

    def rename(self, name: str, other: str) -> None:
        def change() -> None:
            box = self._box(name)
            if any(box.name == other for box in self.boxes.values()):
                raise APIError("409", explanation=f"the name {other} is already in use")
            self.log.append(f"rename {box.name} {other}")
            box.name = other

        self._call(change)

    def update_container(self, name: str, **limits: Any) -> None:
        def change() -> None:
            host = self._box(name).config["HostConfig"]
            if "restart_policy" in limits:
                host["RestartPolicy"] = limits["restart_policy"]
            if "mem_limit" in limits:
                host["Memory"] = limits["mem_limit"]
            if limits.get("mem_reservation"):  # 0 changes nothing, as with Docker
                host["MemoryReservation"] = limits["mem_reservation"]

        self._call(change)

    def remove_container(self, name: str, v: bool, force: bool) -> None:
        def remove() -> None:
            assert not v, "volumes stay"
            assert not force, "a container that runs would be killed without its grace"
            box = self._box(name)
            if box.running:
                raise APIError("409", explanation=f"{box.name} is running: stop it before you remove it")
            del self.boxes[box.identity]
            self.log.append(f"remove {box.name}")

        self._call(remove)

    def logs(self, name: str, tail: int, timestamps: bool) -> bytes:
        return f"2026-01-01T00:00:00.1Z {self.says}\n".encode()

    def _box(self, name: str) -> EngineContainer:
        for box in self.boxes.values():
            if name in (box.identity, box.name):
                return box
        raise NotFound(name)

    def _inspected(self, box: EngineContainer) -> Values:
        health = "starting" if box.config["Image"] == SICK else "healthy"
        if box.config["Image"] in self.ailing:
            health = "unhealthy"
        status = "running" if box.running else "exited" if box.exit_code or box.stopped_by_hand else "created"
        host = {
            "Memory": 0,
            "ReadonlyRootfs": True,
            "LogConfig": {"Type": "json-file"},
            **box.config["HostConfig"],
        }
        return copy.deepcopy(
            {
                "Id": box.identity,
                "Name": f"/{box.name}",
                "Config": box.config,
                "HostConfig": host,
                "Mounts": [
                    {"Type": "volume", "Name": mount["Source"], "Destination": mount.get("Target")}
                    for mount in box.config["HostConfig"].get("Mounts") or ()
                ],
                "NetworkSettings": {"Networks": {}},
                "State": {
                    "Status": status,
                    "Running": box.running,
                    "Restarting": box.restarting,
                    "ExitCode": box.exit_code,
                    "StartedAt": "2026-01-01T00:00:00.0Z",
                    "Health": {"Status": health} if box.running else None,
                },
            }
        )


@dataclass(eq=False)
class _Containers:
    """`client.containers` for short runs, and `api.containers()` for lists."""

    engine: NodeEngine

    def __call__(
        self,
        *,
        filters: Mapping[str, Any] = MappingProxyType({}),
        all: bool = False,  # noqa: A002 docker-py's name
    ) -> list[Values]:
        found: list[Values] = self.engine._call(lambda: self.engine.listed(filters))
        return found

    def create(self, image: str, **options: Any) -> "_Copy | _Print | _Tending":
        modes = {name: mount["mode"] for name, mount in options["volumes"].items()}
        if "give" in options["command"]:
            return _Print("")
        user = options.get("user") or user_of({})
        if self.engine.owner not in ("", user):
            self.engine.violations.append(f"a short run of {user} after {self.engine.log[-3:]}")
        if "chain-database" in options["command"]:
            action = options["command"][-1]
            [(volume, mode)] = modes.items()
            assert mode == ("ro" if action == "look" else "rw")
            assert volume != WALLET, "the wallet has no part in it"
            assert volume in self.engine.volumes_there, "the engine would make it"
            return _Tending(self.engine, action if volume == DATA else f"{action} in {volume}")
        modes = {name: mode.removesuffix(",nocopy") for name, mode in modes.items()}
        if list(modes.values()) == ["ro"]:
            is_wallet = options["volumes"][next(iter(modes))]["bind"] == "/wallet"
            return _Print(self.engine.fingerprint if is_wallet else self.engine.memory)
        assert sorted(modes.values()) == ["ro", "rw"], "a copy can't change the wallet"
        return _Copy(self.engine)


@dataclass(eq=False)
class _Print:
    """A short-lived container that prints a text."""

    text: str

    def start(self) -> None:
        return None

    def wait(self, timeout: int) -> Values:
        return {"StatusCode": 0}

    def logs(self, tail: Any) -> bytes:
        return self.text.encode()

    def remove(self, force: bool) -> None:
        return None


@dataclass(eq=False)
class _Tending:
    """A short-lived container that runs the chain database's script."""

    engine: NodeEngine
    action: str
    said: str = ""

    def start(self) -> None:
        self.said = self.engine._call(lambda: self.engine.tend(self.action))

    def wait(self, timeout: int) -> Values:
        return {"StatusCode": 0}

    def logs(self, tail: Any) -> bytes:
        return self.said.encode()

    def remove(self, force: bool) -> None:
        return None


@dataclass(eq=False)
class _Copy:
    engine: NodeEngine

    def start(self) -> None:
        self.engine._call(lambda: None)

    def wait(self, timeout: int) -> Values:
        self.engine.copies += self.engine.copy_code == 0
        return {"StatusCode": self.engine.copy_code}

    def logs(self, tail: int) -> bytes:
        return b"no space left on device" if self.engine.copy_code else b"2026-01-01T00-00-00Z"

    def remove(self, force: bool) -> None:
        return None


@dataclass(eq=False)
class Resource:
    """Pulumi's side of a resource: its state changes only when an operation succeeds."""

    kind: NodeContainer | Preflight
    identity: str = ""
    inputs: Values = field(default_factory=dict)
    outputs: Values = field(default_factory=dict)
    pending: list[tuple[str, Values]] = field(default_factory=list)
    """Resources that were replaced and are still to be deleted: (id, state)."""

    def up(self, inputs: Values, *, refresh: bool = False, replace: bool = False) -> str:
        """Run an update; return what it did: `create`, `update`, `replace` or `same`."""
        if refresh and self.identity:
            found = self.kind.read(self.identity, self.inputs, self.outputs)
            if found is None:
                self.identity = ""
            else:
                # Pulumi also asks for the difference that a program without changes would make.
                self.kind.diff(found.state, found.inputs, self.inputs)
                self.identity, self.outputs = found.identity, found.state
        if not self.identity or replace:
            before, former = self.identity, {**self.inputs, **self.outputs}
            self.identity, self.outputs = self.kind.create(inputs)
            ended = "create"
            if before:
                self.pending.append((before, former))
                ended = "replace"
        else:
            change = self.kind.diff(self.outputs, self.inputs, inputs)
            assert not change.replaces
            if change.updates:
                self.outputs = self.kind.update(self.identity, self.outputs, inputs)
            ended = "update" if change.updates else "same"
        self.inputs = inputs
        self._delete_pending()
        return ended

    def _delete_pending(self) -> None:
        while self.pending:
            self.kind.delete(*self.pending[0])
            del self.pending[0]

    def destroy(self) -> None:
        if self.identity:
            self.kind.delete(self.identity, {**self.inputs, **self.outputs})
            self.identity, self.inputs, self.outputs = "", {}, {}
        self._delete_pending()
