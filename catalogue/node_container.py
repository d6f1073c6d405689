"""A node's container: its inputs, grouped by the effect of a change, and its fixed parts.

Inputs have the names of the docker plugin's Container.
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
"""Inputs whose change needs a new container, by a handover (ADR 19)."""
LIVE = ("memory", "memoryReservation")
"""Inputs that are changed in the running container."""

NODE = "skycoin.node"
"""Label of a node's container: the URN of its resource."""
LAST_HEALTHY = "skycoin.last-healthy"
"""Label of a node's container: the last healthy image of another digest before it, `repo@sha256:…`."""

LAST_REPLACEMENT = "lastReplacement"
"""Output of a node's container: seconds of its last replacement, from just before the stop to the check."""

LEFT_OUT = "SKYCOIN_LEFT_OUT"
"""Environment variable with the names of the hosts that a run leaves out, separated by commas."""

USER = "10000:10000"
"""User and group id of a node in its container; they own its volumes."""
RPC_PORT = 6420
"""Port of the node's API inside its container."""
API = f"http://127.0.0.1:{RPC_PORT}/api/v1"
"""Address of the node's API inside its container, regardless of the port that its host publishes."""
HEALTH_PATH = "/api/v1/health"
HEALTH = f"http://127.0.0.1:{RPC_PORT}{HEALTH_PATH}"
"""Address of the node's health check inside its container."""
DATA = "/data"
"""Mount point of the data volume, which holds the chain database."""
OFFLINE = "-disable-networking"
"""Flag of a node without peers."""
