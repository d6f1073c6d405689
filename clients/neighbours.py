"""Containers on an engine, running or stopped, that others must not stand beside (ADR 52)."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from docker.errors import NotFound

from catalogue.neighbours import has_engine_inside, is_node


def nodes_on(client: Any) -> list[str]:
    """Names of the containers of nodes on an engine, running or stopped, sorted."""
    return sorted(_name(one) for one in client.api.containers(all=True) if is_node(one.get("Labels") or {}))


def engines_inside(client: Any) -> list[str]:
    """Names of the workspaces with a Docker engine inside on an engine, running or stopped, sorted."""
    found = []
    for one in client.api.containers(all=True):
        name, labels = _name(one), one.get("Labels") or {}
        # Any right would do: only containers that may be meant are inspected.
        if not has_engine_inside(name, labels, (), privileged=True):
            continue
        with suppress(NotFound):  # it has ended meanwhile
            host = client.api.inspect_container(one["Id"])["HostConfig"]
            given, privileged = host.get("CapAdd") or (), bool(host.get("Privileged"))
            if has_engine_inside(name, labels, given, privileged=privileged):
                found.append(name)
    return sorted(found)


def beside_nodes(host: str, nodes: Sequence[str], workspace: str) -> str:
    """Message that refuses a workspace with an engine inside where nodes are; `host` is how it is called."""
    are = f"the node {nodes[0]}" if len(nodes) == 1 else f"the nodes {', '.join(nodes)}"
    return (
        f"{host} has {are}, and whoever is in a workspace with a Docker engine inside can own the machine, "
        f"wallets included. Open it on the engine of another machine, `./skyinfra workspace open {workspace} "
        "--dind --engine ssh://USER@HOST --folder FOLDER` (in YAML, a host in skycoin:hosts with `engine: "
        "ssh://USER@HOST`), or here without `dind`, which also ends one that is open."
    )


def _name(listed: Mapping[str, Any]) -> str:
    """Name of a container in a list; its id while the engine removes it."""
    return str((listed.get("Names") or [listed["Id"][:12]])[0]).lstrip("/")
