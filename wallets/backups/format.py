"""The format of wallet backups: a file sealed to recipients (sealed.py), or a plain archive.

A header can be verified only with a key. age does not authenticate the sender: anyone who knows a recipient
can create a file for it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from catalogue.naming import bare_name
from clients import age
from clients.fingerprint import digest
from wallets.backups import sealed
from wallets.backups.sealed import Form, Sealed, contents_sum, recipient_lines, sha256
from wallets.errors import WalletError
from wallets.files.archives import pack, unpack
from wallets.files.contents import Contents, File, refuse_unrestorable, wallets_in, without_links
from wallets.files.losses import fingerprint_of_whole

ENCRYPTED, PLAIN = ".backup", ".tar.gz"
"""Suffixes of backup files; a plain one is just a gzipped tar archive of the wallets."""

_NAME = re.compile(
    r"(?P<node>.+)-wallet-(?P<time>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)(?P<before>-before-restore)?"
)
_FORM = Form(
    first="skyinfra wallet backup 1",
    holds="A backup of a Skycoin node's wallets",
    what="the wallets",
    folder="wallet",
)


class Kind(StrEnum):
    """Reason for a backup."""

    BACKUP = "backup"
    BEFORE_RESTORE = "before-restore"
    """Backup of a volume's content before a restore; it never counts as a good backup of the node."""


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """Facts of one backup."""

    node: str
    stack: str
    """Name without organization and project; empty for a plain archive, which does not state it."""
    host: str
    kind: Kind
    time: datetime
    wallets: int
    fingerprint: str
    """Digest defined in clients/fingerprint.py."""
    contents: str
    """SHA-256 over the files and their names."""
    recipients: Sequence[str] = ()
    """Public keys of the recipients; empty for a plain backup."""

    @property
    def file_name(self) -> str:
        """Name of the backup's file."""
        before = f"-{self.kind}" if self.kind is Kind.BEFORE_RESTORE else ""
        suffix = ENCRYPTED if self.recipients else PLAIN
        return f"{self.node}-wallet-{self.time:{sealed.STAMP}}{before}{suffix}"

    def lines(self) -> list[str]:
        """Facts of the header, which are repeated inside."""
        return [
            f"node: {self.node}",
            f"stack: {self.stack}",
            f"host: {self.host}",
            f"kind: {self.kind}",
            f"time: {self.time:{sealed.TIME}}",
            f"wallets: {self.wallets}",
            f"fingerprint: {self.fingerprint}",
            f"contents-sha256: {self.contents}",
            *recipient_lines(self.recipients),
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """A backup file that passed all checks that need no key."""

    name: str
    """File or address as given."""
    about: About
    sha256: str
    """SHA-256 of the file."""
    payload: bytes
    """Encrypted part, or all of a plain file."""

    @property
    def is_encrypted(self) -> bool:
        """False for a plain archive, whose wallets anyone can read."""
        return bool(self.about.recipients)


def about(
    contents: Contents, *, node: str, stack: str, host: str, kind: Kind, recipients: Sequence[str]
) -> About:
    """Facts of a new backup."""
    return About(
        node=node,
        stack=bare_name(stack),
        host=host,
        kind=kind,
        time=datetime.now(UTC).replace(microsecond=0),
        wallets=len(wallets_in(contents)),
        fingerprint=fingerprint(contents),
        contents=contents_sum(contents),
        recipients=recipients,
    )


def fingerprint(contents: Contents) -> str:
    """Digest over complete wallets. Raises WalletError."""
    return digest(fingerprint_of_whole(contents))


def seal(facts: About, contents: Contents) -> bytes:
    """Content of a backup file, encrypted if there are recipients. Raises UserError."""
    if not facts.recipients:
        return pack(contents)
    return sealed.seal(_FORM, facts.lines(), contents, facts.recipients)


def read(name: str, data: bytes) -> Backup:
    """Parse a backup file without a key. Raises WalletError if it is not one, or is incomplete."""
    if (sealed_file := sealed.read(_FORM, name, data)) is not None:
        return Backup(
            name=name,
            about=sealed_file.facts(_parsed),
            sha256=sealed_file.sha256,
            payload=sealed_file.payload,
        )
    if not data.startswith(b"\x1f\x8b"):
        kind = "is empty" if not data else "is not a complete backup"
        raise WalletError(f"{name} {kind}: it begins neither like a backup nor like a .tar.gz")
    contents = unpack(name, data)
    return Backup(name=name, about=_about_plain(name, contents), sha256=sha256(data), payload=data)


def node_and_time(name: str) -> tuple[str, str] | None:
    """Node and time in the name of a backup file; None if it has another form."""
    match = _NAME.fullmatch(name.removesuffix(PLAIN).removesuffix(ENCRYPTED))
    return (match["node"], match["time"]) if match else None


def misnamed(backup: Backup) -> str:
    """Message for an encrypted backup that has another backup's name; otherwise empty."""
    base = backup.name.rpartition("/")[2]
    own = backup.about.file_name
    if node_and_time(base) is None or base == own or not backup.is_encrypted:
        return ""
    return f"its header counts, not its name: {own}"


def _about_plain(name: str, contents: Contents) -> About:
    """Facts of a plain archive, which has no header. Raises WalletError if its time is impossible."""
    try:
        return _of_name(name, contents)
    except (ValueError, OverflowError, OSError):
        raise WalletError(
            f"{name}: the time in its name, or of one of its files, is impossible. Rename it like "
            "NODE-wallet-2026-01-31T00-00-00Z.tar.gz"
        ) from None


def _of_name(name: str, contents: Contents) -> About:
    """Facts of a plain archive from its name, or else from its files."""
    match = _NAME.fullmatch(name.rpartition("/")[2].removesuffix(PLAIN))
    if match is None:
        when = max(file.modified for file in contents.values())
        return _plain(contents, "", datetime.fromtimestamp(when, UTC), Kind.BACKUP)
    kind = Kind.BEFORE_RESTORE if match["before"] else Kind.BACKUP
    return _plain(contents, match["node"], sealed.parsed_time(match["time"], sealed.STAMP), kind)


def _plain(contents: Contents, node: str, time: datetime, kind: Kind) -> About:
    return About(
        node=node,
        stack="",
        host="",
        kind=kind,
        time=time,
        wallets=len(wallets_in(contents)),
        fingerprint=fingerprint(contents),
        contents=contents_sum(contents),
    )


def _parsed(values: Mapping[str, str], recipients: Sequence[str]) -> About:
    return About(
        node=values["node"],
        stack=values["stack"],
        host=values["host"],
        kind=Kind(values["kind"]),
        time=sealed.parsed_time(values["time"], sealed.TIME),
        wallets=int(values["wallets"]),
        fingerprint=values["fingerprint"],
        contents=values["contents-sha256"],
        recipients=recipients,
    )


def open_backup(backup: Backup, identities: Sequence[age.Identity]) -> dict[str, File]:
    """Wallets of a backup, after verifying its header. Raises WalletError."""
    name = backup.name
    if not backup.is_encrypted:
        return unpack(name, backup.payload)
    file = Sealed(name=name, lines=backup.about.lines(), payload=backup.payload, sha256=backup.sha256)
    contents = sealed.unseal(_FORM, file, identities)
    _refuse_untrue(backup, contents)
    refuse_unrestorable(name, contents)
    return without_links(contents)


def _refuse_untrue(backup: Backup, contents: Contents) -> None:
    """Raise WalletError if the header describes wallets other than those inside."""
    facts = backup.about
    if (facts.contents, facts.fingerprint, facts.wallets) != (
        contents_sum(contents),
        fingerprint(contents),
        len(wallets_in(contents)),
    ):
        raise WalletError(f"{backup.name}: its wallets differ from those in its header")
