"""An image on a host, pulled before its container is created (providers/skycoin/pulled_image.py).

If the registry is on this machine's loopback, the image travels through the host's ssh connection. In a state
of version 0.1.0 it is docker's RemoteImage; an alias maps it to this type.
"""

from dataclasses import dataclass

import pulumi

from components.host import Host

FORMER_TYPE = "docker:index/remoteImage:RemoteImage"


@dataclass(frozen=True, kw_only=True, slots=True)
class HostImage:
    """An image that a host runs, and the repository that the host pulls it from."""

    ref: pulumi.Input[str]
    """`repo@sha256:…` in the image's first registry."""
    pull_from: pulumi.Input[str] | None = None
    """Repository that the host pulls the digest from; None means the one in `ref`."""
    version: pulumi.Input[str] | None = None
    """Version of the image's software; None if only the image's label states it."""


class PulledImage(pulumi.CustomResource):
    """One image on one engine, served by this project's own provider. Deleting it keeps the image."""

    ref: pulumi.Output[str]
    """Name by which the engine knows the image, `repo@sha256:…`: of its own repository or of `pull_from`."""

    def __init__(
        self,
        name: str,
        *,
        host: Host,
        image: HostImage,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            **host.inputs,
            "image": image.ref,
            "pullFrom": image.pull_from,
        }
        former = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=FORMER_TYPE)])
        merged = pulumi.ResourceOptions.merge(former, host.options(opts))
        super().__init__("skycoin:index:PulledImage", name, {**inputs, "ref": None}, merged)
