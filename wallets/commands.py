"""Backups and restores of a node's wallets, for `skyinfra wallet`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clients.age import Identity
from clients.engine import connect
from clients.errors import ServiceError
from clients.fingerprint import NOTHING, Fingerprint
from clients.wallet_on_host import WalletOnHost
from settings.wallets import WalletsSettings
from wallets.asking import ask
from wallets.backup_format import Backup, Kind, about, bare, fingerprint, open_backup, read, seal
from wallets.backup_places import Place
from wallets.contents import (
    Contents,
    refuse_damaged,
    refuse_interrupted,
    wallets_in,
    without_staged,
)
from wallets.drill import Drill
from wallets.errors import WalletError
from wallets.listing import newest
from wallets.losses import lost
from wallets.nodes import DeployedNode
from wallets.records import age, days, is_too_old, remember
from wallets.temporary import taken
from wallets.volume import WalletVolume

UNPROVED = "that it can be decrypted, and that its header is true"
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


def look(node: DeployedNode) -> Fingerprint:
    """Fingerprint of the node's wallets, computed on its host. Raises WalletError if the volume is gone."""
    wallet = on_host(node)
    if not ask(node.host, wallet.exists):
        raise WalletError(f"there is no volume {node.wallet!r} on host {node.host}")
    found = ask(node.host, lambda: wallet.read_wallets(NOTHING))
    if found.damaged:
        raise WalletError(
            f"{', '.join(found.damaged)} on host {node.host}: empty, cut short, or not a wallet"
        )
    return found.wallets


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
    contents = _whole(node, volume)
    made = _kept(node, place, contents, Kind.BACKUP, recipients)
    facts = made.about
    print(f"{made.name}: {_counted(contents)}, from the volume {node.wallet} on host {node.host}")
    print(f"fingerprint {facts.fingerprint}, SHA-256 {made.sha256}")
    if made.is_encrypted:
        print(f"Encrypted to {', '.join(facts.recipients)}")
    else:
        print(PLAIN)
    remember(records, node, made)
    return made.name


def _whole(node: DeployedNode, volume: WalletVolume) -> Contents:
    """Wallets of a volume. Raises WalletError if there are none, or one is incomplete."""
    contents, place = volume.read(), f"the wallet volume {node.wallet} on host {node.host}"
    refuse_interrupted(place, contents)
    if not wallets_in(contents):
        raise WalletError(_empty(node, volume.copies()))
    refuse_damaged(place, contents)
    return contents


