"""Checks of a host before a node is created or replaced on it (providers/skycoin/preflight.py).

The engine must answer, the host must have the resources that the node needs, the image's variant must run
there, and a known wallet volume must still exist, with its wallets. The node's volumes and container depend
on the preflight: a host that fails it is left unchanged.
"""

from collections.abc import Mapping, Sequence

import pulumi

from catalogue.node_container import USER
from components.host import Host
from components.pulled_image import HostImage


class Preflight(pulumi.CustomResource):
    """The checks for one node on one host, served by this project's own provider."""

    runs: pulumi.Output[str]
    """`native` or `emulated`."""

    def __init__(
        self,
        name: str,
        *,
        host: Host,
        image: HostImage,
        probe: Sequence[str],
        container: str,
        wallet: str,
        new_wallet: bool,
        ports: Mapping[str, str],
        memory: int | None,
        user: str = USER,
        gui: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register the checks. `probe` is a command of the image that must exit with 0.

        `container` is the name of the node's container, `wallet` that of the volume. `ports` is {key of the
        settings: `ADDRESS:PORT` on the host}. `memory` is the chosen limit in MiB. `user` is the node's, as
        UID:GID; the default user is not an input. `gui` is an input only of a node with a web interface.
        """
        inputs = {
            **host.inputs,
            "image": image.ref,
            "platform": host.platform,
            "emulation": "allowed" if host.emulation else "refused",
            "probe": list(probe),
            "container": container,
            "wallet": wallet,
            "newWallet": new_wallet,
            "ports": dict(ports),
            "memory": memory,
            "pullFrom": image.pull_from,
            **({} if user == USER else {"user": user}),
            **({"gui": True} if gui else {}),
        }
        super().__init__("skycoin:index:Preflight", name, {**inputs, "runs": None}, host.options(opts))
