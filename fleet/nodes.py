"""Nodes of a stack as they are asked, and what was found of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """The newest backup of a node's wallets that this machine knows."""

    time: datetime
    file: str
    """Path or ssh:// address."""
    is_gone: bool
    """True where the file was on this machine, and is no longer there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetNode:
    """One node, as the stack's state has it."""

    name: str
    host: str
    engine: str | None
    """`unix://…` or `ssh://…`; None is the engine of the environment."""
    ssh_options: Sequence[str] = ()
    docker: str = "docker"
    """How a docker command line reaches its host."""
    container: str
    image: str
    """`repo@sha256:…` that it was last deployed with."""
    tag: str = ""
    """Tag of that image in the stack; empty where the stack did not publish it."""
    runs: str = ""
    """`native` or `emulated`."""
    backup: Backup | None = None
    rollback: Mapping[str, str] | None = None
    """Digest, reason and date, where it is rolled back."""
    stack: str = "local"


class State(StrEnum):
    """The state of a node, in a word or two."""

    SYNCED = "synced"
    """It has all blocks that its peers have."""
    SYNCING = "syncing"
    """It lacks blocks and adds them."""
    OFFLINE = "offline"
    """It was told to talk to nobody (`network: none`), and answers."""
    STARTING = "starting"
    """It does not answer yet, or looks for its first peer, and has time for it."""
    STUCK = "stuck"
    """It lacks blocks and adds none."""
    NO_PEERS = "no peers"
    UNHEALTHY = "unhealthy"
    """It runs, and does not answer or fails its health check."""
    RESTARTING = "restarting"
    STOPPED = "stopped"
    MISSING = "missing"
    """Its host has no such container."""
    NO_ANSWER = "does not answer"
    """Its host."""


OK = frozenset({State.SYNCED, State.SYNCING, State.OFFLINE, State.STARTING})


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """A node's own words about its chain."""

    version: str
    height: int
    highest: int | None
    """Height that its peers have, as far as they are believed; None without peers."""
    peers: int
    last_block: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Container:
    """A node's container as its engine has it."""

    identity: str
    image: str
    status: str
    """Docker's: running, exited, restarting …"""
    health: str
    """Docker's: healthy, unhealthy, starting; empty without a health check."""
    exit_code: int
    restarts: int
    """Restarts by the engine since it was last started by hand."""
    seconds: int
    """Time since it was started or, where it does not run, since it ended; by its host's clock."""
    is_offline: bool
    """True of a node that was told to talk to nobody."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Disk:
    """The file system of a host on which its volumes are."""

    free: int
    total: int
    """Bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """All that was found of one node."""

    node: FleetNode
    state: State
    reason: str = ""
    """The reason for attention, and a command that shows more; empty where nothing is wrong."""
    container: Container | None = None
    chain: Chain | None = None
    disk: Disk | None = field(default=None)

    @property
    def is_ok(self) -> bool:
        """True where nobody needs to look at it."""
        return self.state in OK
