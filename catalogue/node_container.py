"""A node's container: its inputs by what a change of them means, and what is inside.

Inputs are named as docker's Container does.
"""

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
"""A change needs another container: a handover (ADR 19)."""
LIVE = ("memory", "memoryReservation")
"""A running container is given a change."""

NODE = "skycoin.node"
"""Label of a node's container: the URN of its resource."""
LAST_HEALTHY = "skycoin.last-healthy"
"""Label of a node's container: image, `repo@sha256:…`, of the last sound one of another digest before it."""

LAST_REPLACEMENT = "lastReplacement"
"""Output of a node's container: seconds of its last replacement, from just before the stop to the proof."""

LEFT_OUT = "SKYCOIN_LEFT_OUT"
"""Environment variable with the hosts that a run leaves out, by name, with commas between them."""

USER = "10000:10000"
"""User and group of a node in its container: they own its volumes."""
RPC_PORT = 6420
"""Port of the node's API inside its container."""
API = f"http://127.0.0.1:{RPC_PORT}/api/v1"
"""Address of the node's API inside its container, whatever port its host publishes."""
HEALTH_PATH = "/api/v1/health"
HEALTH = f"http://127.0.0.1:{RPC_PORT}{HEALTH_PATH}"
"""Address of a node's health there."""
DATA = "/data"
"""Mount point of the data volume: the chain's database."""
OFFLINE = "-disable-networking"
"""Flag of a node that talks to nobody."""
