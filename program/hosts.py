"""Hosts of a stack: their engines, from the settings, and the images that they pull."""

from dataclasses import dataclass

import pulumi

from catalogue.arch import ARCHES
from components.host import Host
from settings.host import Emulation
from settings.stack import StackSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class PulledFrom:
    """An image that a host runs, and the repository that the host pulls it from."""

    ref: pulumi.Input[str]
    """`repo@sha256:…` in the image's first registry."""
    repository: pulumi.Input[str] | None = None
    """Repository that the host pulls the digest from; None means the one in `ref`."""
    version: pulumi.Input[str] | None = None
    """Version of the image's software; None if only the image's label states it."""


def host_of(name: str, settings: StackSettings) -> Host:
    """Host with this name, from the settings."""
    host = settings.hosts[name]
    return Host(
        name=name,
        engine=host.address,
        ssh_options=host.ssh_options,
        platform=ARCHES[host.variant].platform if host.variant else None,
        emulation=host.emulation is Emulation.ALLOWED,
    )
