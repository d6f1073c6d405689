"""An image on a host, before its container is made (providers/skycoin/pulled_image.py).

It travels through the host's ssh connection where its registry is on this machine's loopback. A state in
which it was docker's RemoteImage comes over by an alias.
"""

import pulumi

from components.host import Host

FORMER_TYPE = "docker:index/remoteImage:RemoteImage"


class PulledImage(pulumi.CustomResource):
    """One image on one engine; served by this project's own provider. Its removal leaves the image."""

    ref: pulumi.Output[str]
    """Name by which the engine knows it, `repo@sha256:…`: that of its registry, or of where it was pulled."""

    def __init__(
        self,
        name: str,
        *,
        host: Host,
        image: pulumi.Input[str],
        pull_from: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`image` is `repo@sha256:…`; `pull_from` a repository that has the same digest."""
        inputs = {
            "host": host.name,
            "engine": host.engine,
            "sshOptions": list(host.ssh_options),
            "image": image,
            "pullFrom": pull_from,
        }
        former = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=FORMER_TYPE)])
        merged = pulumi.ResourceOptions.merge(former, opts)
        super().__init__("skycoin:index:PulledImage", name, {**inputs, "ref": None}, merged)
