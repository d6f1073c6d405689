"""Inputs of a node's container, by what a change of them means. They are named as docker's Container does."""

HANDED_OVER = (
    "name",
    "image",
    "command",
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
LIVE = ("memory",)
"""A running container is given a change."""

NODE = "skycoin.node"
"""Label of a node's container: the URN of its resource."""
