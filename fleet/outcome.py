"""What became of each host and each part on it, when an update has ended."""

from collections.abc import Collection, Mapping, Sequence

from display.columns import columns
from fleet.parts import Item

_BY_WEIGHT = ("failed", "created", "replaced", "updated", "deleted", "unchanged")
"""Of all that became of a part's resources, what counts for it."""
UNREACHED = "not reached: something that it needs failed"
NEEDS = "left out: it needs what is on a host that does not answer"


def outcome(
    items: Sequence[Item],
    hosts: Mapping[str, str],
    became: Mapping[str, str],
    left: Collection[str],
) -> str:
    """The table: host, what runs there, what became of it.

    `hosts` has the reason why a host is left out, empty for one that answers; `became` and `left` are by URN.
    """
    rows = [("host", "", "what became of it")]
    for host, reason in hosts.items():
        here = [item for item in items if item.host == host]
        for item in here:
            rows.append(
                (host, item.name, f"left out: {reason}" if reason else _of(item, items, became, left))
            )
        if not here:
            rows.append((host, "-", f"left out: {reason}" if reason else "answers"))
    return columns(rows)


def _of(item: Item, items: Sequence[Item], became: Mapping[str, str], left: Collection[str]) -> str:
    if any(_owner(urn, items) == item for urn in left):
        return NEEDS
    # Of its component alone nothing runs.
    words = {word for urn, word in became.items() if "$" in urn and _owner(urn, items) == item}
    return next((word for word in _BY_WEIGHT if word in words), UNREACHED)


def _owner(urn: str, items: Sequence[Item]) -> Item | None:
    """The item that a resource belongs to, by the names of its components and of what is below them."""
    kind, _, name = urn.rpartition("::")
    root = kind.rpartition("::")[2].partition("$")[0].rpartition(":")[2]
    owners = {}
    for item in items:
        for component in item.urns:
            its, _, begins = component.partition("::")
            begins = begins.removesuffix("*")
            if its == root and (name == begins or name.startswith(f"{begins.rstrip('-')}-")):
                owners[begins] = item
    return owners[max(owners, key=len)] if owners else None
