"""The exporter beside a node: its REST API as Prometheus metrics, on the host's loopback.

Makes one container in the node's own network; it reaches the node there, under its name. It holds
nothing: no volume, and it may go and come at any time.
"""

from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from catalogue.images import EXPORTER_UID
from catalogue.node_container import HEALTH_PATH, RPC_PORT
from components.host import Host
from components.node import FILES, LOOPBACK, PROCESSES
from components.pulled_image import PulledImage

PORT = 7979
"""json_exporter's own; registered for it in Prometheus' list of default ports."""
MEMORY = 64
"""MiB."""
USER = f"{EXPORTER_UID}:{EXPORTER_UID}"
"""Not the node's: Linux counts the threads of a user id on the whole host."""
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
        container = docker.Container(
            f"{name}-container",
            name=args.container,
            image=pulled.ref,
            user=USER,
            read_only=True,
            capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
            security_opts=["no-new-privileges"],
            network_mode=args.network,
            ports=[docker.ContainerPortArgs(internal=PORT, external=args.port, ip=LOOPBACK)],
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
                delete_before_replace=True,
                # The plugin takes a change of it as done in place, but only writes it to state.
                replace_on_changes=["healthcheck"],
            ),
        )
        self.container = container.name
        self.metrics = metrics_url(args.node, args.port)
        self.register_outputs({"container": self.container, "metrics": self.metrics})


def metrics_url(node: str, port: int) -> str:
    """Where the exporter answers for a node: module `node` of images/exporter's mapping."""
    return f"http://{LOOPBACK}:{port}/probe?module=node&target=http://{node}:{RPC_PORT}{HEALTH_PATH}"
