"""Nodes: from their settings to components on hosts."""

from collections.abc import Sequence

import pulumi
import pulumi_docker as docker

from catalogue.boards import BOARDS, SERVER, Board
from components.node import Node, NodeArgs
from program.hosts import PulledFrom, host_of
from settings.host import HostSettings
from settings.limits import is_memory_chosen, limited
from settings.names import container_name, volume_names
from settings.node import NodeSettings, PeerNetwork
from settings.stack import StackSettings

GUI_API_SETS = ("WALLET", "STORAGE")
"""API sets that the GUI needs. Without STORAGE, which holds its own settings, v0.27.1 shows an error page."""


def deploy_node(
    name: str,
    node: NodeSettings,
    settings: StackSettings,
    image: PulledFrom,
    provider: docker.Provider,
    after: Sequence[pulumi.Resource] = (),
    proxy: PulledFrom | None = None,
) -> Node:
    """Create the node as a component with its host's provider; `renamed-from` keeps its volumes.

    `proxy` is the image of its proxy, if it has a web interface. The node's container waits for the
    containers in `after`, those of an earlier wave.
    """
    data_volume, wallet_volume = volume_names(name, node)
    host = settings.hosts[node.host]
    board = _board(host, node)
    args = NodeArgs(
        host=host_of(node.host, settings),
        image=image.ref,
        pull_from=image.repository,
        version=image.version,
        container=container_name(name, node.image),
        data_volume=data_volume,
        wallet_volume=wallet_volume,
        rpc_port=node.rpc_port,
        peer_port=None if node.network is PeerNetwork.NONE else node.peer_port,
        metrics_port=node.metrics_port,
        api_sets=_api_sets(node),
        gui=node.gui,
        proxy_image=proxy.ref if proxy else None,
        proxy_pull_from=proxy.repository if proxy else None,
        arguments=node.args,
        board=board,
        memory_is_chosen=is_memory_chosen(host.board, host, node),
        wait_timeout=board.wait,
        after=after,
        user=node.user,
        new_wallet=node.new_wallet,
        rollback=node.rollback.model_dump() if node.rollback else None,
    )
    aliases = [pulumi.Alias(name=node.renamed_from)] if node.renamed_from else None
    return Node(name, args, pulumi.ResourceOptions(provider=provider, aliases=aliases))


def _api_sets(node: NodeSettings) -> list[str]:
    """API sets from the settings, and those that the GUI needs."""
    needed = GUI_API_SETS if node.gui else ()
    return [*node.api_sets, *(name for name in needed if name not in node.api_sets)]


def _board(host: HostSettings, node: NodeSettings) -> Board:
    return limited(BOARDS[host.board] if host.board else SERVER, host, node)
