"""The proxy in front of a node's web interface, which requires a login on the node's published port.

Creates one container in the node's network, which forwards requests to the node by name, and a volume with
the password. The container generates the password itself, on the host: the program never sees it, so it is in
no state, plan or log. Its image is pulled before the node gives up the port, and it takes the port afterwards
(components/node.py). The volume and its password are retained.
"""

from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from catalogue.confinement import LOOPBACK
from catalogue.images import PROXY_PORT, PROXY_UID
from components.confined_container import ConfinedContainerArgs, confined_container
from components.kept_volume import kept_volume

USER = f"{PROXY_UID}:{PROXY_UID}"
LOGIN = "/login"
"""Mount point of the volume that holds the password."""
HEALTH = f"http://{LOOPBACK}:8081/"
"""Answers without a login, inside the container only: the proxy is healthy even if its node does not answer.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxyArgs:
    """Arguments of one proxy: its node, and the port that it publishes."""

    image: pulumi.Input[str]
    """Name by which the host's engine knows images/proxy; the provider in the options must reach that engine.
    """
    container: str
    """Name of the proxy's container on the host."""
    login_volume: str
    network: pulumi.Input[str]
    """Name of the node's network."""
    node: str
    """Name of the node's container."""
    after: pulumi.Resource
    """The node's container, which may still own the port."""
    port: int
    """Port on the host's loopback."""


class Proxy(pulumi.ComponentResource):
    """The login proxy of one node."""

    container: pulumi.Output[str]
    login_volume: pulumi.Output[str]

    def __init__(self, name: str, args: ProxyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("skycoin:index:Proxy", name, None, opts)
        login = kept_volume(f"{name}-login", args.login_volume, parent=self)
        arguments = ConfinedContainerArgs(
            container=args.container,
            image=args.image,
            network=args.network,
            user=USER,
            internal=PROXY_PORT,
            port=args.port,
            health=HEALTH,
            command=["proxy", args.node, str(args.port)],
            mounts=[docker.ContainerMountArgs(type="volume", source=login.name, target=LOGIN)],
            tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=16m"},
        )
        container = confined_container(f"{name}-container", arguments, parent=self, after=[args.after])
        self.container, self.login_volume = container.name, login.name
        self.register_outputs({"container": self.container, "login_volume": self.login_volume})
