"""A registry of one's own: the distribution registry as a container on one of a stack's hosts.

Makes its network, two volumes and the container. Certificate, key and passwords are in the volume
of secrets, which is filled by hand (docs/stacks.md): the program never sees them, so they are in no
state, plan or log, and no path of the host is mounted. Never deletes a volume: the other one holds
what was published. Refuses to be reached but by TLS, and by whoever has no login. A second container
over the same data, which can't write it, is for readers.
"""

from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from catalogue.images import REGISTRY_PORT
from catalogue.node_container import USER
from components.host import Host
from components.node import LOOPBACK, PROCESSES
from components.pulled_image import PulledImage

SETTINGS = "/etc/distribution/hosted.yml"
"""Of images/registry: TLS, a password file, the delete API, health on the container's loopback."""
READERS_SETTINGS = "/etc/distribution/readers.yml"
"""The same without a way to write, with a password file of its own."""
ANONYMOUS_SETTINGS = "/etc/distribution/anonymous.yml"
"""The same as READERS_SETTINGS, without a login."""
HEALTH = "http://127.0.0.1:5001/debug/health"
DATA = "/var/lib/registry"
SECRETS = "/secrets"
GRACE = 30
"""Seconds between SIGTERM and SIGKILL: uploads that are under way may end in them."""
FILES = 4096
MEMORY = 256
"""MiB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HostedRegistryArgs:
    """Which registry runs, and where it is seen."""

    host: Host
    """The engine that it runs on; the provider in the options must reach the same one."""
    image: pulumi.Input[str]
    """`repo@sha256:…` of images/registry."""
    container: str
    """Name of the container and of its network on the host."""
    address: str
    """HOST[:PORT][/namespace] as clients name it; the certificate is for that host."""
    data_volume: str
    secrets_volume: str
    port: int
    """Port on the host."""
    listen: str = LOOPBACK
    """Address of the host on which it is published."""
    memory: int = MEMORY
    """MiB, of each container."""
    readers_port: int | None = None
    """Port on the host for those who may not write; None: no such container."""
    anonymous_readers: bool = False
    """Readers need no login."""


@dataclass(frozen=True, slots=True)
class _Served:
    """One of the containers: what it is called, which settings it runs with, and where."""

    container: str
    settings: str
    port: int


class HostedRegistry(pulumi.ComponentResource):
    """One registry that a stack runs itself."""

    address: pulumi.Output[str]
    """What is published under it waits for the container to be healthy."""
    container: pulumi.Output[str]
    data_volume: pulumi.Output[str]
    secrets_volume: pulumi.Output[str]

    def __init__(
        self, name: str, args: HostedRegistryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("skycoin:index:HostedRegistry", name, None, opts)
        data = self._create_volume(f"{name}-data", args.data_volume)
        secrets = self._create_volume(f"{name}-secrets", args.secrets_volume)
        network = docker.Network(
            f"{name}-network",
            name=args.container,
            driver="bridge",
            # Of somebody else, or of the stand-in docker plugin: they would replace the network.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["labels"]),
        )
        pulled = PulledImage(
            f"{name}-pulled",
            host=args.host,
            image=args.image,
            opts=pulumi.ResourceOptions(parent=self),
        )
        mounts = self._mounts(data, secrets, read_only=False)
        served = _Served(args.container, SETTINGS, args.port)
        container = self._create_container(f"{name}-container", args, served, pulled, network, mounts)
        if args.readers_port is not None:
            settings = ANONYMOUS_SETTINGS if args.anonymous_readers else READERS_SETTINGS
            served = _Served(f"{args.container}-readers", settings, args.readers_port)
            mounts = self._mounts(data, secrets, read_only=True)
            self._create_container(f"{name}-readers", args, served, pulled, network, mounts)
        # By its name: the id of one that is to be replaced is unknown, and with it every address.
        self.address = container.name.apply(lambda _: args.address)
        self.container = container.name
        self.data_volume = data.name
        self.secrets_volume = secrets.name
        self.register_outputs({"address": self.address, **self.summary})

    @property
    def summary(self) -> dict[str, pulumi.Input[str]]:
        """{container, data_volume, secrets_volume}: the registry in the stack's outputs."""
        return {
            "container": self.container,
            "data_volume": self.data_volume,
            "secrets_volume": self.secrets_volume,
        }

    def _create_volume(self, name: str, physical: str) -> docker.Volume:
        opts = pulumi.ResourceOptions(
            parent=self,
            retain_on_delete=True,
            # Of a volume that was there before, made by somebody else: a difference would replace it.
            ignore_changes=["labels", "driver", "driverOpts"],
        )
        return docker.Volume(name, name=physical, opts=opts)

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
        return docker.Container(
            name,
            name=served.container,
            image=pulled.ref,
            command=[served.settings],
            # Of an image that was published before it had this itself.
            envs=["OTEL_TRACES_EXPORTER=none"],
            user=USER,
            read_only=True,
            capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
            security_opts=["no-new-privileges"],
            mounts=mounts,
            network_mode=network.name,
            ports=[docker.ContainerPortArgs(internal=REGISTRY_PORT, external=served.port, ip=args.listen)],
            restart="unless-stopped",
            stop_timeout=GRACE,
            destroy_grace_seconds=GRACE,
            remove_volumes=False,
            memory=args.memory,
            # What the engine takes; the official plugin wants it away at every run where it is not said.
            memory_swap=2 * args.memory,
            log_driver="json-file",
            log_opts={"max-size": "5m", "max-file": "3"},
            ulimits=[
                docker.ContainerUlimitArgs(name="nofile", soft=FILES, hard=FILES),
                docker.ContainerUlimitArgs(name="nproc", soft=PROCESSES, hard=PROCESSES),
            ],
            healthcheck=docker.ContainerHealthcheckArgs(
                tests=["CMD", "wget", "-q", "-O", "/dev/null", HEALTH],
                interval="5s",
                timeout="5s",
                retries=3,
                start_period="1m0s",
            ),
            wait=True,
            wait_timeout=60,
            opts=pulumi.ResourceOptions(
                parent=self,
                # Two containers can't have one name and one port.
                delete_before_replace=True,
                replace_on_changes=["healthcheck"],
            ),
        )
