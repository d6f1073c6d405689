"""The container of one node, replaced by a handover (providers/skycoin/node_container.py).

Its inputs are those of docker's Container. In a state of version 0.1.0 it is a docker Container; an alias
maps it to this type.
"""

from collections.abc import Mapping
from typing import Any

import pulumi

from components.host import Host
from components.pulled_image import HostImage

FORMER_TYPE = "docker:index/container:Container"


class NodeContainer(pulumi.CustomResource):
    """A node's container, served by this project's own provider, which also copies the wallet."""

    name: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        host: Host,
        image: HostImage,
        wallet: pulumi.Input[str],
        backups: str,
        new_wallet: bool,
        rollback: Mapping[str, str] | None = None,
        container: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register the container; `container` has the other inputs of docker's Container, in camelCase.

        The image's version is for previews in which the host does not have the image yet. `wallet` and
        `backups` name volumes. `new_wallet` accepts an empty wallet volume although copies of a wallet exist.
        `rollback` is recorded in the state: {digest, reason, date}.
        """
        inputs = {
            **host.inputs,
            "wallet": wallet,
            "backups": backups,
            "newWallet": new_wallet,
            "rollback": rollback,
            "image": image.ref,
            "pullFrom": image.pull_from,
            "version": image.version,
            **container,
        }
        former = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=FORMER_TYPE)])
        merged = pulumi.ResourceOptions.merge(former, opts)
        super().__init__("skycoin:index:NodeContainer", name, inputs, merged)
