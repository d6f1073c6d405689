"""The last healthy image of a node: its rollback goes back to it, and its host keeps it.

The container that takes over bears it as a label, which its engine keeps where a state is lost; the state has
it as an output. A container that nothing sound went before has neither.
"""

from catalogue.naming import is_pinned, split_pinned
from catalogue.node_container import LAST_HEALTHY
from clients.pull import is_same
from providers.base import Values
from providers.skycoin.handover import UNCONFIRMED, labels, policy

OUTPUT = "lastHealthy"
"""Its key in the state."""


def output(found: Values) -> Values:
    """Part of the state that a container's label gives: nothing where it has none."""
    image = labels(found).get(LAST_HEALTHY)
    return {OUTPUT: image} if image else {}


def label(old: Values | None, state: Values, image: str) -> dict[str, str]:
    """Label of the container of `image` that takes over from `old`; nothing where no image is known.

    `state` is the resource's, empty where it is lost: it has the name that a host knows by another one.
    """
    before = state.get(OUTPUT) if old is None else _left_by(old, state, image)
    return {LAST_HEALTHY: before} if before and not is_same(before, image) else {}


def _left_by(old: Values, state: Values, image: str) -> str | None:
    """Image of `old`, or what that one had in mind, where it fails or is of the same image."""
    before: str = old["Config"]["Image"]
    if is_same(before, image) or not is_pinned(before) or not _is_sound(old):
        return labels(old).get(LAST_HEALTHY)
    public = str(state.get("image") or "")
    if is_same(before, public):
        return public
    return f"{split_pinned(image)[0]}@{split_pinned(before)[1]}"


def _is_sound(found: Values) -> bool:
    """True for a container that was confirmed, which takes its health, and does not fail since."""
    state = found["State"]
    if policy(found) == UNCONFIRMED:
        return False
    if not state["Running"]:
        # Engines call whatever does not run unhealthy.
        return not state["ExitCode"]
    health = (state.get("Health") or {}).get("Status")
    return health == "healthy" or (health != "unhealthy" and not found.get("RestartCount"))
