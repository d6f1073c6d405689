"""Checks that no other node has the wallets of a source, as its own or by a move."""

import functools
from collections.abc import Iterable
from dataclasses import replace

from catalogue.naming import copies_volume, engine_name
from catalogue.node_container import NODE
from clients.deployed_nodes import DeployedNode
from clients.fingerprint import NOTHING
from clients.pull import ensure_image
from wallets.adoption.mounts import is_same, shares
from wallets.adoption.source import Source, is_same_container
from wallets.asking import ask
from wallets.errors import WalletError
from wallets.volumes.of_node import on_host


def refuse_managed(source: Source, others: Iterable[DeployedNode]) -> None:
    """Raise WalletError if the source already belongs to the node, or to another node of a stack.

    `others` are the other nodes of the node's stack, which may have no container.
    """
    container, mounts = source.container(), source.mounts()
    name = source.name if container is None else container.name
    own = {"Name": source.node.wallet}
    if name in (source.node.container, source.node.wallet) or any(is_same(own, mount) for mount in mounts):
        raise WalletError(f"{source.where} already belongs to this node: nothing was changed")
    volumes, engine = {mount.get("Name") for mount in mounts}, engine_name(source.node.engine or "")
    for other in others:
        is_near = engine_name(other.engine or "") == engine
        if is_near and volumes & {other.wallet, other.copies_volume}:
            raise WalletError(_taken(source.where, f"{other.name} of this stack"))
    nodes = ask(
        source.node.host,
        lambda: source.client.containers.list(all=True, filters={"label": NODE}, ignore_removed=True),
    )
    for node in nodes:
        if is_same_container(node, container) or shares(node.attrs["Mounts"], mounts):
            owner = f"{node.name}, a node of a stack ({node.labels.get(NODE, 'unknown')})"
            raise WalletError(_taken(source.where, owner))


def refuse_moved(source: Source) -> None:
    """Raise WalletError if a move has left the source behind, because another node has its wallets."""
    node = source.node
    for volume in filter(None, (mount.get("Name") for mount in source.mounts())):
        left = on_host(replace(node, wallet=volume, container=None))
        remembered, _ = ask(node.host, left.recorded)
        if not remembered:
            continue
        present = ask(node.host, functools.partial(left.read_wallets, NOTHING))
        if present.identity and present.identity != remembered:
            backups = copies_volume(volume)
            # By a name that the host knows: it may not reach the registry in the image's own name.
            image = ask(node.host, lambda: ensure_image(source.client, node.image, node.host_inputs))
            raise WalletError(
                f"{source.where} is only a copy: `./skyinfra node move` has moved its wallets to another "
                "host, and two nodes would use one wallet. Nothing was changed. Move that node back; or, "
                f"if its host and all its backups are lost, remove `.identity` from {backups} "
                f"(`{node.docker} run --rm -v {backups}:/copies {image} rm /copies/.identity`), then run "
                f"`{source.again(source.origin)}`"
            )


def _taken(source: str, owner: str) -> str:
    return (
        f"{source} belongs to {owner}: the next `up` starts it again, and two nodes would use one wallet. "
        "Nothing was changed. `./skyinfra node move` moves a node to another host; after `./skyinfra node "
        "retire`, the node's volume can be adopted"
    )
