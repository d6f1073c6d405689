"""Backups in a folder: a table of all, and the newest good one of a node."""

import re
from collections.abc import Iterator, Sequence

from catalogue.naming import bare_name
from wallets.backup_format import Backup, Kind, node_and_time, read
from wallets.backup_places import Place
from wallets.errors import WalletError
from wallets.nodes import DeployedNode
from wallets.records import age

HEADS = ("file", "node", "created (UTC)", "age", "wallets", "fingerprint", "state")


def newest(place: Place, node: DeployedNode) -> Backup:
    """Newest complete backup of a node; prints newer files that are not backups. Raises WalletError."""
    named = [(node_and_time(name), name) for name in place.names()]
    of_node = sorted(
        (node_time[1], name) for node_time, name in named if node_time and node_time[0] == node.name
    )
    for _, name in reversed(of_node):
        address = place.address(name)
        try:
            file = read(address, place.load(name))
        except WalletError as error:
            print(f"skipped: {error}")
            continue
        if file.about.kind is not Kind.BACKUP:
            continue
        if file.about.node != node.name or file.about.stack not in ("", bare_name(node.stack)):
            print(f"skipped: {address} is a backup of {file.about.node} of the stack {file.about.stack}")
            continue
        return file
    raise WalletError(
        f"{place.address('')} holds no good backup of {node.name}: `{node.wallet_command('backup')}` creates "
        "one"
    )


def rows(place: Place, node: str | None) -> Iterator[Sequence[str]]:
    """Rows of the table, the newest backup of each node last; a file that is not a backup has the reason."""
    yield HEADS
    for name, data in sorted(place.load_all(), key=lambda entry: _order(entry[0])):
        row = _row(name, data)
        if node in (None, row[1]):
            yield row


def _order(name: str) -> tuple[str, str]:
    return node_and_time(name) or ("", name)


def _row(name: str, data: bytes) -> Sequence[str]:
    try:
        file = read(name, data)
    except WalletError as error:
        node = (node_and_time(name) or ("",))[0]
        return (name, node, "", "", "", "", re.sub(rf"^{re.escape(name)}:? ", "", str(error)))
    facts = file.about
    state = "complete" if file.is_encrypted else "complete, not encrypted"
    if facts.kind is Kind.BEFORE_RESTORE:
        state += ", before a restore"
    made = f"{facts.time:%Y-%m-%d %H:%M:%S}"
    return (name, facts.node, made, age(facts.time), str(facts.wallets), facts.fingerprint, state)
