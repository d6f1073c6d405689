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

HEALTH = "http://127.0.0.1:6420/api/v1/health"
"""Address of a node's health inside its container, whatever port its host publishes."""

NODE = "skycoin.node"
"""Label of a node's container: the URN of its resource."""
