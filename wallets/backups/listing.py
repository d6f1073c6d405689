"""Backups in a folder: a table of all, and the newest good one of a node.

A backup's header says whose it is and when it was made. The file's name counts only without a header: for a
plain archive, and for a file that is not a complete backup.
"""

import re
from collections.abc import Iterator, Sequence

from catalogue.naming import bare_name
from clients.deployed_nodes import DeployedNode
from wallets.backups.folder import BackupFolder
from wallets.backups.format import Backup, Kind, misnamed, node_and_time, read
from wallets.backups.records import short_age
from wallets.backups.sealed import STAMP
from wallets.errors import WalletError

HEADS = ("FILE", "NODE", "CREATED (UTC)", "AGE", "WALLETS", "FINGERPRINT", "STATE")


def newest(folder: BackupFolder, node: DeployedNode) -> Backup:
    """Return a node's newest good backup; print why newer names are skipped. Raises WalletError."""
    good: Backup | None = None
    others = []
    for name, data in folder.load_all():
        try:
            file = read(folder.address(name), data)
        except WalletError as error:
            others.append((name, str(error)))
            continue
        about = file.about
        if about.node != node.name or about.stack not in ("", bare_name(node.stack)):
            others.append((name, f"{file.name} is a backup of {about.node} of the stack {about.stack}"))
        elif about.kind is Kind.BACKUP and (good is None or _age_order(file) > _age_order(good)):
            good = file
    after = f"{good.about.time:{STAMP}}" if good else ""
    for name, reason in sorted(others, reverse=True):
        if (named := node_and_time(name)) and named[0] == node.name and named[1] > after:
            print(f"skipped: {reason}")
    if good is None:
        raise WalletError(
            f"{folder.address('')} holds no good backup of {node.name}: `{node.wallet_command('backup')}` "
            "creates one"
        )
    if difference := misnamed(good):
        print(f"{good.name}: {difference}")
    return good


def _age_order(file: Backup) -> tuple[str, str]:
    return f"{file.about.time:{STAMP}}", file.name


def rows(folder: BackupFolder, node: str | None) -> Iterator[Sequence[str]]:
    """Rows of the table, the newest backup of each node last; a file that is not a backup has the reason."""
    yield HEADS
    for _, row in sorted(_row(name, data) for name, data in folder.load_all()):
        if node in (None, row[1]):
            yield row


def _row(name: str, data: bytes) -> tuple[tuple[str, str], Sequence[str]]:
    """Row of a file, after its node and time, by which rows are sorted."""
    try:
        file = read(name, data)
    except WalletError as error:
        named = node_and_time(name) or ("", name)
        node = named[0]
        return named, (name, node, "", "", "", "", re.sub(rf"^{re.escape(name)}:? ", "", str(error)))
    facts = file.about
    state = "complete" if file.is_encrypted else "complete, not encrypted"
    if facts.kind is Kind.BEFORE_RESTORE:
        state += ", before a restore"
    if misnamed(file):
        state += ", but its name has another node or time"
    made = f"{facts.time:%Y-%m-%d %H:%M:%S}"
    row = (name, facts.node, made, short_age(facts.time), str(facts.wallets), facts.fingerprint, state)
    return (facts.node, f"{facts.time:{STAMP}}"), row
