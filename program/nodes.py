"""From a node's settings to the node on its host."""

import pulumi
import pulumi_docker as docker

from catalogue.boards import BOARDS, SERVER, Board
from components.node import Node, NodeArgs
from program.hosts import PulledFrom, host_of
from settings.host import HostSettings
from settings.names import container_name, volume_names
from settings.node import NodeSettings, PeerNetwork
from settings.stack import StackSettings

GUI_API_SETS = ("WALLET", "STORAGE")
"""Without STORAGE the GUI of v0.27.1 shows an error page: it keeps its own settings there."""


def deploy_node(
    name: str,
    node: NodeSettings,
    settings: StackSettings,
    image: PulledFrom,
    provider: docker.Provider,
) -> Node:
    """The node as a component on its host's provider; `renamed-from` keeps its volumes."""
    data_volume, wallet_volume = volume_names(name, node)
    args = NodeArgs(
        host=host_of(node.host, settings),
        image=image.ref,
        pull_from=image.repository,
        container=container_name(name, node.image),
        data_volume=data_volume,
        wallet_volume=wallet_volume,
        rpc_port=node.rpc_port,
        peer_port=None if node.network is PeerNetwork.NONE else node.peer_port,
        api_sets=_api_sets(node),
        gui=node.gui,
        arguments=node.args,
        board=_board(settings.hosts[node.host], node),
        wait_timeout=node.wait,
        new_wallet=node.new_wallet,
    )
    aliases = [pulumi.Alias(name=node.renamed_from)] if node.renamed_from else None
    return Node(name, args, pulumi.ResourceOptions(provider=provider, aliases=aliases))


def _api_sets(node: NodeSettings) -> list[str]:
    """The GUI is a wallet's interface: asking for it by name asks for the API sets that it needs."""
    needed = GUI_API_SETS if node.gui else ()
    return [*node.api_sets, *(name for name in needed if name not in node.api_sets)]


def _board(host: HostSettings, node: NodeSettings) -> Board:
    board = BOARDS[host.board] if host.board else SERVER
    if node.memory is None:
        return board
    return Board(
        arch=board.arch, memory=node.memory, log_size=board.log_size, start_period=board.start_period
    )
