"""Reasons not to create or replace a node's container, apart from those of its preflight."""

from typing import Any

from catalogue.node_container import NODE
from clients.host_checks import PlannedHost, nested_engine
from clients.neighbours import nested_engines
from clients.volumes import has_volume
from providers.kind import URN, ProviderError, Values
from providers.skycoin.handover import labels, uses
from providers.skycoin.node_urn import node_name


def refuse_foreign(container: Values, inputs: Values) -> None:
    """Raise ProviderError if a container that has the name of the node's container is not this node's."""
    name, owner = container["Name"].lstrip("/"), labels(container).get(NODE)
    if owner not in (None, URN.get()) or not uses(container, inputs["wallet"]):
        description = f"belongs to {owner}" if owner else "is not this node's"
        raise ProviderError(
            f"container {name} on host {inputs['host']}: the name is already in use by a container that "
            f"{description}. Look at it: `docker container inspect {name}`. If you don't need it: `docker "
            f"stop -t 60 {name} && docker container rm {name}` (volumes stay), then run the same command "
            "again."
        )


def refuse_nested_engine(client: Any, inputs: Values) -> None:
    """Raise ProviderError if the engine has a workspace with a nested engine, which can take over the host.

    The preflight checks that too, but not at every change, and not if the ssh key may only reach Docker.
    """
    key = f"skycoin:nodes.{node_name()}"
    planned = PlannedHost(name=inputs["host"], engine=inputs.get("engine"))
    if findings := [nested_engine(holder, key, planned).text for holder in nested_engines(client)]:
        raise ProviderError("\n".join(findings))


def refuse_lost_volume(client: Any, inputs: Values) -> None:
    """Raise ProviderError if the wallet volume is gone, or the volume of copies with the host's record.

    The engine would create an empty wallet volume; and without the record, a lost wallet would go unnoticed.
    """
    if not has_volume(client.api, inputs["wallet"]):
        raise ProviderError(
            f"host {inputs['host']}: the wallet volume {inputs['wallet']!r} is gone, and no empty volume "
            "is created (docs/wallets.md, “A wallet volume that is gone”)."
        )
    if not has_volume(client.api, inputs["backups"]):
        raise ProviderError(
            f"{no_copies(inputs)} {_NOT_COMPARED}, and then creates the volume, the host's record and a copy "
            "again."
        )


def no_record(inputs: Values) -> str:
    """Message that the volume of copies, perhaps emptied or re-created, has no record of the wallet."""
    return (
        f"host {inputs['host']}: the volume {inputs['backups']!r} lacks the host's record of the wallet. "
        f"{_NOT_COMPARED}, and then writes the host's record again."
    )


_NOT_COMPARED = (
    "The node was not changed. `pulumi up --refresh` compares the wallet with the stack's record first"
)


def no_copies(inputs: Values) -> str:
    """Message that the volume of copies is gone."""
    return (
        f"host {inputs['host']}: the volume {inputs['backups']!r} is gone, with the copies of the wallet and "
        "the host's record of it."
    )
