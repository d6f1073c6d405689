"""The table at the end of an update: what became of each host and each part on it."""

from collections.abc import Collection, Mapping, Sequence

from display.columns import columns
from fleet.parts import Item

_BY_WEIGHT = ("failed", "created", "replaced", "updated", "deleted", "unchanged")
"""Words for what became of a part's resources, the heaviest first: that one counts for the part."""
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
    owners = {_component(urn): item for item in items for urn in item.urns}
    needs = {_owner(urn, owners) for urn in left}
    words: dict[Item | None, set[str]] = {}
    for urn, word in became.items():
        if "$" in urn:  # of a component alone nothing runs
            words.setdefault(_owner(urn, owners), set()).add(word)
    rows = [("host", "", "what became of it")]
    for host, reason in hosts.items():
        here = [item for item in items if item.host == host]
        for item in here:
            its = next((word for word in _BY_WEIGHT if word in words.get(item, ())), UNREACHED)
            its = NEEDS if item in needs else its
            rows.append((host, item.name, f"left out: {reason}" if reason else its))
        if not here:
            rows.append((host, "-", f"left out: {reason}" if reason else "answers"))
    return columns(rows)


def _component(urn: str) -> tuple[str, str]:
    """(type, name) of an item's component, without what stands for any text."""
    kind, _, name = urn.partition("::")
    return kind, name.removesuffix("-*")


def _owner(urn: str, owners: Mapping[tuple[str, str], Item]) -> Item | None:
    """The item that a resource belongs to: below a component all have its name, and more behind a dash."""
    kind, _, name = urn.rpartition("::")
    root = kind.rpartition("::")[2].partition("$")[0].rpartition(":")[2]
    while name:
        if (root, name) in owners:
            return owners[root, name]
        name = name.rpartition("-")[0]
    return None
