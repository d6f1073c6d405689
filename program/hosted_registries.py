"""Registries of kind hosted: from their settings to components on hosts."""

import pulumi
import pulumi_docker as docker

from components.host import Host
from components.hosted_registry import MEMORY, HostedRegistry, HostedRegistryArgs
from settings.names import registry_container, registry_ports, registry_volumes
from settings.registry import RegistrySettings


def deploy_registry(
    name: str,
    registry: RegistrySettings,
    engine: str,
    host: Host,
    image: pulumi.Input[str],
    provider: docker.Provider,
) -> HostedRegistry:
    """Create the registry as a component with its host's provider, named after that host's engine.

    On another engine it is another registry, because Pulumi can't move a resource between engines.
    """
    data_volume, secrets_volume = registry_volumes(name)
    listen, port = registry_ports(registry)["port"]
    args = HostedRegistryArgs(
        host=host,
        image=image,
        container=registry_container(name),
        address=registry.root,
        data_volume=data_volume,
        secrets_volume=secrets_volume,
        port=port,
        listen=listen,
        memory=registry.memory or MEMORY,
        readers_port=registry.readers_port,
        anonymous_readers=bool(registry.anonymous_readers),
    )
    return HostedRegistry(f"{name}-on-{engine}", args, pulumi.ResourceOptions(provider=provider))
