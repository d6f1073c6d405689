"""An image on a host, pulled before its container is created (providers/skycoin/pulled_image.py).

If the registry is on this machine's loopback, the image travels through the host's ssh connection. In a state
of version 0.1.0 it is docker's RemoteImage; an alias maps it to this type.
"""

import pulumi

from components.host import Host

FORMER_TYPE = "docker:index/remoteImage:RemoteImage"


class PulledImage(pulumi.CustomResource):
    """One image on one engine, served by this project's own provider. Deleting it keeps the image."""

    ref: pulumi.Output[str]
    """Name by which the engine knows the image, `repo@sha256:…`: of its own repository or of `pull_from`."""

    def __init__(
        self,
        name: str,
        *,
        host: Host,
        image: pulumi.Input[str],
        pull_from: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register the image, `repo@sha256:…`; `pull_from` is another repository with the same digest."""
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
