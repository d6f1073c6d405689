"""Status of each node of a stack."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from clients.deployed_nodes import DeployedNode


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """Newest backup of a node's wallets that this machine knows of."""

    time: datetime
    file: str
    """Path or ssh:// address."""
    is_gone: bool
    """True if the file was on this machine and no longer is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetNode:
    """One node of a stack, with what this machine knows of it."""

    deployed: DeployedNode
    tag: str = ""
    """Tag of its image in the stack; empty if the stack did not publish it."""
    backup: Backup | None = None
    repositories: frozenset[str] = frozenset()
    """Repositories of the images that the stack deploys to its host."""


class State(StrEnum):
    """State of a node, in one to three words."""

    SYNCED = "synced"
    """The node has all blocks that its peers have."""
    SYNCING = "syncing"
    """The node lacks blocks and is adding them."""
    OFFLINE = "offline"
    """The node answers, and has no network by its settings (`network: none`)."""
    STARTING = "starting"
    """The node does not answer yet or has no peer yet, but still has time."""
    STUCK = "stuck"
    """The node lacks blocks and adds none."""
    NO_PEERS = "no peers"
    UNHEALTHY = "unhealthy"
    """The node is running, but does not answer or fails its health check."""
    RESTARTING = "restarting"
    STOPPED = "stopped"
    MISSING = "missing"
    """The host has no such container."""
    NO_ANSWER = "does not answer"
    """The host does not answer."""
    NOT_DEPLOYED = "not deployed"
    """The node is in the stack's file only."""


OK = frozenset({State.SYNCED, State.SYNCING, State.OFFLINE, State.STARTING})


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """A node's own report about its chain."""

    version: str
    height: int
    highest: int | None
    """Credible height of the peers' chain; None without peers."""
    peers: int
    last_block: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Container:
    """A node's container as its engine reports it."""

    identity: str
    image: str
    status: str
    """Docker's status: running, exited, restarting …"""
    health: str
    """Docker's health: healthy, unhealthy, starting; empty without a health check."""
    exit_code: int
    restarts: int
    """Restarts by the engine since the last start by hand."""
    seconds: int
    """Seconds since it started or, if it is stopped, since it ended; by its host's clock."""
    is_offline: bool
    """True for a node without a network."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Disk:
    """File system on the host that holds the node's volumes."""

    free: int
    total: int
    """Size of the file system; this and `free` are in bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Images:
    """Images of this program that a host stores, running ones included."""

    count: int
    size: int
    """Bytes as docker counts them: a shared layer counts once per image."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """Everything that is known about one node."""

    node: FleetNode
    state: State
    reason: str = ""
    """Reason for attention, and a command that shows more; empty if nothing is wrong."""
    container: Container | None = None
    chain: Chain | None = None
    disk: Disk | None = field(default=None)
    images: Images | None = None

    @property
    def is_ok(self) -> bool:
        """True if the node needs no attention."""
        return self.state in OK


def not_deployed(stack: str, name: str, host: str) -> Status:
    """Status of a node that only the stack's file has; its host is not asked."""
    node = DeployedNode(
        stack=stack,
        name=name,
        host=host,
        engine=None,
        ssh_options=(),
        image="",
        container=None,
        wallet="",
        data=None,
        preflight="",
        urns=(),
        protected=(),
    )
    reason = "it is in the stack's file only: `up` creates it"
    return Status(node=FleetNode(deployed=node), state=State.NOT_DEPLOYED, reason=reason)
