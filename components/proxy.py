"""The proxy before a node's web interface: whoever comes by the node's port must log in.

Makes one container in the node's own network, which passes on to the node under its name, and a volume with
the password. The container makes the password itself, on the host: the program never sees it, so it is in no
state, plan or log. It takes the port when the node has given it up, and its image is there before that
(components/node.py). The volume stays, and the password in it.
"""

from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from catalogue.images import PROXY_PORT, PROXY_UID
from components.beside_node import BesideNodeArgs, beside_node
from components.node import LOOPBACK

USER = f"{PROXY_UID}:{PROXY_UID}"
LOGIN = "/login"
"""Mount point of the volume with the password."""
HEALTH = f"http://{LOOPBACK}:8081/"
"""Answers without a login, inside alone: the proxy is healthy where its node does not answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxyArgs:
    """Which node is behind the login, and where that is seen."""

    image: pulumi.Input[str]
    """Name by which its host has images/proxy; the provider in the options must reach that host's engine."""
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


class Proxy(pulumi.ComponentResource):
    """The login of one node."""

    container: pulumi.Output[str]
    login_volume: pulumi.Output[str]

    def __init__(self, name: str, args: ProxyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("skycoin:index:Proxy", name, None, opts)
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
        own = BesideNodeArgs(
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
        container = beside_node(f"{name}-container", own, parent=self, after=[args.after])
        self.container, self.login_volume = container.name, login.name
        self.register_outputs({"container": self.container, "login_volume": self.login_volume})
