"""Wallets of a source, put into the empty volume of a node."""

from collections.abc import Callable, Sequence

from clients.deployed_nodes import DeployedNode
from display.units import count_of
from wallets.adoption import users
from wallets.adoption.source import Source
from wallets.errors import WalletError
from wallets.files.contents import Contents, wallets_in, without_staged
from wallets.moving import unexpected_files
from wallets.volumes.stopped_node import node_stopped
from wallets.volumes.users import refuse_users
from wallets.volumes.volume import WalletVolume
from wallets.volumes.writing import put


def adopt(source: Source, volume: WalletVolume, contents: Contents, stay: Callable[[], None]) -> None:
    """Put wallets into a node's volume, which has none; the node is stopped during that. Raises WalletError.

    `stay` is called just before they are written: from then on the wallets' former containers must not be
    started again.
    """
    node = source.node
    with node_stopped(volume) as ran:
        present = refuse_occupied(node, volume, contents)
        users.refuse_source_users(source)
        stay()
        put(volume, contents, present)
        users.refuse_users_of_a_copy(source)
    if not ran:
        print(f"{node.name} was not running and was not started: `up` starts it.")


def refuse_occupied(node: DeployedNode, volume: WalletVolume, contents: Contents) -> Contents:
    """Read a node's volume. Raises WalletError if it has files other than the new ones, or is in use."""
    refuse_users(volume)
    present = without_staged(volume.read())
    if strange := unexpected_files(present, contents):
        raise WalletError(_occupied(node, strange, len(wallets_in(present))))
    return present


def _occupied(node: DeployedNode, strange: Sequence[str], wallets: int) -> str:
    volume = f"the wallet volume {node.wallet} on host {node.host} is not empty"
    only = "wallets are adopted only into an empty volume"
    if wallets:
        return (
            f"{volume} ({count_of(wallets, 'wallet')}): {only}. Nothing was changed. Add another node for "
            "them, run `up`, and adopt into that one"
        )
    return f"{volume}: it has {', '.join(strange)}, and {only}. Nothing was changed. Move these files out"
