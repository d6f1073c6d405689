"""A self-hosted registry: the distribution registry in a container on one of a stack's hosts.

Creates its network, two volumes and the container. Certificate, key and passwords are in the volume of
secrets, which the operator fills (docs/stacks.md). The program never sees them, so they are in no state, plan
or log, and no path of the host is mounted. Never deletes a volume: the data volume has the published images.
Its port for publishing accepts only TLS and clients that log in. An optional second container, which mounts
the data read-only, serves readers, with logins of their own or without any.
"""

from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from catalogue.confinement import LOOPBACK
from catalogue.images import REGISTRY_PORT
from catalogue.naming import readers_name
from catalogue.node_container import USER
from catalogue.stack_outputs import HostedRegistryParts
from components.confined_container import ConfinedContainerArgs, confined_container
from components.host import Host
from components.kept_volume import kept_volume
from components.pulled_image import HostImage, PulledImage

SETTINGS = "/etc/distribution/hosted.yml"
"""Configuration in images/registry: TLS, a password file, the delete API, a health check on loopback."""
READERS_SETTINGS = "/etc/distribution/readers.yml"
"""The same configuration read-only, with a separate password file."""
ANONYMOUS_SETTINGS = "/etc/distribution/anonymous.yml"
"""The same as READERS_SETTINGS, but without a login."""
HEALTH = "http://127.0.0.1:5001/debug/health"
DATA = "/var/lib/registry"
SECRETS = "/secrets"
GRACE = 30
"""Seconds between SIGTERM and SIGKILL, so that running uploads can finish."""
MEMORY = 256
"""Default memory limit in MiB, of each container."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HostedRegistryArgs:
    """Arguments of one hosted registry: its image, its address, and where it is published."""

    host: Host
    """Host whose engine runs the registry; the provider in the options must reach the same engine."""
    image: pulumi.Input[str]
    """`repo@sha256:…` of images/registry."""
    container: str
    """Name of the container and of its network on the host."""
    address: str
    """HOST[:PORT][/namespace] that clients use; the certificate must be valid for that host."""
    data_volume: str
    secrets_volume: str
    port: int
    """Port on the host."""
    listen: str = LOOPBACK
    """Address of the host on which the port is published."""
    memory: int = MEMORY
    """Memory limit in MiB, of each container."""
    readers_port: int | None = None
    """Port on the host for read-only clients; None creates no container for them."""
    anonymous_readers: bool = False
    """True lets read-only clients pull without a login."""


@dataclass(frozen=True, slots=True)
class _Served:
    """One of the two containers: its name, its configuration and its port."""

    container: str
    settings: str
    port: int


class HostedRegistry(pulumi.ComponentResource):
    """One registry that the stack itself runs."""

    address: pulumi.Output[str]
    """Address of the registry, known once its container is healthy; publishing waits for it."""
    container: pulumi.Output[str]
    data_volume: pulumi.Output[str]
    secrets_volume: pulumi.Output[str]

    def __init__(
        self, name: str, args: HostedRegistryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("skycoin:index:HostedRegistry", name, None, opts)
        data = kept_volume(f"{name}-data", args.data_volume, parent=self)
        secrets = kept_volume(f"{name}-secrets", args.secrets_volume, parent=self)
        network = docker.Network(
            f"{name}-network",
            name=args.container,
            driver="bridge",
            # Users and the stand-in Docker plugin may have labelled the network: a difference would replace
            # it.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["labels"]),
        )
        pulled = PulledImage(
            f"{name}-pulled",
            host=args.host,
            image=HostImage(ref=args.image),
            opts=pulumi.ResourceOptions(parent=self),
        )
        mounts = self._mounts(data, secrets, read_only=False)
        served = _Served(args.container, SETTINGS, args.port)
        container = self._create_container(f"{name}-container", args, served, pulled, network, mounts)
        if args.readers_port is not None:
            settings = ANONYMOUS_SETTINGS if args.anonymous_readers else READERS_SETTINGS
            served = _Served(readers_name(args.container), settings, args.readers_port)
            mounts = self._mounts(data, secrets, read_only=True)
            self._create_container(f"{name}-readers", args, served, pulled, network, mounts)
        # By name: the id of a container about to be replaced is unknown, and so would be every address.
        self.address = container.name.apply(lambda _: args.address)
        self.container = container.name
        self.data_volume = data.name
        self.secrets_volume = secrets.name
        self.register_outputs({"address": self.address, **self.summary})

    @property
    def summary(self) -> HostedRegistryParts[pulumi.Input[str]]:
        """Describe the registry for the stack's outputs."""
        return {
            "container": self.container,
            "data_volume": self.data_volume,
            "secrets_volume": self.secrets_volume,
        }

    def _mounts(
        self, data: docker.Volume, secrets: docker.Volume, *, read_only: bool
    ) -> list[docker.ContainerMountArgs]:
        return [
            docker.ContainerMountArgs(
                type="volume", source=data.name, target=DATA, read_only=read_only or None
            ),
            docker.ContainerMountArgs(type="volume", source=secrets.name, target=SECRETS, read_only=True),
        ]

    def _create_container(
        self,
        name: str,
        args: HostedRegistryArgs,
        served: _Served,
        pulled: PulledImage,
        network: docker.Network,
        mounts: list[docker.ContainerMountArgs],
    ) -> docker.Container:
        arguments = ConfinedContainerArgs(
            container=served.container,
            image=pulled.ref,
            network=network.name,
            user=USER,
            internal=REGISTRY_PORT,
            port=served.port,
            listen=args.listen,
            health=HEALTH,
            health_interval="5s",
            wait=60,
            grace=GRACE,
            memory=args.memory,
            log_size="5m",
            command=[served.settings],
            # Images published by earlier versions do not define this themselves.
            envs=["OTEL_TRACES_EXPORTER=none"],
            mounts=mounts,
        )
        return confined_container(name, arguments, parent=self)
