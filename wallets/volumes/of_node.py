"""The engine of a node's host, and the node's wallet volume there."""

from typing import Any

from clients.deployed_nodes import DeployedNode
from clients.engine import connect
from clients.errors import ServiceError
from clients.fingerprint import NOTHING, Fingerprint
from clients.wallet_on_host import WalletOnHost
from wallets.asking import ask
from wallets.errors import WalletError
from wallets.volumes.volume import WalletVolume


def engine_of(node: DeployedNode) -> Any:
    """Client of the node's engine. Raises WalletError."""
    try:
        return connect(node.host_inputs)
    except ServiceError as error:
        raise WalletError(f"host {node.host}: {error}") from None


def volume_of(node: DeployedNode) -> WalletVolume:
    """The node's wallet volume, through a client of its host's engine. Raises WalletError."""
    return WalletVolume(node, engine_of(node))


def fingerprint_on_host(node: DeployedNode, before: Fingerprint = NOTHING) -> Fingerprint:
    """Fingerprint of the node's wallets, computed on its host.

    Raises WalletError if the volume is gone, has a damaged wallet, or lacks something of `before`: the
    wallets that were restored into it a moment ago.
    """
    wallet = on_host(node)
    if not ask(node.host, wallet.exists):
        raise WalletError(f"there is no volume {node.wallet!r} on host {node.host}")
    present = ask(node.host, lambda: wallet.read_wallets(before))
    if present.damaged:
        raise WalletError(
            f"{', '.join(present.damaged)} on host {node.host}: empty, truncated, or not a wallet"
        )
    if gone := present.lost(before):
        raise WalletError(
            f"{node.wallet} on host {node.host} has lost something since the restore: {'; '.join(gone)}. "
            f"Nothing was recorded: look at it (`{node.wallet_command('accept')}`), or run the same command "
            "again"
        )
    return present.wallets


def on_host(node: DeployedNode) -> WalletOnHost:
    """The node's wallet volume as its preflight sees it. Raises WalletError."""
    inputs = {**node.host_inputs, "image": node.image, "container": node.container, "wallet": node.wallet}
    return WalletOnHost(engine_of(node), inputs)
