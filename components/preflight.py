"""What must be true of a host before a node is made or replaced on it (providers/skycoin/preflight.py).

The engine answers; the image's variant runs there; the wallet volume that was there still is.
It is registered before the node's volumes and container, which depend on it: a host that fails
it is left as it was.
"""

from collections.abc import Sequence

import pulumi

from components.host import Host


class Preflight(pulumi.CustomResource):
    """The proof for one node on one host; served by this project's own provider."""

    runs: pulumi.Output[str]
    """`native` or `emulated`."""

    def __init__(
        self,
        name: str,
        *,
        host: Host,
        image: pulumi.Input[str],
        probe: Sequence[str],
        container: str,
        wallet: str,
        new_wallet: bool,
        pull_from: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`probe` is a command of the image that ends by itself with 0.

        `container` names the node's container, `wallet` the volume.
        """
        inputs = {
            "host": host.name,
            "engine": host.engine,
            "sshOptions": list(host.ssh_options),
            "image": image,
            "platform": host.platform,
            "emulation": "allowed" if host.emulation else "refused",
            "probe": list(probe),
            "container": container,
            "wallet": wallet,
            "newWallet": new_wallet,
            "pullFrom": pull_from,
        }
        super().__init__("skycoin:index:Preflight", name, {**inputs, "runs": None}, opts)
