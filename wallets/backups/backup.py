"""Backups of a node's wallets: make one, verify a file, compare the newest one, and try a restore."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clients.age import Identity
from clients.deployed_nodes import DeployedNode
from clients.fingerprint import GONE
from display.units import count_of
from settings.wallets import WalletsSettings
from wallets.backups.drill import Drill
from wallets.backups.folder import BackupFolder
from wallets.backups.format import Backup, Kind, about, fingerprint, misnamed, open_backup, read, seal
from wallets.backups.listing import newest
from wallets.backups.records import Record, age, days, is_in_future, is_too_old, recorded, remember
from wallets.backups.same_disk import is_on_disk_of
from wallets.errors import WalletError
from wallets.files.contents import Contents, refuse_damaged, refuse_interrupted, wallets_in
from wallets.files.losses import fingerprint_of_whole, lost, lost_of_record
from wallets.volumes.volume import WalletVolume

UNVERIFIED = "that it can be decrypted, and that its header matches its content"
"""Facts about an encrypted backup that can't be checked without a secret key."""

PLAIN = "It holds wallets without a password in plain text: keep it as safe as the money."


def backup(
    node: DeployedNode, volume: WalletVolume, folder: BackupFolder, recipients: Sequence[str], records: Path
) -> str:
    """Back up a wallet into a new file; return its address.

    Raises WalletError if there is no wallet, or one is incomplete.
    """
    contents = _complete_wallets(node, volume)
    made = write_backup(node, folder, contents, Kind.BACKUP, recipients)
    facts = made.about
    print(f"{made.name}: {counted(contents)}, from the volume {node.wallet} on host {node.host}")
    print(f"fingerprint {facts.fingerprint}, SHA-256 {made.sha256}")
    if made.is_encrypted:
        print(f"Encrypted to {', '.join(facts.recipients)}")
    else:
        print(PLAIN)
    if is_on_disk_of(volume, made.name):
        print(f"{made.name} is on the same disk as the wallet: copy it to another machine, or use --to.")
    _warn_of_losses(node, recorded(records, node), contents)
    remember(records, node, made, fingerprint_of_whole(contents))
    return made.name


def _warn_of_losses(node: DeployedNode, last: Record | None, contents: Contents) -> None:
    """Print what a wallet has lost since the backup before the present one, which people might delete."""
    if last is None or last.is_gone or not (gone := lost_of_record(last.wallets, contents)):
        return
    back = _restore_command(node, last.file, is_encrypted=bool(last.recipients))
    print(
        f"WARNING: the backup before it, {last.file}, has what this one lacks: {'; '.join(gone)}. Keep that "
        f"file. If the wallet should still have what it lacks, restore that: `{back}`"
    )


def _complete_wallets(node: DeployedNode, volume: WalletVolume) -> Contents:
    """Wallets of a volume. Raises WalletError if there are none, or one is incomplete."""
    contents, place = volume.read(), f"the wallet volume {node.wallet} on host {node.host}"
    refuse_interrupted(place, contents)
    if not wallets_in(contents):
        raise WalletError(_empty(node, volume.copies()))
    refuse_damaged(place, contents)
    return contents


def write_backup(
    node: DeployedNode, folder: BackupFolder, contents: Contents, kind: Kind, recipients: Sequence[str]
) -> Backup:
    """Write a new backup file, and parse it as a later reader would. Raises UserError.

    A plain file from before a restore is not parsed: its wallets may be damaged.
    """
    facts = about(
        contents, node=node.name, stack=node.stack, host=node.host, kind=kind, recipients=recipients
    )
    data = seal(facts, contents)
    address = folder.keep(facts.file_name, data)
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
        print("  decrypted: its wallets are intact, and its header matches its content")
    else:
        print(f"  not verified without a key: {UNVERIFIED} (`--identity FILE`)")


_KINDS = {Kind.BACKUP: "backup", Kind.BEFORE_RESTORE: "backup of the files before a restore,"}


