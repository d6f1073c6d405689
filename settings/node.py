"""`skycoin:nodes`: the nodes, with their hosts, images and flags."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from catalogue.node_container import USER
from settings.fields import (
    ApiSet,
    Date,
    Digest,
    HostName,
    NodeFlag,
    NodeImage,
    NodeName,
    NodeUser,
    Port,
    Reason,
    Tag,
    VolumeName,
)
from settings.limits import Limits
from settings.model import Settings
from settings.node_flags import disabled_api_sets, fault_of

HEALTH_API_SETS = frozenset(("READ", "STATUS"))
"""API sets that answer /api/v1/health (v0.27.1, src/api/http.go); one is enough."""


class PeerNetwork(StrEnum):
    """Skycoin network that a node joins."""

    NONE = "none"
    """No network: `-disable-networking`."""
    MAINNET = "mainnet"


class RollbackSettings(Settings):
    """`rollback`: the digest that a node keeps running, even if its image changes."""

    digest: Digest
    """Digest of the image to stay at, in the repository of the node's image."""
    reason: Reason
    """Reason for the rollback, which every run reports."""
    date: Date
    """Time when the node was rolled back."""


class NodeSettings(Limits):
    """One entry of `skycoin:nodes`."""

    image: NodeImage
    """Image that the node runs: one of `skycoin:images`, or of the stack in `skycoin:images-from`."""
    tag: Tag | None = None
    """Tag of the image. Default: the channel's first (`latest` for a release); with `images-from`, `develop`
    if it is published, else the only tag of a feature build, else `latest`."""
    host: HostName
    """Host that the node runs on."""
    rpc_port: Port = 6420
    """Port of the node's API, on the host's loopback; with `gui: true` it requires a login."""
    metrics_port: Port | None = None
    """Port of the node's [metrics](stacks.md#metrics), on the host's loopback. Default: no exporter."""
    peer_port: Port = 6000
    """Port for peers, on all addresses of the host; not used with `network: none`."""
    network: Annotated[PeerNetwork, Field(strict=False)] = PeerNetwork.NONE
    """Skycoin network that the node joins; `none` runs it without peers."""
    gui: bool = False
    """[Web interface](stacks.md#web-interface) behind a login. It adds the API sets WALLET and STORAGE; the
    image needs `gui: true`."""
    api_sets: Annotated[list[ApiSet], Field(min_length=1)] = ["READ", "TXN"]  # noqa: RUF012 pydantic copies it
    """Sets of API calls that the node answers."""
    args: list[NodeFlag] = Field(default_factory=list)
    """[Further flags](stacks.md#flags-of-a-node); a value follows `=` or is the next entry."""
    data_volume: VolumeName | None = None
    """Volume of the chain database. Default: `IMAGE-NAME-data`."""
    wallet_volume: VolumeName | None = None
    """Volume of the wallets. Default: `IMAGE-NAME-wallet`."""
    user: NodeUser = USER
    """[User](wallets.md#another-user) that the node runs as, who owns its volumes. New volumes are given to
    it; give it those of a deployed node yourself, while the node is stopped."""
    renamed_from: NodeName | None = None
    """Previous name of a renamed node, whose volumes keep their names."""
    new_wallet: bool = False
    """Allow the node to start with an empty wallet volume if its own is missing or empty; for one `up`
    only."""
    rollback: RollbackSettings | None = None
    """Digest that the node stays at, whatever its image has become; `./skyinfra node rollback` writes it."""

    def _args_are_allowed(self) -> str | None:
        fault = fault_of(self.args)
        return f"args: {fault}" if fault is not None else None

    def _health_is_answered(self) -> str | None:
        given = HEALTH_API_SETS.intersection(self.api_sets)
        if not given <= {*disabled_api_sets(self.args)}:
            return None
        return (
            f"{'args' if given else 'api-sets'}: the node needs READ or STATUS, because its health check "
            "asks its API: without both it is never healthy"
        )

    key_rules = (_args_are_allowed, _health_is_answered)
