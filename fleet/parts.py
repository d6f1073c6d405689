"""Parts of a stack by engine, and the ones that an update skips because their engine does not answer.

Resources are those of a stack's state, in the form of `pulumi stack export`. A part that is skipped stays in
the state unchanged, and so does everything that depends on it (docs/adr/0028).
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalogue.ssh_options import STRICT_HOST_KEYS
from catalogue.urns import name_of
from clients.pulumi import NODE_CONTAINER
from clients.silent_engines import Address

PROVIDER = "pulumi:providers:docker"
"""Type of the docker provider of a host."""
_OWN = "skycoin:index:"


@dataclass(frozen=True, slots=True)
class Item:
    """Entry of a stack's file that runs on a host."""

    host: str
    name: str
    urns: tuple[str, ...]
    """Glob patterns for the URNs of its components."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SkippedParts:
    """URNs in the state that a run skips, with those of everything that depends on them."""

    of_refresh: frozenset[str]
    """Resources whose engine in the state does not answer."""
    of_update: frozenset[str]
    """Resources whose engine in the stack's file does not answer; for a removed host, the state's engine."""


def hosts_of(config: Mapping[str, Any], local: str) -> dict[str, Address]:
    """Engine of each host; `local` is the environment's.

    Malformed entries are skipped: the program reports them.
    """
    engines = {}
    for name, host in _section(config, "hosts").items():
        options = host.get("ssh-options") or []
        if isinstance(engine := host.get("engine"), str) and isinstance(options, list):
            engines[name] = Address(local if engine == "local" else engine, tuple(map(str, options)))
    return engines


def items_of(config: Mapping[str, Any]) -> list[Item]:
    """Nodes, then hosted registries, then opened workspaces, each in the order of the file."""
    items = []
    for name, node in _section(config, "nodes").items():
        beside = (f"Exporter::{name}-exporter", f"Proxy::{name}-proxy")
        items.append(Item(str(node.get("host")), name, (f"Node::{name}", *beside)))
    for name, registry in _section(config, "registries").items():
        if registry.get("kind") == "hosted":
            urns = (f"HostedRegistry::{name}-on-*",)
            items.append(Item(str(registry.get("host")), f"registry {name}", urns))
    for name, workspace in _section(config, "workspaces").items():
        if isinstance(opening := workspace.get("open"), dict):
            urns = (f"Workspace::{name}-workspace-on-*",)
            items.append(Item(str(opening.get("host")), f"workspace {name}", urns))
    return items


def _section(config: Mapping[str, Any], name: str) -> dict[str, dict[str, Any]]:
    entries = config.get(f"skycoin:{name}")
    whole = entries if isinstance(entries, dict) else {}
    return {str(key): entry for key, entry in whole.items() if isinstance(entry, dict)}


def addresses(resources: Sequence[Mapping[str, Any]], local: str) -> dict[str, tuple[str, Address]]:
    """{URN: (host, engine)} of each resource on an engine, from the state; providers are not included."""
    providers: dict[str, tuple[str, Address]] = {}
    by_urn = {}
    for resource in resources:
        inputs, urn = resource.get("inputs") or {}, resource["urn"]
        if resource["type"] == PROVIDER:
            address = _address(inputs.get("host"), inputs.get("sshOpts"), local)
            providers[urn] = (name_of(urn), address)
        elif (provider := _provider_of(resource)) in providers:
            by_urn[urn] = providers[provider]
        elif resource["type"].startswith(_OWN) and isinstance(host := inputs.get("host"), str):
            by_urn[urn] = (host, _address(inputs.get("engine"), inputs.get("sshOptions"), local))
    return by_urn


def _address(engine: str | None, options: str | Sequence[str] | None, local: str) -> Address:
    # The SDK sends lists in a provider's inputs as JSON text.
    given = tuple(json.loads(options) if isinstance(options, str) else options or ())
    strict = len(STRICT_HOST_KEYS)
    return Address(engine or local, given[strict:] if given[:strict] == STRICT_HOST_KEYS else given)


def skipped_parts(
    resources: Sequence[Mapping[str, Any]],
    hosts: Mapping[str, Address],
    silent: Collection[Address],
    local: str,
) -> SkippedParts:
    """Choose the resources of a state that a run skips; `silent` are the engines that do not answer."""
    refresh, update = set[str](), set[str]()
    providers = {
        resource["urn"]: _provider_of(resource)
        for resource in resources
        if resource["type"].startswith("docker:")
    }
    for urn, (host, address) in addresses(resources, local).items():
        # Together with its provider; an unused provider can be created and removed without its host.
        urns = {urn, providers.get(urn, urn)}
        refresh |= urns if address in silent else set()
        update |= urns if hosts.get(host, address) in silent else set()
    return SkippedParts(
        of_refresh=_with_dependents(resources, refresh), of_update=_with_dependents(resources, update)
    )


def _with_dependents(resources: Sequence[Mapping[str, Any]], urns: set[str]) -> frozenset[str]:
    """Add every resource that depends on these. Dependencies come first in a state, so one pass finds all.

    Dependencies between nodes of rollout waves don't count: a node waits only for nodes that are updated.
    """
    nodes = {resource["urn"] for resource in resources if resource["type"] == NODE_CONTAINER}
    for resource in resources:
        waits = nodes if resource["urn"] in nodes else set[str]()
        if urns & ({*_needs(resource)} - waits):
            urns.add(resource["urn"])
    return frozenset(urns)


def _needs(resource: Mapping[str, Any]) -> Iterator[str]:
    yield from (resource.get("parent", ""), resource.get("deletedWith", ""), _provider_of(resource))
    yield from resource.get("dependencies") or ()
    for urns in (resource.get("propertyDependencies") or {}).values():
        yield from urns or ()


def _provider_of(resource: Mapping[str, Any]) -> str:
    return str(resource.get("provider") or "").rpartition("::")[0]


def excluded(of_state: Collection[str], items: Sequence[Item]) -> list[str]:
    """Options of pulumi that exclude the URNs `of_state`, and `items`, which may not be created yet."""
    # As glob patterns: pulumi rejects a plain URN that the state does not have.
    new = [f"urn:pulumi:*::*::{_OWN}{urn}" for item in items for urn in item.urns]
    named = [*sorted(of_state), *new]
    return [
        *(["--exclude-dependents"] if named else []),
        *(part for urn in named for part in ("--exclude", urn)),
    ]
