"""The confined container of a service next to a node: in its network, published on the host's loopback."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from components.node import FILES, LOOPBACK, PROCESSES

MEMORY = 64
"""MiB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BesideNodeArgs:
    """Arguments of one such container: its image, its network and where it is published."""

    container: str
    """Name of the container on the host."""
    image: pulumi.Input[str]
    """Name by which the host's engine knows the image."""
    network: pulumi.Input[str]
    """Name of the node's network."""
    user: str
    """`UID:GID`. Not the node's: Linux counts threads (the `nproc` limit) per user id on the whole host."""
    internal: int
    """Port in the container."""
    port: int
    """Port on the host's loopback."""
    health: str
    """URL to check inside the container. It must answer even if the node does not."""
    command: Sequence[str] | None = None
    mounts: Sequence[docker.ContainerMountArgs] | None = None
    tmpfs: Mapping[str, str] | None = None


def beside_node(
    name: str, args: BesideNodeArgs, parent: pulumi.Resource, after: Sequence[pulumi.Resource] = ()
) -> docker.Container:
    """Create the container once `after` exists, and wait until it is healthy."""
    return docker.Container(
        name,
        name=args.container,
        image=args.image,
        command=args.command,
        user=args.user,
        read_only=True,
        tmpfs=args.tmpfs,
        capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        security_opts=["no-new-privileges"],
        mounts=args.mounts,
        network_mode=args.network,
        ports=[docker.ContainerPortArgs(internal=args.internal, external=args.port, ip=LOOPBACK)],
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
            tests=["CMD", "wget", "-q", "-O", "/dev/null", args.health],
            interval="10s",
            timeout="5s",
            retries=3,
            start_period="1m0s",
        ),
        wait=True,
        wait_timeout=90,
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=list(after),
            # Two containers can't share a name and a port.
            delete_before_replace=True,
            # The plugin reports a change of this as updated in place, but only writes it to the state.
            replace_on_changes=["healthcheck"],
        ),
    )
