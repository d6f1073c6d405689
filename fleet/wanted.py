"""Hosts and their tenants according to a stack's settings, as input for clients/host_checks.py."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from catalogue.arch import ARCHES
from catalogue.confinement import LOOPBACK
from catalogue.naming import containers_of_node, readers_name
from clients.host_checks import PlannedHost, Tenant
from display.errors import UserError
from providers.container.schema import NANOSECONDS, nanoseconds
from settings.host import Emulation, HostSettings
from settings.names import (
    container_name,
    hosted_registries,
    node_ports,
    opened_workspaces,
    page_port,
    registry_container,
    registry_ports,
    volume_names,
    workspace_container,
)
from settings.node import NodeSettings, PeerNetwork
from settings.places import read_stack_file
from settings.reading import SettingsError, parse
from settings.schema import NAMESPACE, SECRETS
from settings.stack import StackSettings


def settings_of(config: Mapping[str, Any], path: Path | None = None) -> StackSettings:
    """Settings of a stack from `config:` of its file, without secrets. Raises UserError with all errors.

    `path` is that file, for the positions in error messages.
    """
    prefix = f"{NAMESPACE}:"
    own = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    own.pop(SECRETS, None)
    try:
        return parse(own, read_stack_file(path) if path else None)
    except SettingsError as error:
        raise UserError(str(error)) from None


def planned_hosts(settings: StackSettings) -> list[PlannedHost]:
    """All hosts of a stack, in order. Two names of one engine give two entries."""
    return [
        PlannedHost(
            name=name,
            engine=host.address,
            ssh_options=tuple(host.ssh_options),
            platform=ARCHES[host.variant].platform if host.variant else None,
            emulation=host.emulation is Emulation.ALLOWED,
            tenants=tuple(_tenants(name, settings)),
        )
        for name, host in settings.hosts.items()
    ]


def _tenants(host: str, settings: StackSettings) -> Iterator[Tenant]:
    for name, node in settings.nodes.items():
        if node.host == host:
            yield _node(name, node, settings.hosts[host])
    for name, registry in hosted_registries(settings).items():
        if registry.host == host:
            container = registry_container(name)
            yield Tenant(
                key=f"skycoin:registries.{name}",
                containers=frozenset({container, readers_name(container)}),
                ports=registry_ports(registry),
            )
    for name, opening in opened_workspaces(settings):
        if opening.host == host:
            port = page_port(name, opening)
            ports = {} if port is None else {"port": (LOOPBACK, port)}
            container = workspace_container(name)
            yield Tenant(
                key=f"skycoin:workspaces.{name}.open", containers=frozenset({container}), ports=ports
            )


def _node(name: str, node: NodeSettings, host: HostSettings) -> Tenant:
    board = host.limits_of(node)
    names = [container_name(former, node.image) for former in (name, node.renamed_from) if former]
    return Tenant(
        key=f"skycoin:nodes.{name}",
        containers=frozenset(part for container in names for part in containers_of_node(container)),
        ports=node_ports(node),
        memory=board.memory,
        chosen=host.is_memory_chosen(node),
        wallet=volume_names(name, node)[1],
        chain=node.network is not PeerNetwork.NONE,
        wait=board.wait,
        starts=nanoseconds(board.start_period) // NANOSECONDS["s"],
        gui=node.gui,
    )
