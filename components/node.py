"""One Skycoin node: its container, its volumes and its network.

The wallet volume is protected and retained: no `up`, rename, replacement or `destroy` removes it, and it
is copied before the container is replaced. A new container that fails leaves the old one running.
The data volume is retained. Both keep their physical names, and have no labels: a changed
label would replace a volume. The container runs a digest, as user 10000, on a read-only root,
without capabilities; its RPC interface is published on loopback only, and with a web interface by its proxy
(components/proxy.py) alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_docker as docker

from catalogue.boards import SERVER, Board
from catalogue.naming import backups_volume
from catalogue.node_container import DATA, HEALTH, OFFLINE, RPC_PORT, USER
from components.host import Host
from components.node_container import NodeContainer
from components.preflight import Preflight
from components.pulled_image import PulledImage

GRACE = 60
"""Seconds between SIGINT and SIGKILL: the node closes its database and wallets in it."""
FILES = 4096
"""Open files: the node has 128 connections at most and one database; many engines can't give more."""
PROCESSES = 1024
"""Threads, which Linux counts as processes."""
WALLET = "/wallet"
LOOPBACK = "127.0.0.1"
PEER_PORT = 6000
PROBE = ("skycoin-cli", "version")
"""Ends by itself without a node: shows that the variant's programs run on the host."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeArgs:
    """What one node runs, where, and what it shows of itself."""

    host: Host
    """Where it runs, for its preflight; the provider in the options must reach the same engine."""
    image: pulumi.Input[str]
    """`repo@sha256:…`."""
    container: str
    """Name of the container and of its network on the host."""
    data_volume: str
    wallet_volume: str
    rpc_port: int
    """Port on the host's loopback."""
    peer_port: int | None = None
    """Port on all of the host's addresses; None is a node that talks to nobody."""
    metrics_port: int | None = None
    """Port of its exporter on the host's loopback, for its preflight; None where it has none."""
    api_sets: Sequence[str] = ("READ", "TXN")
    gui: bool = False
    proxy_image: pulumi.Input[str] | None = None
    """`repo@sha256:…` of images/proxy, on the host before the node gives its port up; None without one."""
    proxy_pull_from: pulumi.Input[str] | None = None
    """Repository that the host pulls that one from; None: the image's own."""
    arguments: Sequence[str] = ()
    """Further flags of the node, handed over as they are."""
    board: Board = field(default=SERVER)
    memory_is_chosen: bool = False
    """True where the board's memory is a setting's, or a real board's: more than its host has is refused."""
    wait_timeout: int = 300
    """Seconds in which the node must become healthy."""
    pull_from: pulumi.Input[str] | None = None
    """Repository that the host pulls the image from; None: the image's own."""
    version: pulumi.Input[str] | None = None
    """Version of the node's software; None where only the image itself says it."""
    after: Sequence[pulumi.Resource] = ()
    """Nodes' containers that must have proved themselves before this node's is touched."""
    new_wallet: bool = False
    """True accepts that the wallet volume is gone, and an empty one in its place."""
    rollback: Mapping[str, str] | None = None
    """Digest, reason and date, where the node is rolled back: the state remembers them."""


