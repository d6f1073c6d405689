"""Hosts of a stack: from their settings to the docker providers and arguments of components."""

from collections.abc import Mapping

import pulumi
import pulumi_docker as docker

from catalogue.arch import ARCHES
from catalogue.ssh_options import STRICT_HOST_KEYS
from components.host import Host
from components.program_version import ProgramVersion
from program.docker_logins import Logins
from settings.host import Emulation, HostSettings
from settings.stack import StackSettings


def host_of(name: str, settings: StackSettings, marker: ProgramVersion) -> Host:
    """Host with this name, from the settings."""
    host = settings.hosts[name]
    return Host(
        name=name,
        engine=host.address,
        ssh_options=host.ssh_options,
        platform=ARCHES[host.variant].platform if host.variant else None,
        emulation=host.emulation is Emulation.ALLOWED,
        after=[marker],
    )


def docker_providers(
    settings: StackSettings, logins: Logins | None, marker: ProgramVersion
) -> Mapping[str, docker.Provider]:
    """Create a provider for each host, so that a dead host fails alone."""
    return {name: _docker_provider(name, host, logins, marker) for name, host in settings.hosts.items()}


def _docker_provider(
    name: str, host: HostSettings, logins: Logins | None, marker: ProgramVersion
) -> docker.Provider:
    """Create the provider of one host. No address means DOCKER_HOST."""
    is_ssh = (host.address or "").startswith("ssh://")
    return docker.Provider(
        name,
        host=host.address,
        ssh_opts=[*STRICT_HOST_KEYS, *host.ssh_options] if is_ssh else None,
        registry_auth=logins,
        opts=pulumi.ResourceOptions(depends_on=[marker]),
    )
