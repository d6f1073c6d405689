"""Backups and restores of a node's wallets, for `skyinfra wallet`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from catalogue.naming import bare_name
from clients.age import Identity
from clients.engine import connect
from clients.errors import ServiceError
from clients.fingerprint import NOTHING, Fingerprint
from clients.wallet_on_host import WalletOnHost
from display.units import count_of
from settings.wallets import WalletsSettings
from wallets.asking import ask
from wallets.backups.drill import Drill
from wallets.backups.format import Backup, Kind, about, fingerprint, misnamed, open_backup, read, seal
from wallets.backups.listing import newest
from wallets.backups.places import Place
from wallets.backups.records import age, days, is_too_old, remember
from wallets.errors import WalletError
from wallets.files.contents import (
    Contents,
    refuse_damaged,
    refuse_interrupted,
    wallets_in,
    without_staged,
)
from wallets.files.fingerprint import printable
from wallets.files.losses import lost, lost_of_record
from wallets.files.temporary import restored_wallet
from wallets.nodes import DeployedNode
from wallets.volumes.stopped_node import node_stopped
from wallets.volumes.volume import WalletVolume
from wallets.volumes.writing import put

UNVERIFIED = "that it can be decrypted, and that its header is true"
"""Facts about an encrypted backup that can't be checked without a secret key."""

PLAIN = "It holds wallets without a password in plain text: keep it as you would keep the money."


def engine_of(node: DeployedNode) -> Any:
    """Client of the node's engine. Raises WalletError."""
    try:
        return connect(node.place)
    except ServiceError as error:
        raise WalletError(f"host {node.host}: {error}") from None


def volume_of(node: DeployedNode) -> WalletVolume:
    """The node's wallet volume, through a client of its host's engine. Raises WalletError."""
    return WalletVolume(node, engine_of(node))


def fingerprint_on_host(node: DeployedNode) -> Fingerprint:
    """Fingerprint of the node's wallets, computed on its host. Raises WalletError if the volume is gone."""
    wallet = on_host(node)
    if not ask(node.host, wallet.exists):
        raise WalletError(f"there is no volume {node.wallet!r} on host {node.host}")
    present = ask(node.host, lambda: wallet.read_wallets(NOTHING))
    if present.damaged:
        raise WalletError(
            f"{', '.join(present.damaged)} on host {node.host}: empty, truncated, or not a wallet"
        )
    return present.wallets


def on_host(node: DeployedNode) -> WalletOnHost:
    """The node's wallet volume as its preflight sees it. Raises WalletError."""
    inputs = {**node.place, "image": node.image, "container": node.container, "wallet": node.wallet}
    return WalletOnHost(engine_of(node), inputs)


def backup(
    node: DeployedNode, volume: WalletVolume, place: Place, recipients: Sequence[str], records: Path
) -> str:
    """Back up a wallet into a new file; return its address.

    Raises WalletError if there is no complete wallet.
    """
    contents = _complete_wallets(node, volume)
    made = _write_backup(node, place, contents, Kind.BACKUP, recipients)
    facts = made.about
    print(f"{made.name}: {_counted(contents)}, from the volume {node.wallet} on host {node.host}")
    print(f"fingerprint {facts.fingerprint}, SHA-256 {made.sha256}")
    if made.is_encrypted:
        print(f"Encrypted to {', '.join(facts.recipients)}")
    else:
        print(PLAIN)
    remember(records, node, made)
    return made.name


def _complete_wallets(node: DeployedNode, volume: WalletVolume) -> Contents:
    """Wallets of a volume. Raises WalletError if there are none, or one is incomplete."""
    contents, place = volume.read(), f"the wallet volume {node.wallet} on host {node.host}"
    refuse_interrupted(place, contents)
    if not wallets_in(contents):
        raise WalletError(_empty(node, volume.copies()))
    refuse_damaged(place, contents)
    return contents


