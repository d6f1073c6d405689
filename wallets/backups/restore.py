"""Restores of a node's wallets, from a backup file, a copy on the host or a temporary copy."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from catalogue.naming import bare_name
from clients.age import Identity
from clients.deployed_nodes import DeployedNode
from clients.fingerprint import NOTHING, Fingerprint
from providers.skycoin.wallet_copy import NotCopiedError, copy_wallet
from wallets.backups.backup import PLAIN, counted, write_backup
from wallets.backups.folder import BackupFolder
from wallets.backups.format import Backup, Kind, open_backup
from wallets.errors import WalletError
from wallets.files.contents import Contents, refuse_damaged, wallets_in, without_staged
from wallets.files.fingerprint import printable
from wallets.files.losses import fingerprint_of_whole, lost, lost_of_record
from wallets.files.temporary import restored_wallet
from wallets.volumes.stopped_node import node_stopped
from wallets.volumes.volume import WalletVolume
from wallets.volumes.writing import put


@dataclass(frozen=True, kw_only=True, slots=True)
class Restoring:
    """Options of a restore."""

    folder: BackupFolder
    """Folder for a backup of the volume's present content."""
    recipients: Sequence[str] = ()
    """Public keys for that backup."""
    other_node: bool = False
    """True accepts a backup of another node."""
    older: bool = False
    """True accepts a backup that lacks something which the volume has, or which the stack has recorded."""
    recorded: Fingerprint = field(default_factory=lambda: NOTHING)
    """Wallets that the stack's state has recorded."""


def restore_file(
    node: DeployedNode,
    volume: WalletVolume,
    file: Backup,
    identities: Sequence[Identity],
    restoring: Restoring,
) -> Fingerprint:
    """Restore the wallets of a backup file; return what the volume then holds. Raises WalletError."""
    if not restoring.other_node:
        refuse_anothers(node, file, "; --other-node restores it anyway")
    return _restore(node, volume, file.name, open_backup(file, identities), restoring)


def refuse_anothers(node: DeployedNode, file: Backup, otherwise: str = "") -> None:
    """Raise WalletError if a backup is another node's; `otherwise` ends the sentence."""
    facts = file.about
    if facts.node not in ("", node.name) or facts.stack not in ("", bare_name(node.stack)):
        of_stack = f" of the stack {facts.stack}" if facts.stack else ""
        raise WalletError(
            f"{file.name} is a backup of {facts.node}{of_stack}, not of {node.name} of the stack "
            f"{bare_name(node.stack)}. Nothing was changed{otherwise}"
        )


def restore_copy(node: DeployedNode, volume: WalletVolume, name: str, restoring: Restoring) -> Fingerprint:
    """Restore the wallets of a copy on the host; return what the volume then holds. Raises WalletError."""
    contents = volume.copy(name)
    refuse_damaged(f"the copy {name}", contents)
    if not wallets_in(contents):
        raise WalletError(f"the copy {name} holds no wallet")
    return _restore(node, volume, f"the copy {name}", contents, restoring)


def restore_temporary(
    node: DeployedNode, volume: WalletVolume, name: str, restoring: Restoring
) -> Fingerprint:
    """Replace a wallet with the temporary copy that its interrupted save left. Raises WalletError.

    Returns what the volume then holds. Other wallets do not matter: each may have a temporary copy, or a
    backup, of its own.
    """
    contents = restored_wallet(name, volume.read())
    files = {printable(path) for path in contents}
    recorded = {file: chains for file, chains in restoring.recorded.items() if file in files}
    return _restore(
        node, volume, f"the temporary copy {name}", contents, replace(restoring, recorded=recorded)
    )


def _restore(
    node: DeployedNode, volume: WalletVolume, source: str, contents: Contents, restoring: Restoring
) -> Fingerprint:
    """Back up the current files, then overwrite those that have new content; other files stay."""
    _refuse_older(node, source, volume.read(), contents, restoring)  # before the node is stopped
    with node_stopped(volume) as ran:
        before = ""
        found = volume.read()
        if present := without_staged(found):
            _refuse_older(node, source, present, contents, restoring)
            kept = write_backup(node, restoring.folder, present, Kind.BEFORE_RESTORE, restoring.recipients)
            before = f"saved what was there before: {kept.name} ({_form(kept)})"
            print(before)
            if not kept.is_encrypted:
                print(PLAIN)
            if len(present) == len(found):  # otherwise, the interrupted restore has made the copy
                _copy(node, volume, kept.about.time)
        try:
            put(volume, contents, present)
        except WalletError as error:
            raise type(error)(f"{error}\n{before}") from error
    stayed = sorted(set(wallets_in(present)) - set(contents))
    print(f"{node.wallet} on host {node.host}: {counted(contents)} restored from {source}")
    if stayed:
        print(f"Kept, because {source} does not contain them: {', '.join(stayed)}")
    print(
        f"{node.name} was stopped for the restore, and runs again."
        if ran
        else f"{node.name} was not running and was not started: `up` starts it."
    )
    return fingerprint_of_whole({**present, **contents})


def _form(backup: Backup) -> str:
    """Say in a message who can read a backup."""
    return f"encrypted to {', '.join(backup.about.recipients)}" if backup.is_encrypted else "in plain text"


def _copy(node: DeployedNode, volume: WalletVolume, now: datetime) -> None:
    """Copy the volume on its host, for an operator who lacks the backup's key.

    A volume that can't be copied, because of a torn wallet for example, is restored even so. Raises
    WalletError if the engine fails.
    """
    inputs = {**node.host_inputs, "wallet": node.wallet, "backups": node.copies_volume}
    try:
        name = volume.ask(lambda: copy_wallet(volume.client, inputs, node.image, now))
    except NotCopiedError as error:
        print(f"not copied on host {node.host}: {error.reason}")
        return
    if name:  # otherwise there was nothing to copy
        back = node.wallet_command("restore", "--copy", name)
        print(f"copied what was there before on host {node.host}: `{back}` brings it back")


def _refuse_older(
    node: DeployedNode, source: str, present: Contents, contents: Contents, restoring: Restoring
) -> None:
    """Raise WalletError if addresses or keys that the volume has, or had, would be missing afterwards."""
    if restoring.older:
        return
    current = without_staged(present)
    after = {**current, **contents}
    if gone := lost(current, after):
        raise WalletError(
            f"{source} is older than the wallets in {node.wallet} on host {node.host}: after a restore, "
            f"{'; '.join(gone)}. Nothing was changed; --older restores it anyway, after it has backed up the "
            "present files"
        )
    if gone := lost_of_record(restoring.recorded, after):
        raise WalletError(
            f"{source} lacks something that the stack has recorded for {node.wallet}: after a restore, "
            f"{'; '.join(gone)}. Nothing was changed. Restore a newer backup or copy; --older restores this "
            "one anyway"
        )
