"""Containers on an engine that must not share it: nodes, and workspaces with a nested engine (ADR 52)."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from docker.errors import NotFound

from catalogue.neighbours import has_nested_engine, is_node


def nodes_on(client: Any) -> list[str]:
    """Sorted names of the nodes' containers on an engine, running or stopped."""
    return sorted(
        _name(container)
        for container in client.api.containers(all=True)
        if is_node(container.get("Labels") or {})
    )


def nested_engines(client: Any) -> list[str]:
    """Sorted names of the workspaces on an engine that have a nested engine, running or stopped."""
    names = []
    for container in client.api.containers(all=True):
        name, labels = _name(container), container.get("Labels") or {}
        # As if it were privileged: only containers that may have a nested engine are inspected.
        if not has_nested_engine(name, labels, (), privileged=True):
            continue
        with suppress(NotFound):  # it was removed in the meantime
            host = client.api.inspect_container(container["Id"])["HostConfig"]
            capabilities, privileged = host.get("CapAdd") or (), bool(host.get("Privileged"))
            if has_nested_engine(name, labels, capabilities, privileged=privileged):
                names.append(name)
    return sorted(names)


def beside_nodes(host: str, nodes: Sequence[str], workspace: str) -> str:
    """Message that refuses a workspace with a nested engine on a machine with nodes; `host` names it."""
    are = f"the node {nodes[0]}" if len(nodes) == 1 else f"the nodes {', '.join(nodes)}"
    return (
        f"{host} has {are}, and anyone in a workspace with a nested Docker engine can take over the machine, "
        f"wallets included. Open it on the engine of another machine, `./skyinfra workspace open {workspace} "
        "--dind --engine ssh://USER@HOST --folder FOLDER` (in YAML, a host in skycoin:hosts with `engine: "
        "ssh://USER@HOST`), or here without `dind`, which also replaces an open workspace that has an engine."
    )


def _name(listed: Mapping[str, Any]) -> str:
    """Name of a container in a list; the beginning of its id while the engine removes it."""
    return str((listed.get("Names") or [listed["Id"][:12]])[0]).lstrip("/")
