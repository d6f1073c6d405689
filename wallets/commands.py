"""Backup and restore of a node's wallets: from its volume to a file, and back."""

from pathlib import Path
from typing import Any

from docker.errors import DockerException

from clients.engine import connect
from clients.errors import ServiceError
from clients.fingerprint import NOTHING, Fingerprint
from clients.wallet_on_host import WalletOnHost
from wallets import backup_files
from wallets.contents import (
    Contents,
    pack,
    refuse_damaged,
    refuse_interrupted,
    unpack,
    wallets_in,
    without_staged,
)
from wallets.errors import WalletError
from wallets.nodes import DeployedNode
from wallets.temporary import taken
from wallets.volume import WalletVolume


def volume_of(node: DeployedNode) -> WalletVolume:
    """The node's wallet volume, over a client of its host's engine. Raises WalletError."""
    return WalletVolume(node, _client(node))


def look(node: DeployedNode) -> Fingerprint:
    """Fingerprint of the node's wallets, made on its host. Raises WalletError where the volume is gone."""
    inputs = {"host": node.host, "image": node.image, "container": node.container, "wallet": node.wallet}
    wallet = WalletOnHost(_client(node), inputs)
    try:
        if not wallet.exists():
            raise WalletError(f"there is no volume {node.wallet!r} on host {node.host}")
        found = wallet.look(NOTHING)
    except (ServiceError, DockerException, OSError) as error:
        raise WalletError(f"host {node.host}: {getattr(error, 'explanation', None) or error}") from None
    if found.damaged:
        raise WalletError(
            f"{', '.join(found.damaged)} on host {node.host}: empty, cut short, or not a wallet"
        )
    return found.wallets


def _client(node: DeployedNode) -> Any:
    try:
        return connect({"engine": node.engine, "sshOptions": list(node.ssh_options)})
    except ServiceError as error:
        raise WalletError(f"host {node.host}: {error}") from None


def backup(node: DeployedNode, volume: WalletVolume, folder: Path) -> Path:
    """Back a wallet up into a new file. Raises WalletError where there is no whole wallet to back up."""
    contents, place = volume.read(), f"the wallet volume {node.wallet} on host {node.host}"
    refuse_interrupted(place, contents)
    if not wallets_in(contents):
        raise WalletError(_empty(node, volume.copies()))
    refuse_damaged(place, contents)
    path = backup_files.keep(folder, f"{node.name}-wallet-{backup_files.stamp()}.tar.gz", pack(contents))
    print(f"{path}: {_counted(contents)}, from the volume {node.wallet} on host {node.host}")
    print("Wallets without a password are in it in clear: keep it as you would keep the money.")
    return path


def restore_file(node: DeployedNode, volume: WalletVolume, file: Path, folder: Path) -> None:
    """Put the wallets of a backup file back. Raises WalletError."""
    _restore(node, volume, str(file), unpack(str(file), backup_files.load(file)), folder)


def restore_copy(node: DeployedNode, volume: WalletVolume, name: str, folder: Path) -> None:
    """Put the wallets of a copy on the host back. Raises WalletError."""
    contents = volume.copy(name)
    refuse_damaged(f"the copy {name}", contents)
    if not wallets_in(contents):
        raise WalletError(f"the copy {name} holds no wallet")
    _restore(node, volume, f"the copy {name}", contents, folder)


def restore_temporary(node: DeployedNode, volume: WalletVolume, name: str, folder: Path) -> None:
    """Put the temporary copy of a save that did not end into the place of its wallet. Raises WalletError."""
    _restore(node, volume, f"the temporary copy {name}", taken(name, volume.read()), folder)


def _restore(node: DeployedNode, volume: WalletVolume, source: str, contents: Contents, folder: Path) -> None:
    """Copy what is there, then put the files in: over those of the same names, beside the others."""
    with volume.node_stopped() as ran:
        before = ""
        if present := without_staged(volume.read()):
            name = f"{node.name}-wallet-{backup_files.stamp()}-before-restore.tar.gz"
            before = f"what was there before: {backup_files.keep(folder, name, pack(present))}"
            print(before)
        try:
            volume.put(contents)
        except WalletError as error:
            raise WalletError(f"{error}\n{before}") from error
    kept = sorted(set(wallets_in(present)) - set(contents))
    print(f"{node.wallet} on host {node.host}: {_counted(contents)} restored from {source}")
    if kept:
        print(f"Kept, for the backup does not have them: {', '.join(kept)}")
    if not ran:
        print(f"{node.name} did not run, and was left so: `up` starts it.")


def _counted(contents: Contents) -> str:
    wallets = len(wallets_in(contents))
    return f"{wallets} wallet{'' if wallets == 1 else 's'}"


def _empty(node: DeployedNode, copies: list[str]) -> str:
    what = (
        f"the wallet volume {node.wallet} on host {node.host} holds no wallet, and no backup was made of it"
    )
    if not copies:
        return f"{what}. If it once held one, restore a backup: `{node.restored_from('FILE')}`"
    return (
        f"{what}, but copies of it are there. If it was emptied, restore the newest copy: "
        f"`{node.restored_from(f'--copy {copies[-1]}')}`"
    )
