"""A Prometheus exporter for one node: the node's REST API as metrics, on the host's loopback.

Creates one container in the node's network, where it reaches the node by name. The exporter has no volume and
can be removed at any time.
"""

from dataclasses import dataclass

import pulumi

from catalogue.confinement import LOOPBACK
from catalogue.images import EXPORTER_UID
from catalogue.node_container import HEALTH_PATH, RPC_PORT
from components.confined_container import ConfinedContainerArgs, confined_container
from components.host import Host
from components.pulled_image import HostImage, PulledImage

PORT = 7979
"""Default port of json_exporter, registered in Prometheus' list of default port allocations."""
USER = f"{EXPORTER_UID}:{EXPORTER_UID}"
HEALTH = f"http://{LOOPBACK}:{PORT}/metrics"
"""The exporter's metrics about itself, so it is healthy even if its node does not answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExporterArgs:
    """Arguments of one exporter: the node to scrape, and where the metrics are published."""

    host: Host
    """Host whose engine runs the exporter; the provider in the options must reach the same engine."""
    image: HostImage
    """Image of the exporter (images/exporter)."""
    container: str
    """Name of the exporter's container on the host."""
    network: pulumi.Input[str]
    """Name of the node's network."""
    node: str
    """Name of the node's container."""
    port: int
    """Port on the host's loopback."""


class Exporter(pulumi.ComponentResource):
    """One exporter for one node."""

    container: pulumi.Output[str]
    metrics: str
    """URL for Prometheus to scrape, on the host's loopback."""

    def __init__(self, name: str, args: ExporterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("skycoin:index:Exporter", name, None, opts)
        pulled = PulledImage(
            f"{name}-pulled",
            host=args.host,
            image=args.image,
            opts=pulumi.ResourceOptions(parent=self),
        )
        arguments = ConfinedContainerArgs(
            container=args.container,
            image=pulled.ref,
            network=args.network,
            user=USER,
            internal=PORT,
            port=args.port,
            health=HEALTH,
        )
        container = confined_container(f"{name}-container", arguments, parent=self)
        self.container = container.name
        self.metrics = metrics_url(args.node, args.port)
        self.register_outputs({"container": self.container, "metrics": self.metrics})


def metrics_url(node: str, port: int) -> str:
    """URL of a node's metrics, from the module `node` of images/exporter's configuration."""
    return f"http://{LOOPBACK}:{port}/probe?module=node&target=http://{node}:{RPC_PORT}{HEALTH_PATH}"
