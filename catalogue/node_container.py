"""A node's container: its inputs, grouped by the effect of a change, and its fixed parts.

Inputs have the names of the docker plugin's Container.
"""

import re
from collections.abc import Mapping
from typing import Any

from catalogue.images import EXPORTER_UID, PROXY_UID

HANDED_OVER = (
    "name",
    "image",
    "command",
    "envs",
    "user",
    "readOnly",
    "tmpfs",
    "capabilities",
    "securityOpts",
    "mounts",
    "ports",
    "networkMode",
    "logDriver",
    "logOpts",
    "stopSignal",
    "stopTimeout",
    "ulimits",
    "healthcheck",
    "init",
)
"""Inputs whose change needs a new container, and so a handover (ADR 19)."""
LIVE = ("memory", "memoryReservation")
"""Inputs that are changed in the running container."""

NODE = "skycoin.node"
"""Label of a node's container: the URN of its resource."""
WALLET_HELPER = "skycoin.wallet-helper"
"""Label of a container through which a command reads or writes a wallet: the wallet volume."""
WALLET_READER, WALLET_WRITER = "skycoin.wallet-reader", "skycoin.wallet-writer"
"""Further label of such a container, by what it may do; its value is the process of the command.

wallets/volumes/processes.py has the form of that value.
"""
WRITTEN = (
    "A command such as `./skyinfra wallet restore` is writing to it: wait for its end. If that command was "
    "killed, run it again, or remove that container if all wallets are as they should be."
)
"""Remedy if a container with the label WALLET_HELPER may write to the wallet."""
LAST_HEALTHY = "skycoin.last-healthy"
"""Label of a node's container: the last healthy image with another digest, `repo@sha256:…`."""

LAST_REPLACEMENT = "lastReplacement"
"""Output of a node's container: seconds that its last replacement took, from the stop to the last check."""

SKIPPED_HOSTS = "SKYCOIN_SKIPPED_HOSTS"
"""Environment variable with the names of the hosts that a run skips, separated by commas."""

GRACE = 60
"""Seconds between a node's SIGINT and SIGKILL, in which it closes its database and wallets.

`stop_seconds` gives more to a container that was created with more.
"""
_LONGEST_STOP = 3600
"""Most seconds for a stop: the number is the host's, and a compromised one must not hold up other hosts."""
ALIVE = ("running", "restarting", "paused")
"""Docker's statuses of a container that writes to its volumes, or may resume writing."""

USER = "10000:10000"
"""User and group id of the images, and of a node whose settings name no other; they own its volumes."""
USER_FORM = re.compile(r"[1-9]\d{0,9}:[1-9]\d{0,9}", re.ASCII)
"""Form of a node's user: UID:GID, neither of them 0."""
LARGEST_ID = 2147483647
"""Largest user or group id that the engine accepts."""
RPC_PORT = 6420
"""Port of the node's API inside its container."""
API = f"http://127.0.0.1:{RPC_PORT}/api/v1"
"""Address of the node's API inside its container, regardless of the port that its host publishes."""
HEALTH_PATH = "/api/v1/health"
HEALTH = f"http://127.0.0.1:{RPC_PORT}{HEALTH_PATH}"
"""Address of the node's health check inside its container."""
DATA = "/data"
"""Mount point of the data volume, which holds the chain database."""
WALLET = "/wallet"
"""Mount point of the wallet volume."""
OFFLINE = "-disable-networking"
"""Flag of a node without peers."""


def stop_seconds(container: Mapping[str, Any], least: int = GRACE) -> int:
    """Seconds between the stop signal and SIGKILL of an inspected container: `least`, or its own if more.

    A container that a person created, and a node took over, may be one that needs longer.
    """
    return max(least, limited_stop(container["Config"].get("StopTimeout")))


def limited_stop(reported: int | None) -> int:
    """Limit the seconds for a stop that a host reports; 0 for none.

    A negative number means that the container is never killed.
    """
    seconds = reported or 0
    return _LONGEST_STOP if seconds < 0 else min(seconds, _LONGEST_STOP)


def user_fault(user: str) -> str:
    """Reason why a node can't run as this user; empty if it can."""
    if not USER_FORM.fullmatch(user):
        return 'a user is UID:GID in quotes, neither of them 0, such as "12000:12000"'
    uid, gid = map(int, user.split(":"))
    if max(uid, gid) > LARGEST_ID:
        return f"the largest id is {LARGEST_ID}"
    reserved = {EXPORTER_UID: "exporters", PROXY_UID: "the login in front of web interfaces"}
    for number in (uid, gid):
        if number in reserved:
            return (
                f"{number} is the ID of {reserved[number]}: a node needs another ID, which keeps its files "
                "separate"
            )
    return ""


def user_of(inputs: Mapping[str, Any]) -> str:
    """User of a node, from the inputs of its container or preflight; a preflight omits the default user."""
    return str(inputs.get("user") or USER)
