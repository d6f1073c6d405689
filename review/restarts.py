"""Containers in a preview: which ones stop, for how long at most, and why.

Pulling is not included: the old container keeps running while its host pulls the new image.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from catalogue.node_container import HANDED_OVER, LAST_REPLACEMENT, limited_stop
from clients.pulumi import CONTAINER, NODE_CONTAINER
from display.units import duration
from review.node_settings import node_differences, opened_by
from review.opened import Opened
from review.published_ports import opened_ports, port_differences
from review.steps import Step
from review.values import difference

CONTAINERS = (CONTAINER, NODE_CONTAINER)
UNHEALTHY = 60
"""Seconds that the docker plugin waits by default (`waitTimeout`)."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Maximum time of a successful replacement, in seconds."""

    grace: int
    """Seconds between the stop signal and the end of the old container."""
    wait: int
    """Seconds in which the new container must become healthy."""

    @property
    def seconds(self) -> int:
        """Sum of both."""
        return self.grace + self.wait

    def __str__(self) -> str:
        parts = f"{duration(self.grace)} to stop, then {duration(self.wait)} to become healthy"
        return f"{duration(self.seconds)} ({parts})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Restart:
    """A container that would be created, replaced, changed or removed."""

    container: str
    host: str
    """Name of the host; empty if the preview does not show it."""
    op: str
    why: tuple[str, ...]
    is_node: bool
    bound: Bound | None = None
    """Maximum time of a replacement; None if the preview does not show it, and for any other change."""
    pulls: bool = False
    """True if its image would change."""
    last: int | None = None
    """Seconds that its last replacement took; None if it is not in the state."""
    opens: tuple[Opened, ...] = ()
    """New access of others to the container."""

    @property
    def stops(self) -> bool:
        """True if a running container stops, temporarily or permanently."""
        return self.op in ("replace", "delete")

    @property
    def description(self) -> str:
        """Name of the container in messages."""
        where = f" on host {self.host}" if self.host else ""
        return f"{'node' if self.is_node else 'container'} `{self.container}`{where}"


def restart(step: Step) -> Restart:
    """Read the restart of a container from its step."""
    is_node = step.parents.endswith("skycoin:index:Node")
    # An update of a node's container may be a handover (docs/adr/0019), which stops it.
    handed_over = step.type == NODE_CONTAINER and step.op == "update" and _keys(step) & _HANDOVER
    op = "replace" if handed_over else step.op
    inputs = step.new or step.old
    return Restart(
        container=str(inputs.get("name") or step.name),
        host=str(inputs.get("host") if step.type == NODE_CONTAINER and "host" in inputs else step.provider),
        op=op,
        why=tuple(_differences(step, is_node=is_node)),
        is_node=is_node,
        bound=_bound(step) if op == "replace" else None,
        pulls="image" in _keys(step),
        last=_seconds(step.outputs.get(LAST_REPLACEMENT)),
        opens=tuple(opened_by(step) if is_node else opened_ports(step)),
    )


_HANDOVER = {*HANDED_OVER, "handover"}


def _keys(step: Step) -> set[str]:
    """Inputs that a step changes, by their top-level names: `command` for `command[1]`."""
    return {path.partition("[")[0].partition(".")[0] for path in step.reasons}


def _bound(step: Step) -> Bound | None:
    if step.type == NODE_CONTAINER:
        grace, wait = _grace(step), step.new.get("waitTimeout")
    else:
        grace = step.old.get("destroyGraceSeconds")
        wait = step.new.get("waitTimeout", UNHEALTHY) if step.new.get("wait") else None
    first, second = _seconds(grace), _seconds(wait)
    return None if first is None or second is None else Bound(first, second)


def _grace(step: Step) -> object:
    """Seconds that a node's old container gets to stop; its own are in the state, from its host."""
    wanted, own = (_seconds(values.get("stopTimeout")) for values in (step.new, step.outputs))
    return None if wanted is None else max(wanted, limited_stop(own))


def _seconds(value: object) -> int | None:
    """Seconds in a preview's value; None if the value is unknown: a preview has a string in its place."""
    return int(value) if isinstance(value, int | float) else None


def _differences(step: Step, *, is_node: bool) -> Iterator[str]:
    if is_node:
        yield from node_differences(step)
        return
    ports = port_differences(step)
    yield from ports
    for path in step.reasons:
        if not (ports and path.startswith("ports")):
            yield difference(path, step.old.get(path), step.new.get(path))