class Node(pulumi.ComponentResource):
    """One deployed node."""

    image: pulumi.Output[str]
    container: pulumi.Output[str]
    data_volume: pulumi.Output[str]
    wallet_volume: pulumi.Output[str]
    wallet_backups: str
    """Volume with the copies that are made before the container is replaced."""
    network: pulumi.Output[str]
    rpc: str
    runs: pulumi.Output[str]
    """`native` or `emulated`."""
    proxy_image: pulumi.Output[str] | None
    """Name by which the host has its proxy's image; None where it has no proxy."""
    proved: pulumi.Resource
    """The container, which is there when the node runs its image, healthy, with its wallet and its chain."""

    def __init__(self, name: str, args: NodeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("skycoin:index:Node", name, None, opts)
        preflight = self._create_preflight(f"{name}-preflight", args)
        data = self._create_volume(f"{name}-data", args.data_volume, preflight, protect=False)
        wallet = self._create_volume(f"{name}-wallet", args.wallet_volume, preflight, protect=True)
        network = docker.Network(
            f"{name}-network",
            name=args.container,
            driver="bridge",
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[preflight],
                # Never replaced: the plugins delete a network before they make its heir, and the node first.
                ignore_changes=["name", "driver", "options", "labels", "internal", "ipamConfigs"],
            ),
        )
        images = self._pull_images(name, args, preflight)
        container = self._create_container(
            f"{name}-container", args, [preflight, *images, *args.after], network, data, wallet
        )
        self.proxy_image = images[1].ref if args.proxy_image is not None else None
        self.image = pulumi.Output.from_input(args.image)
        self.container = container.name
        self.proved = container
        self.data_volume = data.name
        self.wallet_volume = wallet.name
        self.wallet_backups = backups_volume(args.wallet_volume)
        self.runs = preflight.runs
        self.network = network.name
        self.rpc = f"http://{LOOPBACK}:{args.rpc_port}"
        self.register_outputs({"host": args.host.name, **self.summary})

    @property
    def summary(self) -> dict[str, pulumi.Input[str]]:
        """The node in the stack's outputs: {image, container, rpc, runs, and the names of its volumes}."""
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
            pull_from=args.pull_from,
            probe=PROBE,
            container=args.container,
            wallet=args.wallet_volume,
            new_wallet=args.new_wallet,
            ports=_wanted_ports(args),
            memory=args.board.memory if args.memory_is_chosen else None,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _pull_images(self, name: str, args: NodeArgs, preflight: Preflight) -> list[PulledImage]:
        """The node's image and its proxy's: one that can't be had leaves a node that runs as it is."""
        wanted = {f"{name}-pulled": (args.image, args.pull_from)}
        if args.proxy_image is not None:
            wanted[f"{name}-pulled-proxy"] = args.proxy_image, args.proxy_pull_from
        opts = pulumi.ResourceOptions(parent=self, depends_on=[preflight])
        return [
            PulledImage(pulled, host=args.host, image=image, pull_from=pull_from, opts=opts)
            for pulled, (image, pull_from) in wanted.items()
        ]

    def _create_volume(
        self, name: str, physical: str, preflight: Preflight, *, protect: bool
    ) -> docker.Volume:
        opts = pulumi.ResourceOptions(
            parent=self,
            protect=protect,
            retain_on_delete=True,
            depends_on=[preflight],
            # Of a volume that was there before, made by somebody else: a difference would replace it.
            ignore_changes=["labels", "driver", "driverOpts"],
        )
        return docker.Volume(name, name=physical, opts=opts)

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
            pull_from=args.pull_from,
            wallet=wallet.name,
            backups=backups_volume(args.wallet_volume),
            new_wallet=args.new_wallet,
            rollback=args.rollback,
            version=args.version,
            container={
                "image": args.image,
                "mounts": volumes,
                "networkMode": network.name,
                **container_settings(args),
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(before)),
        )


def container_settings(args: NodeArgs) -> dict[str, Any]:
    """Inputs of the container that need no other resource: all but its image, volumes and network."""
    return {
        "name": args.container,
        "command": node_arguments(args),
        "user": USER,
        "readOnly": True,
        "tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=64m"},
        "capabilities": {"drops": ["ALL"]},
        "securityOpts": ["no-new-privileges"],
        "ports": _ports(args),
        # What `docker exec` leaves behind is the first process's to collect, and the node collects nothing.
        "init": True,
        "stopSignal": "SIGINT",
        "stopTimeout": GRACE,
        **_memory(args.board),
        "logDriver": "json-file",
        "logOpts": {"max-size": args.board.log_size, "max-file": "3"},
        "ulimits": [
            {"name": "nofile", "soft": FILES, "hard": FILES},
            {"name": "nproc", "soft": PROCESSES, "hard": PROCESSES},
        ],
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
    """Limits of a node's memory: of the engine, and of Go's runtime, which knows nothing of the engine's."""
    inputs: dict[str, Any] = {"memory": board.memory}
    if board.memory_reservation is not None:
        inputs["memoryReservation"] = board.memory_reservation
    if board.go_memory_limit is not None:
        inputs["envs"] = [f"GOMEMLIMIT={board.go_memory_limit}MiB"]
    return inputs


def node_arguments(args: NodeArgs) -> list[str]:
    """The node's flags beyond those that the image's entry point gives.

    Flag names: `skycoin -help` of v0.27.1. The interface listens on all of the container's
    addresses because the engine publishes it from there; the host shows it on loopback only.
    """
    # A browser's Origin names the published port, which the node can't know by itself.
    origins = f"127.0.0.1:{args.rpc_port},localhost:{args.rpc_port}"
    flags = [
        "-web-interface-addr=0.0.0.0",
        f"-host-whitelist={origins}",
        f"-enable-api-sets={','.join(args.api_sets)}",
    ]
    flags.append(OFFLINE if args.peer_port is None else f"-port={PEER_PORT}")
    if args.gui:
        flags.append("-enable-gui")
    return [*flags, *args.arguments]


def _ports(args: NodeArgs) -> list[dict[str, Any]]:
    # With a web interface the proxy has the port: nobody gets past the login.
    ports: list[dict[str, Any]] = []
    if not args.gui:
        ports.append({"internal": RPC_PORT, "external": args.rpc_port, "ip": LOOPBACK})
    if args.peer_port is not None:
        ports.append({"internal": PEER_PORT, "external": args.peer_port, "ip": "0.0.0.0"})
    return ports


def _wanted_ports(args: NodeArgs) -> dict[str, str]:
    """Key of the settings → what must be free on the host, or the node's own."""
    ports = {"rpc-port": f"{LOOPBACK}:{args.rpc_port}"}
    if args.metrics_port is not None:
        ports["metrics-port"] = f"{LOOPBACK}:{args.metrics_port}"
    if args.peer_port is not None:
        ports["peer-port"] = f"0.0.0.0:{args.peer_port}"
    return ports