def _kept(
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
    found = read(name, data)
    facts = found.about
    where = f" of stack {facts.stack}, host {facts.host}" if facts.stack else ""
    print(f"{name}: a whole {_KINDS[facts.kind]} of node {facts.node or 'unknown'}{where}")
    print(f"  made {facts.time:%Y-%m-%d %H:%M:%S} UTC, {age(facts.time)}")
    print(f"  {_many(facts.wallets)}, fingerprint {facts.fingerprint}, SHA-256 {found.sha256}")
    if not found.is_encrypted:
        print("  not encrypted: anybody who has it can read it")
        return
    print(f"  encrypted to {', '.join(facts.recipients)}")
    if identities:
        open_backup(found, identities)
        print("  decrypted: its wallets are whole, and what its header says is true")
    else:
        print(f"  not proved without a key: {UNPROVED} (`--identity FILE`)")


_KINDS = {Kind.BACKUP: "backup", Kind.BEFORE_RESTORE: "file of what was there before a restore,"}


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
    contents, facts = _whole(node, volume), good.about
    print(f"{good.name}: {age(facts.time)}, {_many(facts.wallets)}, fingerprint {facts.fingerprint}")
    wrong = list(_strangers(facts.recipients, rules.recipients))
    if is_too_old(facts.time, rules.backup_age):
        asked = f", and the stack asks for one every {days(rules.backup_age)}" if rules.backup_age else ""
        wrong.append(f"it is {age(facts.time)}{asked}")
    opened = open_backup(good, identities) if identities or not good.is_encrypted else None
    now = fingerprint(contents)
    if now == facts.fingerprint:
        print(f"The wallet volume {node.wallet} on host {node.host} holds the same addresses.")
    elif opened is None:
        wrong.append(
            f"the wallet has other addresses now (fingerprint {now}); a key says which (--identity FILE)"
        )
    else:
        wrong += [f"since the backup: {one}" for one in lost(opened, contents)]
        wrong += [f"not in the backup: {one}" for one in lost(contents, opened)]
    if opened is None:
        print(f"Not proved without a key: {UNPROVED} (`--identity FILE`)")
    if wrong:
        again = f"Make another: `{node.wallet_command('backup')}`"
        raise WalletError("\n".join([f"{good.name}:", *(f"  {one}" for one in wrong), again]))


def _strangers(has: Sequence[str], asked: Sequence[str]) -> list[str]:
    """Differences between recipients of a backup and of the stack."""
    if not asked:
        return []
    if not has:
        return ["it is not encrypted, and the stack names recipients"]
    missing, more = ([one for one in a if one not in b] for a, b in ((asked, has), (has, asked)))
    said = [f"it is not encrypted to {one}, whom the stack names" for one in missing]
    return said + [f"it is encrypted to {one}, whom the stack does not name" for one in more]


def drill(node: DeployedNode, client: Any, place: Place, identities: Sequence[Identity]) -> None:
    """Check that a node without a network finds the wallets of the newest good backup. Raises WalletError."""
    good = newest(place, node)
    contents = open_backup(good, identities)
    addresses = Drill(node, client).run(contents)
    print(f"{good.name}: {age(good.about.time)}, fingerprint {good.about.fingerprint}")
    print(
        f"A node of {node.image.partition('@')[0]} on host {node.host} found its {_counted(contents)} with "
        f"{addresses} address{'' if addresses == 1 else 'es'}. Nothing of the drill is left."
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
    """True accepts a backup that lacks something which the volume has."""


def restore_file(
    node: DeployedNode,
    volume: WalletVolume,
    file: Backup,
    identities: Sequence[Identity],
    restoring: Restoring,
) -> None:
    """Restore the wallets of a backup file. Raises WalletError."""
    if not restoring.other_node:
        refuse_anothers(node, file, "; --other-node restores it all the same")
    _restore(node, volume, file.name, open_backup(file, identities), restoring)


def refuse_anothers(node: DeployedNode, file: Backup, otherwise: str = "") -> None:
    """Raise WalletError if a backup is another node's; `otherwise` ends the sentence."""
    facts = file.about
    if facts.node not in ("", node.name) or facts.stack not in ("", bare(node.stack)):
        of_stack = f" of the stack {facts.stack}" if facts.stack else ""
        raise WalletError(
            f"{file.name} is a backup of {facts.node}{of_stack}, not of {node.name} of the stack "
            f"{bare(node.stack)}. Nothing was changed{otherwise}"
        )


def restore_copy(node: DeployedNode, volume: WalletVolume, name: str, restoring: Restoring) -> None:
    """Restore the wallets of a copy on the host. Raises WalletError."""
    contents = volume.copy(name)
    refuse_damaged(f"the copy {name}", contents)
    if not wallets_in(contents):
        raise WalletError(f"the copy {name} holds no wallet")
    _restore(node, volume, f"the copy {name}", contents, restoring)


def restore_temporary(node: DeployedNode, volume: WalletVolume, name: str, restoring: Restoring) -> None:
    """Replace a wallet by the temporary copy that its interrupted save left. Raises WalletError."""
    _restore(node, volume, f"the temporary copy {name}", taken(name, volume.read()), restoring)


def _restore(
    node: DeployedNode, volume: WalletVolume, source: str, contents: Contents, restoring: Restoring
) -> None:
    """Back up the current files, then overwrite those that have new content; other files stay."""
    _refuse_older(node, source, volume.read(), contents, restoring)  # before the node is stopped
    with volume.node_stopped() as ran:
        before = ""
        if present := without_staged(volume.read()):
            _refuse_older(node, source, present, contents, restoring)
            kept = _kept(node, restoring.place, present, Kind.BEFORE_RESTORE, restoring.recipients)
            before = f"what was there before: {kept.name}"
            print(before)
            if not kept.is_encrypted:
                print(PLAIN)
        try:
            volume.put(contents)
        except WalletError as error:
            raise WalletError(f"{error}\n{before}") from error
    stayed = sorted(set(wallets_in(present)) - set(contents))
    print(f"{node.wallet} on host {node.host}: {_counted(contents)} restored from {source}")
    if stayed:
        print(f"Kept, because the backup does not have them: {', '.join(stayed)}")
    if not ran:
        print(f"{node.name} did not run, and was left so: `up` starts it.")


def _refuse_older(
    node: DeployedNode, source: str, present: Contents, contents: Contents, restoring: Restoring
) -> None:
    """Raise WalletError if a restore would lose addresses or keys that the volume has."""
    there = without_staged(present)
    if restoring.older or not (gone := lost(there, {**there, **contents})):
        return
    raise WalletError(
        f"{source} is older than what is in {node.wallet} on host {node.host}: after it, "
        f"{'; '.join(gone)}. Nothing was changed; --older restores it all the same, and what is there now is "
        "kept in a file first"
    )


def _counted(contents: Contents) -> str:
    return _many(len(wallets_in(contents)))


def _many(wallets: int) -> str:
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