def _write_backup(
    node: DeployedNode, place: Place, contents: Contents, kind: Kind, recipients: Sequence[str]
) -> Backup:
    """Write a new backup file, and parse it as a later reader would. Raises WalletError."""
    facts = about(
        contents, node=node.name, stack=node.stack, host=node.host, kind=kind, recipients=recipients
    )
    data = seal(facts, contents)
    address = place.keep(facts.file_name, data)
    if recipients or kind is Kind.BACKUP:
        return read(address, data)
    return Backup(name=address, about=facts, sha256="", payload=data)  # `read` refuses damaged wallets


def verify(name: str, data: bytes, identities: Sequence[Identity]) -> None:
    """Report what one file contains. Raises WalletError if it is not a complete backup."""
    file = read(name, data)
    facts = file.about
    where = f" of stack {facts.stack}, host {facts.host}" if facts.stack else ""
    print(f"{name}: a complete {_KINDS[facts.kind]} of node {facts.node or 'unknown'}{where}")
    if difference := misnamed(file):
        print(f"  {difference}")
    print(f"  created {facts.time:%Y-%m-%d %H:%M:%S} UTC, {age(facts.time)}")
    print(f"  {count_of(facts.wallets, 'wallet')}, fingerprint {facts.fingerprint}, SHA-256 {file.sha256}")
    if not file.is_encrypted:
        print("  not encrypted: anyone who has the file can read it")
        return
    print(f"  encrypted to {', '.join(facts.recipients)}")
    if identities:
        open_backup(file, identities)
        print("  decrypted: its wallets are intact, and its header is true")
    else:
        print(f"  not verified without a key: {UNVERIFIED} (`--identity FILE`)")


_KINDS = {Kind.BACKUP: "backup", Kind.BEFORE_RESTORE: "backup of the files before a restore,"}


def check(
    node: DeployedNode,
    volume: WalletVolume,
    place: Place,
    rules: WalletsSettings,
    identities: Sequence[Identity],
) -> None:
    """Compare the newest good backup with the wallet and the stack.

    Raises WalletError if it is insufficient.
    """
    good = newest(place, node)
    contents, facts = _complete_wallets(node, volume), good.about
    wallets = count_of(facts.wallets, "wallet")
    print(f"{good.name}: {age(facts.time)}, {wallets}, fingerprint {facts.fingerprint}")
    wrong = list(_recipient_differences(facts.recipients, rules.recipients))
    if is_too_old(facts.time, rules.backup_age):
        asked = f", and the stack requires one every {days(rules.backup_age)}" if rules.backup_age else ""
        wrong.append(f"it is {age(facts.time)}{asked}")
    opened = open_backup(good, identities) if identities or not good.is_encrypted else None
    now = fingerprint(contents)
    if now == facts.fingerprint:
        print(f"The wallet volume {node.wallet} on host {node.host} holds the same addresses.")
    elif opened is None:
        wrong.append(
            f"the wallet has other addresses now (fingerprint {now}); a key shows which (--identity FILE)"
        )
    else:
        wrong += [f"since the backup: {loss}" for loss in lost(opened, contents)]
        wrong += [f"not in the backup: {loss}" for loss in lost(contents, opened)]
    if opened is None:
        print(f"Not verified without a key: {UNVERIFIED} (`--identity FILE`)")
    if wrong:
        again = f"Create another: `{node.wallet_command('backup')}`"
        raise WalletError("\n".join([f"{good.name}:", *(f"  {problem}" for problem in wrong), again]))


def _recipient_differences(has: Sequence[str], asked: Sequence[str]) -> list[str]:
    """Differences between recipients of a backup and of the stack."""
    if not asked:
        return []
    if not has:
        return ["it is not encrypted, although the stack has recipients"]
    missing, more = (
        [recipient for recipient in a if recipient not in b] for a, b in ((asked, has), (has, asked))
    )
    differences = [f"it is not encrypted to {recipient}, a recipient of the stack" for recipient in missing]
    return differences + [
        f"it is encrypted to {recipient}, which is not a recipient of the stack" for recipient in more
    ]


