"""Table at the end of an update: the result for each host and everything on it."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from catalogue.urns import type_of
from clients.pulumi import NODE_CONTAINER
from display.columns import columns
from fleet.parts import Item

_BY_WEIGHT = ("failed", "created", "replaced", "updated", "deleted", "unchanged")
"""Results of a part's resources, most important first: the first one that occurs is shown for the part."""
UNREACHED = "not reached: a dependency failed"
NEEDS = "skipped: it depends on a host that does not answer"


def outcome(
    items: Sequence[Item],
    hosts: Mapping[str, str],
    became: Mapping[str, str],
    skipped: Collection[str],
    broken: Collection[str] = (),
) -> str:
    """Table of hosts, the parts that run there, and their results.

    `hosts` has the reason why a host is skipped, or ""; `became`, `skipped` and `broken` have URNs. `broken`
    are changes that failed: their parts have failed, even if their hosts are skipped now.
    """
    owners = _owners(items)
    needs = {_owner(urn, owners) for urn in skipped}
    failed = {_owner(urn, owners) for urn in broken}
    words: dict[Item | None, set[str]] = {}
    for urn, word in became.items():
        if "$" in urn:  # a component itself does not run
            words.setdefault(_owner(urn, owners), set()).add(word)
    rows = [("HOST", "", "RESULT")]
    for host, reason in hosts.items():
        here = [item for item in items if item.host == host]
        for item in here:
            result = next((word for word in _BY_WEIGHT if word in words.get(item, ())), UNREACHED)
            result = NEEDS if item in needs else result
            silent = f"{'failed' if item in failed else 'skipped'}: {reason}"
            rows.append((host, item.name, silent if reason else result))
        if not here:
            rows.append((host, "-", f"skipped: {reason}" if reason else "answers"))
    return columns(rows)


def hosts_of_nodes(items: Sequence[Item], urns: Iterable[str]) -> set[str]:
    """Hosts of the nodes whose containers are among these URNs."""
    owners = _owners(items)
    nodes = (_owner(urn, owners) for urn in urns if type_of(urn) == NODE_CONTAINER)
    return {node.host for node in nodes if node is not None}


def _owners(items: Sequence[Item]) -> dict[tuple[str, str], Item]:
    return {_component(urn): item for item in items for urn in item.urns}


def _component(urn: str) -> tuple[str, str]:
    """(type, name) of an item's component, without wildcards."""
    kind, _, name = urn.partition("::")
    return kind, name.removesuffix("-*")


def _owner(urn: str, owners: Mapping[tuple[str, str], Item]) -> Item | None:
    """Item that a resource belongs to: children of a component have its name, plus a suffix after a dash."""
    kind, _, name = urn.rpartition("::")
    root = kind.rpartition("::")[2].partition("$")[0].rpartition(":")[2]
    while name:
        if (root, name) in owners:
            return owners[root, name]
        name = name.rpartition("-")[0]
    return None
