"""Records of each node's newest backup, on the machine that made it, for `up` and the review page.

A record has a time, two hashes, public keys, the names of the wallet volume and of the file, the engine's
address, and of each wallet its file name and the number and hash of its addresses, but no part of the wallet
itself.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from catalogue.naming import bare_name
from clients.deployed_nodes import DeployedNode
from clients.fingerprint import NOTHING, Fingerprint, from_lines, lines
from display.units import count_of, since
from wallets.backups.format import Backup
from wallets.backups.ssh_folder import SSH

_FUTURE = timedelta(minutes=10)
"""Maximum time that a backup may be ahead of this machine's clock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One backup whose file was parsed after it was written."""

    time: datetime
    fingerprint: str
    sha256: str
    """SHA-256 of the file."""
    file: str
    """Path or ssh:// address."""
    recipients: Sequence[str] = ()
    """Public keys of its recipients; empty if an earlier version recorded it, or if it is not encrypted."""
    wallets: Fingerprint = field(default_factory=lambda: NOTHING)
    """Numbers and hashes of its addresses, by wallet; empty if an earlier version recorded it."""

    @property
    def is_gone(self) -> bool:
        """True if the file was on this machine and no longer is."""
        return not self.file.startswith(SSH) and not Path(self.file).exists()


def remember(folder: Path, node: DeployedNode, backup: Backup, wallets: Fingerprint = NOTHING) -> None:
    """Record a good backup of a node's wallets."""
    path = _path(folder, node)
    facts = backup.about
    noted = {
        "wallet": node.wallet,
        "engine": node.engine,
        "time": facts.time.isoformat(),
        "fingerprint": facts.fingerprint,
        "sha256": backup.sha256,
        "file": backup.name,
        "recipients": [*facts.recipients],
        "wallets": [*lines(wallets)],
    }
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(noted, indent=1) + "\n")
    partial.replace(path)


def recorded(folder: Path, node: DeployedNode) -> Record | None:
    """Newest recorded backup of a node; None if it is of another wallet, or there is none."""
    try:
        noted = json.loads(_path(folder, node).read_text())
        if (noted["wallet"], noted["engine"]) != (node.wallet, node.engine):
            return None
        return Record(
            time=datetime.fromisoformat(noted["time"]),
            fingerprint=noted["fingerprint"],
            sha256=noted["sha256"],
            file=noted["file"],
            recipients=tuple(noted.get("recipients") or ()),
            wallets=from_lines(noted.get("wallets") or ()),
        )
    except (OSError, ValueError, LookupError, TypeError):
        return None


def has_records(folder: Path, stack: str) -> bool:
    """True if any backup of a stack's nodes is recorded."""
    return (folder / bare_name(stack)).is_dir()


def _path(folder: Path, node: DeployedNode) -> Path:
    return folder / bare_name(node.stack) / f"{node.name}.json"


def is_in_future(time: datetime) -> bool:
    """True if a backup was made later than this machine's clock says, so one of the two clocks was wrong."""
    return datetime.now(UTC) - time < -_FUTURE


def age(time: datetime) -> str:
    """Age of a time in words: `3 days old`."""
    if is_in_future(time):
        return "in the future: check the clocks"
    hours = max(0, int((datetime.now(UTC) - time).total_seconds() // 3600))
    if hours < 1:
        return "less than an hour old"
    number, unit = (hours, "hour") if hours < 48 else (hours // 24, "day")
    return f"{count_of(number, unit)} old"


def short_age(time: datetime) -> str:
    """Age of a time for a column: `3 d`."""
    return "in the future" if is_in_future(time) else since((datetime.now(UTC) - time).total_seconds())


def is_too_old(time: datetime, limit: int | None) -> bool:
    """True if a backup is older than `limit` days, or has a time in the future."""
    too_old = limit is not None and datetime.now(UTC) - time > timedelta(days=limit)
    return is_in_future(time) or too_old


def newest_backup(
    folder: Path, node: DeployedNode, limit: int | None, recipients: Sequence[str] = ()
) -> tuple[str, bool]:
    """Description of a node's newest recorded backup, and True if it needs attention.

    A backup does if it is gone, has a time in the future, breaks the stack's rules, or can't be read by a
    recipient of the stack, because who reads the next one should not go unnoticed.
    """
    record, asked = recorded(folder, node), f"the stack requires one every {days(limit)}" if limit else ""
    if record is None:
        description = f"no backup is known here (`{node.wallet_command('backup')}`)"
        return (f"{description}, and {asked}" if asked else description), bool(limit)
    if record.is_gone:
        return f"the newest known backup is gone: {record.file}", True
    description = f"backup {age(record.time)}, fingerprint {record.fingerprint}: {record.file}"
    readers = _new_readers(record, recipients)
    if is_too_old(record.time, limit):
        again = f"{asked or 'create another'} (`{node.wallet_command('backup')}`)"
        return f"{description}; {again}{readers}", True
    return f"{description}{readers}", bool(readers)


def _new_readers(record: Record, recipients: Sequence[str]) -> str:
    """Recipients of the stack that a recorded backup does not have, as the end of a sentence; or empty."""
    new = [key for key in recipients if key not in record.recipients] if record.recipients else []
    if not new:
        return ""
    keys = f"{', '.join(new)}, {'a recipient' if len(new) == 1 else 'recipients'} of the stack since then"
    return f"; the next one will also be readable by {keys}"


def days(number: int) -> str:
    """Number of days, as it follows `every` in messages."""
    return "day" if number == 1 else f"{number} days"
