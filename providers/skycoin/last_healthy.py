"""The last healthy image of a node: a rollback returns to it, and the node's host keeps it.

A label of the node's new container names it, so it is known even if the state is lost; the state has it as an
output. A container without a healthy predecessor has neither the label nor the output.
"""

from catalogue.naming import is_pinned, split_pinned
from catalogue.node_container import LAST_HEALTHY
from clients.pull import is_same
from providers.kind import Values
from providers.skycoin.handover import UNCONFIRMED, labels, policy

OUTPUT = "lastHealthy"
"""Key of the output in the state."""


def last_healthy_output(container: Values) -> Values:
    """Outputs taken from a container's label; empty if it has none."""
    image = labels(container).get(LAST_HEALTHY)
    return {OUTPUT: image} if image else {}


def last_healthy_label(old: Values | None, state: Values, image: str) -> dict[str, str]:
    """Label for the container of `image` that takes over from `old`; empty if no healthy image is known.

    `state` is the resource's, empty if it was lost; the host may know the same image by another name.
    """
    before = state.get(OUTPUT) if old is None else _left_by(old, state, image)
    return {LAST_HEALTHY: before} if before and not is_same(before, image) else {}


def _left_by(old: Values, state: Values, image: str) -> str | None:
    """Image of `old`; if that failed, is `image` or unpinned, the last healthy image that `old` recorded."""
    before: str = old["Config"]["Image"]
    if is_same(before, image) or not is_pinned(before) or not _is_sound(old):
        return labels(old).get(LAST_HEALTHY)
    public = str(state.get("image") or "")
    if is_same(before, public):
        return public
    return f"{split_pinned(image)[0]}@{split_pinned(before)[1]}"


def _is_sound(container: Values) -> bool:
    """True for a container that was confirmed, and so was healthy, and has not failed since."""
    state = container["State"]
    if policy(container) == UNCONFIRMED:
        return False
    if not state["Running"]:
        # Engines report every stopped container as unhealthy.
        return not state["ExitCode"]
    health = (state.get("Health") or {}).get("Status")
    return health == "healthy" or (health != "unhealthy" and not container.get("RestartCount"))
