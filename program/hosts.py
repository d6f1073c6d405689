"""Hosts: from settings to the engine that resources are created on, and to the images that it pulls."""

from dataclasses import dataclass

import pulumi

from catalogue.arch import ARCHES
from components.host import Host
from settings.host import Emulation
from settings.stack import StackSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class PulledFrom:
    """An image that a host runs, and where it gets it."""

    ref: pulumi.Input[str]
    """`repo@sha256:…`, by the image's first registry."""
    repository: pulumi.Input[str] | None = None
    """The repository that the host pulls the same digest from; None: the same."""
    version: pulumi.Input[str] | None = None
    """Version of its software; None where only the image itself says it."""


def host_of(name: str, settings: StackSettings) -> Host:
    """The host of a name."""
    host = settings.hosts[name]
    return Host(
        name=name,
        engine=host.address,
        ssh_options=host.ssh_options,
        platform=ARCHES[host.variant].platform if host.variant else None,
        emulation=host.emulation is Emulation.ALLOWED,
    )
