"""Containers that must not share an engine: nodes, and workspaces with a nested Docker engine (ADR 52).

Containers of every stack and every version of this program are recognized: nodes by their labels, some of
which an engine copies from the image; workspaces by name or label, and by their rights.
"""

from collections.abc import Collection, Mapping

from catalogue.images import CATALOGUE
from catalogue.node_container import NODE
from catalogue.titles import TITLE, with_docker
from catalogue.workspaces import CONTAINER, WORKSPACES

NODE_TITLES = frozenset(entry.title for entry in CATALOGUE.values() if entry.node)
ENGINE_TITLES = frozenset(with_docker(entry.title) for entry in WORKSPACES.values())
OWNING = frozenset({"ALL", "SYS_ADMIN", "CAP_SYS_ADMIN"})
"""Capabilities that suffice to take over a host, as old and new engines spell them."""


def is_node(labels: Mapping[str, str]) -> bool:
    """True for a node's container; in version 0.1.0 it has no labels but those of its image."""
    return NODE in labels or labels.get(TITLE) in NODE_TITLES


def has_nested_engine(
    name: str, labels: Mapping[str, str], capabilities: Collection[str], *, privileged: bool
) -> bool:
    """True for a workspace with the rights of a nested engine, whichever tool opened it."""
    is_workspace = name.startswith(CONTAINER) or labels.get(TITLE) in ENGINE_TITLES
    return is_workspace and (privileged or not OWNING.isdisjoint(capabilities))
