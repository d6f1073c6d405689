"""The proxy before a node's web interface: whoever comes by the node's port must log in.

Makes one container in the node's own network, which passes on to the node under its name, and a volume with
the password. The container makes the password itself, on the host: the program never sees it, so it is in no
state, plan or log. It takes the port when the node has given it up. The volume stays, and the password in it.
"""

from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from catalogue.images import PROXY_PORT, PROXY_UID
from components.host import Host
from components.node import FILES, LOOPBACK, PROCESSES
from components.pulled_image import PulledImage

MEMORY = 64
"""MiB."""
USER = f"{PROXY_UID}:{PROXY_UID}"
LOGIN = "/login"
"""Mount point of the volume with the password."""
HEALTH = f"http://{LOOPBACK}:8081/"
"""Answers without a login, inside alone: the proxy is healthy where its node does not answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxyArgs:
    """Which node is behind the login, and where that is seen."""

    host: Host
    """The engine that it runs on; the provider in the options must reach the same one."""
    image: pulumi.Input[str]
    """`repo@sha256:…` of images/proxy."""
    container: str
    """Name of the proxy's container on the host."""
    login_volume: str
    network: pulumi.Input[str]
    """The node's."""
    node: str
    """Name of the node's container."""
    after: pulumi.Resource
    """The node's container, which may have the port until now."""
    port: int
    """Port on the host's loopback."""
    pull_from: pulumi.Input[str] | None = None
    """Repository that the host pulls the image from; None: the image's own."""


class Proxy(pulumi.ComponentResource):
    """The login of one node."""

    container: pulumi.Output[str]
    login_volume: pulumi.Output[str]

    def __init__(self, name: str, args: ProxyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("skycoin:index:Proxy", name, None, opts)
        pulled = PulledImage(
            f"{name}-pulled",
            host=args.host,
            image=args.image,
            pull_from=args.pull_from,
            opts=pulumi.ResourceOptions(parent=self),
        )
        login = docker.Volume(
            f"{name}-login",
            name=args.login_volume,
            opts=pulumi.ResourceOptions(
                parent=self,
                retain_on_delete=True,
                # Of a volume that was there before, made by somebody else: a difference would replace it.
                ignore_changes=["labels", "driver", "driverOpts"],
            ),
        )
        container = self._create_container(f"{name}-container", args, pulled, login)
        self.container, self.login_volume = container.name, login.name
        self.register_outputs({"container": self.container, "login_volume": self.login_volume})

    def _create_container(
        self, name: str, args: ProxyArgs, pulled: PulledImage, login: docker.Volume
    ) -> docker.Container:
        return docker.Container(
            name,
            name=args.container,
            image=pulled.ref,
            command=["proxy", args.node, str(args.port)],
            user=USER,
            read_only=True,
            tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=16m"},
            capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
            security_opts=["no-new-privileges"],
            mounts=[docker.ContainerMountArgs(type="volume", source=login.name, target=LOGIN)],
            network_mode=args.network,
            ports=[docker.ContainerPortArgs(internal=PROXY_PORT, external=args.port, ip=LOOPBACK)],
            restart="unless-stopped",
            destroy_grace_seconds=10,
            remove_volumes=False,
            memory=MEMORY,
            memory_swap=2 * MEMORY,
            log_driver="json-file",
            log_opts={"max-size": "1m", "max-file": "3"},
            ulimits=[
                docker.ContainerUlimitArgs(name="nofile", soft=FILES, hard=FILES),
                docker.ContainerUlimitArgs(name="nproc", soft=PROCESSES, hard=PROCESSES),
            ],
            healthcheck=docker.ContainerHealthcheckArgs(
                tests=["CMD", "wget", "-q", "-O", "/dev/null", HEALTH],
                interval="10s",
                timeout="5s",
                retries=3,
                start_period="1m0s",
            ),
            wait=True,
            wait_timeout=90,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[args.after],
                # Two containers can't have one name and one port.
                delete_before_replace=True,
                # The plugin takes a change of it as done in place, but only writes it to state.
                replace_on_changes=["healthcheck"],
            ),
        )
