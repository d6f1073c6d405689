"""One Skycoin node: its container, its volumes and its network.

The wallet volume is protected and retained: no `up`, rename, replacement or `destroy` removes it, and it
is copied before the container is replaced. If a new container fails, the old one is restored.
The data volume is retained. Both keep their physical names, and have no labels: a changed
label would replace a volume. The container runs a digest, never as root, on a read-only root,
without capabilities. Its RPC interface is published on loopback only; if it has a web interface, only the
proxy publishes it (components/proxy.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_docker as docker

from catalogue.boards import SERVER, Board
from catalogue.confinement import (
    DROPPED_CAPABILITIES,
    EVERYWHERE,
    LIMITS,
    LOG_DRIVER,
    LOOPBACK,
    SECURITY_OPTIONS,
    TEMPORARY_FILES,
    log_options,
)
from catalogue.naming import copies_volume
from catalogue.node_container import DATA, GRACE, HEALTH, OFFLINE, RPC_PORT, USER, WALLET
from catalogue.stack_outputs import NodeParts
from components.host import Host
from components.kept_volume import kept_volume
from components.node_container import NodeContainer
from components.preflight import Preflight
from components.pulled_image import HostImage, PulledImage

PEER_PORT = 6000
PROBE = ("skycoin-cli", "version")
"""Command that works without a running node: it shows that the variant's programs run on the host."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeArgs:
    """Arguments of one node: its image, its host, its volumes and the ports that it publishes."""

    host: Host
    """Host to run on; the provider in the options must reach the same engine."""
    image: HostImage
    container: str
    """Name of the container and of its network on the host."""
    data_volume: str
    wallet_volume: str
    rpc_port: int
    """Port on the host's loopback."""
    peer_port: int | None = None
    """Port on all of the host's addresses; None runs the node without peers."""
    metrics_port: int | None = None
    """Port of its exporter on the host's loopback, for the preflight; None if there is none."""
    api_sets: Sequence[str] = ("READ", "TXN")
    proxy: HostImage | None = None
    """images/proxy, pulled before the node gives up its port; None runs the node without a web interface."""
    arguments: Sequence[str] = ()
    """Further flags of the node, passed on unchanged."""
    board: Board = field(default=SERVER)
    memory_is_chosen: bool = False
    """True if the memory comes from a setting or a real board: more than the host has is then an error."""
    wait_timeout: int = 300
    """Seconds in which the node must become healthy."""
    after: Sequence[pulumi.Resource] = ()
    """Containers of nodes that must be updated and healthy before this node is changed."""
    user: str = USER
    """User and group id of the node, as UID:GID; they own its volumes."""
    new_wallet: bool = False
    """True accepts that the wallet volume is lost, and starts with an empty one."""
    rollback: Mapping[str, str] | None = None
    """Digest, reason and date of a rollback, recorded in the state; None if there is none."""