def check(
    node: DeployedNode,
    volume: WalletVolume,
    folder: BackupFolder,
    rules: WalletsSettings,
    identities: Sequence[Identity],
) -> None:
    """Compare the newest good backup with the wallet and the stack.

    Raises WalletError if it is insufficient.
    """
    good = newest(folder, node)
    contents, facts = _complete_wallets(node, volume), good.about
    wallets = count_of(facts.wallets, "wallet")
    print(f"{good.name}: {age(facts.time)}, {wallets}, fingerprint {facts.fingerprint}")
    wrong = list(_recipient_differences(facts.recipients, rules.recipients))
    if is_too_old(facts.time, rules.backup_age):
        asked = f", and the stack requires one every {days(rules.backup_age)}" if rules.backup_age else ""
        wrong.append(f"it is {age(facts.time)}{asked}")
    differences, advice = _compared(node, good, contents, identities)
    if wrong := [*wrong, *differences]:
        again = f"Create another: `{node.wallet_command('backup')}`"
        if is_in_future(facts.time):
            # Before that time, no new backup would be the newest.
            again = f"If this machine's clock is right, move that file to another folder. {again}"
        raise WalletError("\n".join([f"{good.name}:", *(f"  {it}" for it in wrong), advice or again]))


def _compared(
    node: DeployedNode, good: Backup, contents: Contents, identities: Sequence[Identity]
) -> tuple[list[str], str]:
    """Differences between a backup and the wallet, and advice if the wallet may have lost something.

    The advice is empty if the wallet has lost nothing: a new backup then has all that this one has.
    """
    again = node.wallet_command("backup")
    back = _restore_command(node, good.name, is_encrypted=good.is_encrypted)
    differences, advice = [], ""
    if identities or not good.is_encrypted:
        opened = open_backup(good, identities)
        if gone := [_lacking("wallet", loss) for loss in lost(opened, contents)]:
            advice = (
                f"If the wallet should still have what it lacks, restore that: `{back}`. Another backup "
                f"(`{again}`) would lack it too"
            )
        differences = [*gone, *(_lacking("backup", loss) for loss in lost(contents, opened))]
    else:
        if (now := fingerprint(contents)) != good.about.fingerprint:
            differences = [f"the wallet has other addresses now (fingerprint {now})"]
            advice = (
                "First see which of the two lacks something: the same check with --identity KEY-FILE shows "
                f"that. What the wallet lacks comes back with `{back}`, and another backup (`{again}`) would "
                "lack it too"
            )
        print(f"Not verified without a key: {UNVERIFIED} (`--identity FILE`)")
    if not differences:
        print(f"The wallet volume {node.wallet} on host {node.host} holds the same addresses.")
    return differences, advice


def _restore_command(node: DeployedNode, file: str, *, is_encrypted: bool) -> str:
    key = ["--identity", "KEY-FILE"] if is_encrypted else []
    return node.wallet_command("restore", shlex.quote(file), *key)


def _lacking(side: str, loss: str) -> str:
    """Describe what the wallet or the backup lacks, from the description of a loss."""
    is_whole = loss.endswith(GONE)
    return f"the {side} lacks {loss.removesuffix(GONE)}" if is_whole else f"in the {side}, {loss}"


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
        f"it is encrypted to {recipient}, which is not a recipient of the stack: if its owner may read "
        "backups, add it to skycoin:wallets.recipients"
        for recipient in more
    ]


def drill(node: DeployedNode, client: Any, folder: BackupFolder, identities: Sequence[Identity]) -> None:
    """Check that a node without a network finds the wallets of the newest good backup. Raises WalletError."""
    good = newest(folder, node)
    contents = open_backup(good, identities)
    addresses = Drill(node, client).run(contents)
    print(f"{good.name}: {age(good.about.time)}, fingerprint {good.about.fingerprint}")
    print(
        f"A node of {node.image.partition('@')[0]} on host {node.host} found its {counted(contents)} with "
        f"{count_of(addresses, 'address', 'addresses')}. The drill left nothing on the host."
    )


def counted(contents: Contents) -> str:
    """Number of wallets, in words."""
    return count_of(len(wallets_in(contents)), "wallet")


def _empty(node: DeployedNode, copies: list[str]) -> str:
    what = f"the wallet volume {node.wallet} on host {node.host} holds no wallet, and was not backed up"
    if not copies:
        return f"{what}. If it once had one, restore a backup: `{node.wallet_command('restore', 'FILE')}`"
    return (
        f"{what}, but its host has copies of it. If it was emptied, restore the newest copy: "
        f"`{node.wallet_command('restore', '--copy', copies[-1])}`"
    )
