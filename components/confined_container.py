"""Confined container of a service: no capabilities, read-only, with limits, published on one address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from catalogue.confinement import (
    DROPPED_CAPABILITIES,
    LIMITS,
    LOG_DRIVER,
    LOOPBACK,
    SECURITY_OPTIONS,
    log_options,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfinedContainerArgs:
    """Arguments of one confined container: its image, its network, its limits and where it is published."""

    container: str
    """Name of the container on the host."""
    image: pulumi.Input[str]
    """Name by which the host's engine knows the image."""
    network: pulumi.Input[str]
    """Name of its network."""
    user: str
    """`UID:GID`; not the node's for containers that always run next to a node.

    Linux counts threads (the `nproc` limit) per user id on the whole host.
    """
    internal: int
    """Port in the container."""
    port: int
    """Port on the host."""
    listen: str = LOOPBACK
    """Address of the host on which the port is published."""
    health: str
    """URL to check inside the container. It must answer even if a service that this one calls does not."""
    health_interval: str = "10s"
    """Time between two checks, in Go's notation."""
    wait: int = 90
    """Seconds within which it must be healthy."""
    grace: int | None = None
    """Seconds between SIGTERM and SIGKILL; None is Docker's default of 10."""
    memory: int = 64
    """Limit in MiB."""
    log_size: str = "1m"
    """Maximum size of each of its three log files, in Docker's notation."""
    command: Sequence[str] | None = None
    envs: Sequence[str] | None = None
    mounts: Sequence[docker.ContainerMountArgs] | None = None
    tmpfs: Mapping[str, str] | None = None


def confined_container(
    name: str, args: ConfinedContainerArgs, parent: pulumi.Resource, after: Sequence[pulumi.Resource] = ()
) -> docker.Container:
    """Create the container once the resources in `after` exist, and wait until it is healthy."""
    return docker.Container(
        name,
        name=args.container,
        image=args.image,
        command=args.command,
        envs=args.envs,
        user=args.user,
        read_only=True,
        tmpfs=args.tmpfs,
        capabilities=docker.ContainerCapabilitiesArgs(drops=DROPPED_CAPABILITIES),
        security_opts=SECURITY_OPTIONS,
        mounts=args.mounts,
        network_mode=args.network,
        ports=[docker.ContainerPortArgs(internal=args.internal, external=args.port, ip=args.listen)],
        restart="unless-stopped",
        stop_timeout=args.grace,
        destroy_grace_seconds=args.grace or 10,
        remove_volumes=False,
        memory=args.memory,
        # The engine's default. If it is not given, the official plugin shows it as removed at every run.
        memory_swap=2 * args.memory,
        log_driver=LOG_DRIVER,
        log_opts=log_options(args.log_size),
        ulimits=[
            docker.ContainerUlimitArgs(name=name, soft=most, hard=most) for name, most in LIMITS.items()
        ],
        healthcheck=docker.ContainerHealthcheckArgs(
            tests=["CMD", "wget", "-q", "-O", "/dev/null", args.health],
            interval=args.health_interval,
            timeout="5s",
            retries=3,
            start_period="1m0s",
        ),
        wait=True,
        wait_timeout=args.wait,
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=list(after),
            # Two containers can't share a name and a port.
            delete_before_replace=True,
            # The plugin reports a change of this as updated in place, but only writes it to the state.
            replace_on_changes=["healthcheck"],
        ),
    )
