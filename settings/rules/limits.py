"""Rules over the limits of a node, which come from the node, its host and its board together."""

from collections.abc import Iterator

from settings.fields import seconds_of
from settings.stack import StackSettings

LEAST = 32
"""Lowest soft limit, in MiB. Chosen: twice the 15 MB that v0.27.1 used with an empty chain and no network."""


def limit_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors for limits and times that don't fit each other.

    Before Docker 25, an engine checks a container's health for the first time after one interval.
    """
    for name, node in settings.nodes.items():
        host = settings.hosts.get(node.host)
        if host is None:
            continue
        board = host.limits_of(node)
        for key, value in (
            ("memory-reservation", board.memory_reservation),
            ("go-memory-limit", board.go_memory_limit),
        ):
            if value is None:
                continue
            where = f"skycoin:nodes.{name}: {key} {value} MiB"
            if value < LEAST:
                yield f"{where} is too low for a node: it must be 0 (none), or {LEAST} or more"
            elif value >= board.memory:
                yield f"{where} is not below its memory, {board.memory} MiB: lower it, or raise memory"
        if seconds_of(board.health_interval) >= board.wait:
            yield (
                f"skycoin:nodes.{name}: health-interval {board.health_interval} is not shorter than its "
                f"wait, {board.wait} s: lower it, or raise wait"
            )