class Node(pulumi.ComponentResource):
    """One deployed node."""

    image: pulumi.Output[str]
    container: pulumi.Output[str]
    data_volume: pulumi.Output[str]
    wallet_volume: pulumi.Output[str]
    wallet_backups: str
    """Name of the volume with the copies of the wallets."""
    network: pulumi.Output[str]
    rpc: str
    runs: pulumi.Output[str]
    """`native` or `emulated`."""
    proxy_image: pulumi.Output[str] | None
    """Name by which the host's engine knows the proxy's image; None if there is no proxy."""
    ready: pulumi.Resource
    """The container, which exists once the node runs its image, is healthy, and has its wallet and chain."""

    def __init__(self, name: str, args: NodeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("skycoin:index:Node", name, None, opts)
        preflight = self._create_preflight(f"{name}-preflight", args)
        data = kept_volume(
            f"{name}-data", args.data_volume, parent=self, depends_on=[preflight], protect=False
        )
        wallet = kept_volume(
            f"{name}-wallet", args.wallet_volume, parent=self, depends_on=[preflight], protect=True
        )
        network = docker.Network(
            f"{name}-network",
            name=args.container,
            driver="bridge",
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[preflight],
                # Never replaced: a plugin would delete the network before it creates the new one, and the
                # node before that.
                ignore_changes=["name", "driver", "options", "labels", "internal", "ipamConfigs"],
            ),
        )
        images = self._pull_images(name, args, preflight)
        container = self._create_container(
            f"{name}-container", args, [preflight, *images, *args.after], network, data, wallet
        )
        self.proxy_image = images[1].ref if args.proxy is not None else None
        self.image = pulumi.Output.from_input(args.image.ref)
        self.container = container.name
        self.ready = container
        self.data_volume = data.name
        self.wallet_volume = wallet.name
        self.wallet_backups = copies_volume(args.wallet_volume)
        self.runs = preflight.runs
        self.network = network.name
        self.rpc = f"http://{LOOPBACK}:{args.rpc_port}"
        self.register_outputs({"host": args.host.name, **self.summary})

    @property
    def summary(self) -> NodeParts[pulumi.Input[str]]:
        """Describe the node for the stack's outputs."""
        return {
            "image": self.image,
            "container": self.container,
            "rpc": self.rpc,
            "runs": self.runs,
            "data_volume": self.data_volume,
            "wallet_volume": self.wallet_volume,
            "wallet_backups": self.wallet_backups,
        }

    def _create_preflight(self, name: str, args: NodeArgs) -> Preflight:
        return Preflight(
            name,
            host=args.host,
            image=args.image,
            probe=PROBE,
            container=args.container,
            wallet=args.wallet_volume,
            new_wallet=args.new_wallet,
            ports=_wanted_ports(args),
            memory=args.board.memory if args.memory_is_chosen else None,
            user=args.user,
            gui=args.proxy is not None,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _pull_images(self, name: str, args: NodeArgs, preflight: Preflight) -> list[PulledImage]:
        """Pull the images of the node and its proxy. If a pull fails, the running node is left unchanged."""
        images = {f"{name}-pulled": args.image}
        if args.proxy is not None:
            images[f"{name}-pulled-proxy"] = args.proxy
        opts = pulumi.ResourceOptions(parent=self, depends_on=[preflight])
        return [
            PulledImage(pulled, host=args.host, image=image, opts=opts) for pulled, image in images.items()
        ]

    def _create_container(
        self,
        name: str,
        args: NodeArgs,
        before: Sequence[pulumi.Resource],
        network: docker.Network,
        data: docker.Volume,
        wallet: docker.Volume,
    ) -> NodeContainer:
        volumes = [
            {"type": "volume", "source": data.name, "target": DATA},
            {"type": "volume", "source": wallet.name, "target": WALLET},
        ]
        return NodeContainer(
            name,
            host=args.host,
            image=args.image,
            wallet=wallet.name,
            backups=copies_volume(args.wallet_volume),
            new_wallet=args.new_wallet,
            rollback=args.rollback,
            container={
                "mounts": volumes,
                "networkMode": network.name,
                **container_settings(args),
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(before)),
        )


def container_settings(args: NodeArgs) -> dict[str, Any]:
    """Inputs of the container that need no other resource: everything but its image, volumes and network."""
    return {
        "name": args.container,
        "command": node_arguments(args),
        "user": args.user,
        "readOnly": True,
        "tmpfs": dict(TEMPORARY_FILES),
        "capabilities": {"drops": list(DROPPED_CAPABILITIES)},
        "securityOpts": list(SECURITY_OPTIONS),
        "ports": _ports(args),
        # `docker exec` leaves orphaned processes; an init process reaps them, the node does not.
        "init": True,
        "stopSignal": "SIGINT",
        "stopTimeout": GRACE,
        **_memory(args.board),
        "logDriver": LOG_DRIVER,
        "logOpts": log_options(args.board.log_size),
        "ulimits": [{"name": name, "soft": most, "hard": most} for name, most in LIMITS.items()],
        "healthcheck": {
            "tests": ["CMD", "wget", "-q", "-O", "/dev/null", HEALTH],
            "interval": args.board.health_interval,
            "timeout": args.board.health_timeout,
            "retries": args.board.health_retries,
            "startPeriod": args.board.start_period,
        },
        "waitTimeout": args.wait_timeout,
    }


def _memory(board: Board) -> dict[str, Any]:
    """Memory limits of the engine and of Go's runtime, which does not read the engine's limit."""
    inputs: dict[str, Any] = {"memory": board.memory}
    if board.memory_reservation is not None:
        inputs["memoryReservation"] = board.memory_reservation
    if board.go_memory_limit is not None:
        inputs["envs"] = [f"GOMEMLIMIT={board.go_memory_limit}MiB"]
    return inputs


def node_arguments(args: NodeArgs) -> list[str]:
    """Flags of the node beyond those that the image's entry point passes.

    Flag names are those of `skycoin -help`, v0.27.1. The web interface listens on all of the container's
    addresses because the engine publishes its port from there; on the host the port is on loopback only.
    """
    # A browser's Origin header has the published port, which the node can't know.
    origins = f"127.0.0.1:{args.rpc_port},localhost:{args.rpc_port}"
    flags = [
        "-web-interface-addr=0.0.0.0",
        f"-host-whitelist={origins}",
        f"-enable-api-sets={','.join(args.api_sets)}",
    ]
    flags.append(OFFLINE if args.peer_port is None else f"-port={PEER_PORT}")
    if args.proxy is not None:
        flags.append("-enable-gui")
    return [*flags, *args.arguments]


def _ports(args: NodeArgs) -> list[dict[str, Any]]:
    # With a web interface the proxy owns the port, so no client bypasses the login.
    ports: list[dict[str, Any]] = []
    if args.proxy is None:
        ports.append({"internal": RPC_PORT, "external": args.rpc_port, "ip": LOOPBACK})
    if args.peer_port is not None:
        ports.append({"internal": PEER_PORT, "external": args.peer_port, "ip": EVERYWHERE})
    return ports


def _wanted_ports(args: NodeArgs) -> dict[str, str]:
    """Addresses that must be free on the host, or already this node's, by key of the settings."""
    ports = {"rpc-port": f"{LOOPBACK}:{args.rpc_port}"}
    if args.metrics_port is not None:
        ports["metrics-port"] = f"{LOOPBACK}:{args.metrics_port}"
    if args.peer_port is not None:
        ports["peer-port"] = f"{EVERYWHERE}:{args.peer_port}"
    return ports
