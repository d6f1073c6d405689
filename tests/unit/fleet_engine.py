"""A Docker engine with nodes, as `fleet status` queries it; it answers like node v0.27.1 and Docker 20.10."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from docker.errors import APIError, NotFound

from clients.deployed_nodes import DeployedNode
from display.command_lines import DEFAULT_STACK
from fleet.nodes import Backup, FleetNode

NOW = "2026-11-26T09:15:00.123456789Z"
IMAGE = f"registry.localhost:5443/skycoin/skycoin@sha256:{'4b16288b2ffa' + 52 * '0'}"
DF = "/dev/mmcblk0p2      30358512 12000000  17000000      42% /data"


def health(height: int = 180000, peers: int = 3, version: str = "0.27.1") -> str:
    """A node's answer at /api/v1/health as v0.27.1 prints it, without the fields that are not read."""
    head = {
        "seq": height,
        "block_hash": "0551a1e5af999fe8fff529f6f2ab341e1e33db95135eef1b2be44fe6981349f3",
        "timestamp": 1795684436,
        "version": 0,
    }
    said = {
        "blockchain": {"head": head, "unspents": 1, "unconfirmed": 0, "time_since_last_block": "4m46s"},
        "version": {"version": version, "commit": 40 * "1", "branch": "master"},
        "coin": "skycoin",
        "open_connections": peers,
        "uptime": "517.345938ms",
    }
    return json.dumps(said, indent=4)


def progress(current: int = 180000, *heights: int) -> str:
    """A node's answer at /api/v1/blockchain/progress, with the heights that its peers report."""
    peers = [{"address": f"10.0.0.{index}:6000", "height": one} for index, one in enumerate(heights)]
    return json.dumps({"current": current, "highest": max([current, *heights]), "peers": peers}, indent=4)


def printed(*parts: str) -> str:
    """Output of the status script in a container."""
    return "\n---\n".join(parts) + "\n"


def answers(height: int, *heights: int) -> str:
    """Output of that script for a node that answers and has peers at these heights."""
    return printed(health(height, len(heights)), progress(height, *heights), DF)


@dataclass
class Box:
    """A node's container."""

    says: list[str] = field(default_factory=lambda: [answers(180000, 180000, 180000, 180000)])
    """Output of the status script in each run; the last one repeats."""
    status: str = "running"
    health: str = "healthy"
    exit_code: int = 0
    restarts: int = 0
    started: str = "2026-11-26T06:15:00.000000001Z"
    finished: str = "0001-01-01T00:00:00Z"
    image: str = IMAGE
    command: Sequence[str] = ("-web-interface-addr=0.0.0.0", "-port=6000")
    log: bytes = b""

    def inspected(self, name: str) -> dict[str, Any]:
        state = {
            "Status": self.status,
            "Running": self.status in ("running", "paused", "restarting"),
            "ExitCode": self.exit_code,
            "StartedAt": self.started,
            "FinishedAt": self.finished,
        }
        if self.health:
            state["Health"] = {"Status": self.health, "FailingStreak": 0, "Log": []}
        return {
            "Id": f"id-of-{name}",
            "Name": f"/{name}",
            "State": state,
            "RestartCount": self.restarts,
            "Config": {"Image": self.image, "Cmd": list(self.command)},
        }


@dataclass
class FleetEngine:
    """The part of a docker client that `fleet status` uses."""

    boxes: dict[str, Box]
    time: str = NOW
    fails: Callable[[str], Exception | None] = lambda _: None
    """Error that a call of this name raises, or None."""
    stored: list[dict[str, Any]] = field(default_factory=list)
    """Images, in the form of Docker's list."""
    calls: list[str] = field(default_factory=list)
    closed: bool = False

    @property
    def api(self) -> "FleetEngine":
        return self

    def close(self) -> None:
        self.closed = True

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if (error := self.fails(name)) is not None:
            raise error

    def _box(self, name: str) -> Box:
        if (box := self.boxes.get(name.removeprefix("id-of-"))) is None:
            raise NotFound("404", explanation=f"No such container: {name}")
        return box

    def info(self) -> dict[str, Any]:
        self._called("info")
        return {"SystemTime": self.time}

    def images(self) -> list[dict[str, Any]]:
        self._called("images")
        return self.stored

    def inspect_container(self, name: str) -> dict[str, Any]:
        self._called("inspect")
        return self._box(name).inspected(name)

    def exec_create(self, identity: str, command: Sequence[str]) -> dict[str, str]:
        self._called("exec")
        assert command[:2] == ["sh", "-c"]
        if self._box(identity).status != "running":
            raise APIError("409", explanation=f"Container {identity} is not running")
        return {"Id": identity}

    def exec_start(self, identity: str) -> bytes:
        says = self._box(identity).says
        return (says.pop(0) if len(says) > 1 else says[0]).encode()

    def logs(self, identity: str, since: int, tail: int) -> bytes:
        self._called(f"logs since {since}")
        assert tail
        return self._box(identity).log


def node(
    name: str = "node-1",
    *,
    tag: str = "0.27.1",
    backup: Backup | None = None,
    repositories: frozenset[str] = frozenset(),
    **given: Any,
) -> FleetNode:
    """A node on a board; `given` are facts of its deployment."""
    facts: dict[str, Any] = {
        "stack": DEFAULT_STACK,
        "host": "attic",
        "engine": "ssh://pi@attic.lan",
        "ssh_options": [],
        "container": f"skycoin-{name}",
        "wallet": f"skycoin-{name}-wallet",
        "data": f"skycoin-{name}-data",
        "preflight": "",
        "urns": [],
        "protected": [],
        "image": IMAGE,
        "runs": "native",
    }
    deployed = DeployedNode(name=name, **{**facts, **given})
    return FleetNode(deployed=deployed, tag=tag, backup=backup, repositories=repositories)