def drill(node: DeployedNode, client: Any, place: Place, identities: Sequence[Identity]) -> None:
    """Check that a node without a network finds the wallets of the newest good backup. Raises WalletError."""
    good = newest(place, node)
    contents = open_backup(good, identities)
    addresses = Drill(node, client).run(contents)
    print(f"{good.name}: {age(good.about.time)}, fingerprint {good.about.fingerprint}")
    print(
        f"A node of {node.image.partition('@')[0]} on host {node.host} found its {_counted(contents)} with "
        f"{count_of(addresses, 'address', 'addresses')}. The drill left nothing on the host."
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Restoring:
    """Options of a restore."""

    place: Place
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
) -> None:
    """Restore the wallets of a backup file. Raises WalletError."""
    if not restoring.other_node:
        refuse_anothers(node, file, "; --other-node restores it anyway")
    _restore(node, volume, file.name, open_backup(file, identities), restoring)


def refuse_anothers(node: DeployedNode, file: Backup, otherwise: str = "") -> None:
    """Raise WalletError if a backup is another node's; `otherwise` ends the sentence."""
    facts = file.about
    if facts.node not in ("", node.name) or facts.stack not in ("", bare_name(node.stack)):
        of_stack = f" of the stack {facts.stack}" if facts.stack else ""
        raise WalletError(
            f"{file.name} is a backup of {facts.node}{of_stack}, not of {node.name} of the stack "
            f"{bare_name(node.stack)}. Nothing was changed{otherwise}"
        )


def restore_copy(node: DeployedNode, volume: WalletVolume, name: str, restoring: Restoring) -> None:
    """Restore the wallets of a copy on the host. Raises WalletError."""
    contents = volume.copy(name)
    refuse_damaged(f"the copy {name}", contents)
    if not wallets_in(contents):
        raise WalletError(f"the copy {name} holds no wallet")
    _restore(node, volume, f"the copy {name}", contents, restoring)


def restore_temporary(node: DeployedNode, volume: WalletVolume, name: str, restoring: Restoring) -> None:
    """Replace a wallet by the temporary copy that its interrupted save left. Raises WalletError.

    Other wallets do not matter: each may have a temporary copy, or a backup, of its own.
    """
    contents = restored_wallet(name, volume.read())
    files = {printable(path) for path in contents}
    recorded = {file: chains for file, chains in restoring.recorded.items() if file in files}
    _restore(node, volume, f"the temporary copy {name}", contents, replace(restoring, recorded=recorded))


def _restore(
    node: DeployedNode, volume: WalletVolume, source: str, contents: Contents, restoring: Restoring
) -> None:
    """Back up the current files, then overwrite those that have new content; other files stay."""
    _refuse_older(node, source, volume.read(), contents, restoring)  # before the node is stopped
    with node_stopped(volume) as ran:
        before = ""
        if present := without_staged(volume.read()):
            _refuse_older(node, source, present, contents, restoring)
            kept = _write_backup(node, restoring.place, present, Kind.BEFORE_RESTORE, restoring.recipients)
            before = f"the previous files: {kept.name}"
            print(before)
            if not kept.is_encrypted:
                print(PLAIN)
        try:
            put(volume, contents, present)
        except WalletError as error:
            raise WalletError(f"{error}\n{before}") from error
    stayed = sorted(set(wallets_in(present)) - set(contents))
    print(f"{node.wallet} on host {node.host}: {_counted(contents)} restored from {source}")
    if stayed:
        print(f"Kept, because the backup does not contain them: {', '.join(stayed)}")
    if not ran:
        print(f"{node.name} was not running and was not started: `up` starts it.")


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


def _counted(contents: Contents) -> str:
    return count_of(len(wallets_in(contents)), "wallet")


def _empty(node: DeployedNode, copies: list[str]) -> str:
    what = (
        f"the wallet volume {node.wallet} on host {node.host} holds no wallet, and no backup was made of it"
    )
    if not copies:
        return f"{what}. If it once had one, restore a backup: `{node.wallet_command('restore', 'FILE')}`"
    return (
        f"{what}, but its host has copies of it. If it was emptied, restore the newest copy: "
        f"`{node.wallet_command('restore', '--copy', copies[-1])}`"
    )
