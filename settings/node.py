"""`skycoin:nodes`: which nodes run where."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from settings.fields import SECRET, ApiSet, Date, Digest, Port, Reason, Tag, VolumeName
from settings.limits import Limits
from settings.model import Settings


class PeerNetwork(StrEnum):
    """Which Skycoin network a node joins."""

    NONE = "none"
    """None: `-disable-networking`."""
    MAINNET = "mainnet"


MANAGED_FLAGS = [
    "data-dir",
    "wallet-dir",
    "db-path",
    "storage-dir",
    "web-interface-addr",
    "host-whitelist",
    "disable-csrf",
    "disable-header-check",
    "disable-csp",
    "http-prof",
    "http-prof-host",
    "web-interface",
    "web-interface-https",
    "web-interface-plaintext-auth",
    "web-interface-port",
    "enable-api-sets",
    "enable-all-api-sets",
    "enable-gui",
    "gui-dir",
    "port",
    "disable-networking",
    "web-interface-username",
    "web-interface-password",
]
"""Flags of the node that settings own: given by hand they could move a wallet or open an interface."""

SWITCHES = frozenset(
    {
        "block-publisher",
        "color-log",
        "db-read-only",
        "disable-default-peers",
        "disable-incoming",
        "disable-outgoing",
        "disable-pex",
        "download-peerlist",
        "help",
        "launch-browser",
        "localhost-only",
        "logtofile",
        "no-ping-log",
        "profile-cpu",
        "reset-corrupt-db",
        "verify-db",
        "version",
    }
)
"""Flags of the node (v0.27.1) without a value, but those that settings own."""


class RollbackSettings(Settings):
    """`rollback`: a node that stays at a digest, whatever its image has become."""

    digest: Digest
    reason: Reason
    date: Date


class NodeSettings(Limits):
    """One entry of `skycoin:nodes`."""

    image: str
    tag: Tag | None = None
    host: str
    rpc_port: Port = 6420
    metrics_port: Port | None = None
    peer_port: Port = 6000
    network: Annotated[PeerNetwork, Field(strict=False)] = PeerNetwork.NONE
    gui: bool = False
    api_sets: Annotated[list[ApiSet], Field(min_length=1)] = ["READ", "TXN"]  # noqa: RUF012 pydantic copies it
    args: list[str] = Field(default_factory=list)
    data_volume: VolumeName | None = None
    wallet_volume: VolumeName | None = None
    renamed_from: str | None = None
    new_wallet: bool = False
    rollback: RollbackSettings | None = None

    @model_validator(mode="after")
    def _args_are_flags(self) -> Self:
        if (stray := _stray(self.args)) is not None:
            raise ValueError(
                f"args: {stray!r} is no flag: the node would drop it and all that follows; write -flag=value"
            )
        return self

    @model_validator(mode="after")
    def _args_stay_out_of_settings(self) -> Self:
        for argument in self.args:
            flag = argument.lstrip("-").partition("=")[0] if argument.startswith("-") else ""
            if flag in MANAGED_FLAGS:
                raise ValueError(f"args: -{flag} would override what the node's settings decide; drop it")
            if SECRET.search(flag):
                raise ValueError(f"args: -{flag}: a secret would be in the state and on the host in clear")
        return self


def _stray(arguments: Sequence[str]) -> str | None:
    """The first argument at which Go's package flag reads no further, or None."""
    may_be_value = False
    for argument in arguments:
        is_flag = argument.startswith("-")
        if argument in ("-", "--") or not (is_flag or may_be_value):
            return argument
        name, assigned, _ = argument.lstrip("-").partition("=")
        may_be_value = is_flag and not assigned and name not in SWITCHES
    return None
