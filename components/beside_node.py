"""The container of what stands beside a node: confined, in its network, shown on the loopback of the host."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from components.node import FILES, LOOPBACK, PROCESSES

MEMORY = 64
"""MiB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BesideNodeArgs:
    """A container, and where it is seen."""

    container: str
    """Its name on the host."""
    image: pulumi.Input[str]
    """Name by which the host has it."""
    network: pulumi.Input[str]
    """The node's."""
    user: str
    """`UID:GID`, not the node's: Linux counts the threads of a user id on the whole host."""
    internal: int
    """Port in the container."""
    port: int
    """Port on the host's loopback."""
    health: str
    """URL inside, which answers also where the node does not."""
    command: Sequence[str] | None = None
    mounts: Sequence[docker.ContainerMountArgs] | None = None
    tmpfs: Mapping[str, str] | None = None


def beside_node(
    name: str, args: BesideNodeArgs, parent: pulumi.Resource, after: Sequence[pulumi.Resource] = ()
) -> docker.Container:
    """Make the container when `after` is there; it waits until it is healthy."""
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
            # Two containers can't have one name and one port.
            delete_before_replace=True,
            # The plugin takes a change of it as done in place, but only writes it to state.
            replace_on_changes=["healthcheck"],
        ),
    )
