"""The exporter beside a node: its REST API as Prometheus metrics, on the host's loopback.

Makes one container in the node's own network; it reaches the node there, under its name. It holds
nothing: no volume, and it may go and come at any time.
"""

from dataclasses import dataclass

import pulumi

from catalogue.images import EXPORTER_UID
from catalogue.node_container import HEALTH_PATH, RPC_PORT
from components.beside_node import BesideNodeArgs, beside_node
from components.host import Host
from components.node import LOOPBACK
from components.pulled_image import PulledImage

PORT = 7979
"""json_exporter's own; registered for it in Prometheus' list of default ports."""
USER = f"{EXPORTER_UID}:{EXPORTER_UID}"
HEALTH = f"http://{LOOPBACK}:{PORT}/metrics"
"""Its metrics of itself: it is healthy where its node does not answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExporterArgs:
    """What is scraped, and where the metrics are shown."""

    host: Host
    """The engine that it runs on; the provider in the options must reach the same one."""
    image: pulumi.Input[str]
    """`repo@sha256:…` of images/exporter."""
    container: str
    """Name of the exporter's container on the host."""
    network: pulumi.Input[str]
    """The node's."""
    node: str
    """Name of the node's container."""
    port: int
    """Port on the host's loopback."""
    pull_from: pulumi.Input[str] | None = None
    """Repository that the host pulls the image from; None: the image's own."""


class Exporter(pulumi.ComponentResource):
    """One exporter for one node."""

    container: pulumi.Output[str]
    metrics: str
    """URL that Prometheus scrapes, as the host's loopback shows it."""

    def __init__(self, name: str, args: ExporterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("skycoin:index:Exporter", name, None, opts)
        pulled = PulledImage(
            f"{name}-pulled",
            host=args.host,
            image=args.image,
            pull_from=args.pull_from,
            opts=pulumi.ResourceOptions(parent=self),
        )
        own = BesideNodeArgs(
            container=args.container,
            image=pulled.ref,
            network=args.network,
            user=USER,
            internal=PORT,
            port=args.port,
            health=HEALTH,
        )
        container = beside_node(f"{name}-container", own, parent=self)
        self.container = container.name
        self.metrics = metrics_url(args.node, args.port)
        self.register_outputs({"container": self.container, "metrics": self.metrics})


def metrics_url(node: str, port: int) -> str:
    """Where the exporter answers for a node: module `node` of images/exporter's mapping."""
    return f"http://{LOOPBACK}:{port}/probe?module=node&target=http://{node}:{RPC_PORT}{HEALTH_PATH}"
