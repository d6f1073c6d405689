"""The form of a backup file: a header in clear, then an age file with the wallets in a tar archive.

The header says what can be known without a key, and how the wallets are got out without this program.
All of it is repeated inside, where it is encrypted with them: only a key shows that it is true. age
authenticates no sender: whoever knows a recipient can make a file for it.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from clients import age
from clients.fingerprint import digest
from wallets.contents import (
    Contents,
    File,
    pack,
    refuse_unrestorable,
    unpack,
    unpack_archive,
    wallets_in,
    without_links,
)
from wallets.errors import WalletError
from wallets.losses import fingerprint_of_whole

ENCRYPTED, PLAIN = ".backup", ".tar.gz"
"""How the names of backup files end; a plain one is a gzipped tar archive of the wallets, and no more."""

_FIRST = "skyinfra wallet backup 1"
_LARGEST_HEADER = 256 * 1024
_STAMP = "%Y-%m-%dT%H-%M-%SZ"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_ABOUT, _FOLDER = "backup.json", "wallet/"
"""Names in the archive: what the header says, and the folder of the wallets."""
_NAME = re.compile(
    r"(?P<node>.+)-wallet-(?P<time>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)(?P<before>-before-restore)?"
)
_NOTE = """\

A backup of a Skycoin node's wallets, encrypted by age (https://age-encryption.org) to the recipients above.
To get the wallets out without skyinfra, on a machine with tail, age and tar, and a secret key in key.txt:
    tail -n +{line} THIS-FILE | age --decrypt --identity key.txt | tar -xz
It makes the folder wallet, and backup.json, which says the same as the lines above. The last line before
the encrypted part is the SHA-256 of this file without that line.
"""


class Kind(StrEnum):
    """Why a backup was made."""

    BACKUP = "backup"
    BEFORE_RESTORE = "before-restore"
    """Keeps what a restore found in the volume: never taken for a good backup of the node."""


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """Facts of one backup."""

    node: str
    stack: str
    """Name without organization and project; empty where an old file does not say it."""
    host: str
    kind: Kind
    time: datetime
    wallets: int
    fingerprint: str
    """Digest of clients/fingerprint.py."""
    contents: str
    """SHA-256 over the files, their names included."""
    recipients: Sequence[str] = ()
    """Public keys that it is encrypted to; none for a plain one."""

    @property
    def file_name(self) -> str:
        """Name of its file."""
        before = f"-{self.kind}" if self.kind is Kind.BEFORE_RESTORE else ""
        suffix = ENCRYPTED if self.recipients else PLAIN
        return f"{self.node}-wallet-{self.time:{_STAMP}}{before}{suffix}"

    def lines(self) -> list[str]:
        """What the header says, and what is repeated inside."""
        return [
            f"node: {self.node}",
            f"stack: {self.stack}",
            f"host: {self.host}",
            f"kind: {self.kind}",
            f"time: {self.time:{_TIME}}",
            f"wallets: {self.wallets}",
            f"fingerprint: {self.fingerprint}",
            f"contents-sha256: {self.contents}",
            *(f"recipient: {one}" for one in self.recipients),
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """A backup file that is whole as far as that can be seen without a key."""

    name: str
    """File or address, as it was given."""
    about: About
    sha256: str
    """Of the file."""
    payload: bytes
    """Encrypted part, or the whole of a plain file."""

    @property
    def is_encrypted(self) -> bool:
        """False for a plain archive, whose wallets anybody can read."""
        return bool(self.about.recipients)


def about(
    contents: Contents, *, node: str, stack: str, host: str, kind: Kind, recipients: Sequence[str]
) -> About:
    """Facts of a backup that is made now."""
    return About(
        node=node,
        stack=bare(stack),
        host=host,
        kind=kind,
        time=datetime.now(UTC).replace(microsecond=0),
        wallets=len(wallets_in(contents)),
        fingerprint=fingerprint(contents),
        contents=_sum(contents),
        recipients=recipients,
    )


def bare(stack: str) -> str:
    """Last part of a stack's name such as `organization/skycoin/fleet`."""
    return stack.rpartition("/")[2]


def fingerprint(contents: Contents) -> str:
    """Digest over the whole wallets. Raises WalletError."""
    return digest(fingerprint_of_whole(contents))


def _sum(contents: Contents) -> str:
    """SHA-256 over the hash of each file and its name: `sha256sum` of all of them, sorted by name."""
    lines = [f"{hashlib.sha256(file.data).hexdigest()}  {path}\n" for path, file in sorted(contents.items())]
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def seal(facts: About, contents: Contents) -> bytes:
    """The backup as a file's bytes: encrypted where it has recipients. Raises ServiceError."""
    if not facts.recipients:
        return pack(contents)
    inside = {_ABOUT: File(data=json.dumps(facts.lines(), indent=1).encode())}
    archive = pack(inside | {f"{_FOLDER}{path}": file for path, file in contents.items()})
    top = "\n".join([_FIRST, *facts.lines()]) + "\n"
    lines = top.count("\n") + _NOTE.count("\n") + 1  # and the checksum's
    head = (top + _NOTE.format(line=lines + 1)).encode()
    encrypted = age.encrypt(archive, facts.recipients)
    return head + f"sha256: {_digest(head, encrypted)}\n".encode() + encrypted


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()


def read(name: str, data: bytes) -> Backup:
    """A backup file, looked at without a key. Raises WalletError where it is none, or is not whole."""
    if data.startswith(f"{_FIRST}\n".encode()):
        return _read_sealed(name, data)
    if not data.startswith(b"\x1f\x8b"):
        found = "is empty" if not data else "is not a whole backup"
        raise WalletError(f"{name} {found}: it begins neither as a backup does nor as a .tar.gz")
    contents = unpack(name, data)
    return Backup(name=name, about=_about_plain(name, contents), sha256=_digest(data), payload=data)


def node_and_time(name: str) -> tuple[str, str] | None:
    """Node and time that the name of a backup file says; None where it has another form."""
    match = _NAME.fullmatch(name.removesuffix(PLAIN).removesuffix(ENCRYPTED))
    return (match["node"], match["time"]) if match else None


def _about_plain(name: str, contents: Contents) -> About:
    """Facts of a plain archive: its name says what no header does."""
    match = _NAME.fullmatch(name.rpartition("/")[2].removesuffix(PLAIN))
    if match is None:
        when = max(file.modified for file in contents.values())
        return _plain(contents, "", datetime.fromtimestamp(when, UTC), Kind.BACKUP)
    kind = Kind.BEFORE_RESTORE if match["before"] else Kind.BACKUP
    return _plain(contents, match["node"], _parsed_time(match["time"], _STAMP), kind)


def _plain(contents: Contents, node: str, time: datetime, kind: Kind) -> About:
    return About(
        node=node,
        stack="",
        host="",
        kind=kind,
        time=time,
        wallets=len(wallets_in(contents)),
        fingerprint=fingerprint(contents),
        contents=_sum(contents),
    )


def _parsed_time(text: str, form: str) -> datetime:
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def _read_sealed(name: str, data: bytes) -> Backup:
    head, found, rest = data[:_LARGEST_HEADER].partition(b"\n" + age.MAGIC)
    top, _, last = head.rpartition(b"\n")
    if not found or not last.startswith(b"sha256: "):
        raise WalletError(f"{name} is not a whole backup: it was cut short in its header")
    payload = age.MAGIC + rest + data[_LARGEST_HEADER:]
    if _digest(top + b"\n", payload) != last.removeprefix(b"sha256: ").decode(errors="replace"):
        raise WalletError(f"{name} is not a whole backup: it was cut short or changed (SHA-256)")
    try:
        facts = _parsed(top.decode().partition("\n\n")[0].splitlines()[1:])
    except ValueError:
        raise WalletError(f"{name}: its header is not one of this version's") from None
    return Backup(name=name, about=facts, sha256=_digest(data), payload=payload)


def _parsed(lines: Sequence[str]) -> About:
    """Facts of a header. Raises ValueError where it is another."""
    pairs = [line.partition(": ")[::2] for line in lines]
    values = dict(pairs)
    try:
        facts = About(
            node=values["node"],
            stack=values["stack"],
            host=values["host"],
            kind=Kind(values["kind"]),
            time=_parsed_time(values["time"], _TIME),
            wallets=int(values["wallets"]),
            fingerprint=values["fingerprint"],
            contents=values["contents-sha256"],
            recipients=[value for key, value in pairs if key == "recipient"],
        )
    except KeyError as error:
        raise ValueError(f"no {error}") from None
    if facts.lines() != list(lines) or not facts.recipients:
        raise ValueError("other lines")
    return facts


def open_backup(backup: Backup, identities: Sequence[age.Identity]) -> dict[str, File]:
    """Wallets of a backup, once its header has proved true. Raises WalletError, and AgeError of its file."""
    name = backup.name
    if not backup.is_encrypted:
        return unpack(name, backup.payload)
    if not identities:
        raise WalletError(
            f"{name} is encrypted: give the secret key of one of its recipients (--identity FILE)"
        )
    try:
        archive = age.decrypt(backup.payload, identities)
    except age.AgeError as error:
        raise WalletError(f"{name}: {error}") from None
    if archive is None:
        raise WalletError(
            f"{name} is encrypted to {', '.join(backup.about.recipients)}, and no identity that was given is "
            "one of theirs"
        )
    files = unpack_archive(name, archive)
    contents = {path.removeprefix(_FOLDER): file for path, file in files.items() if path.startswith(_FOLDER)}
    _refuse_untrue(backup, files.get(_ABOUT), contents)
    refuse_unrestorable(name, contents)
    return without_links(contents)


def _refuse_untrue(backup: Backup, inside: File | None, contents: Contents) -> None:
    """Raise WalletError where the header says something else than what was encrypted with the wallets."""
    facts = backup.about
    try:
        said = json.loads(inside.data) if inside else None
    except ValueError:
        said = None
    if said != facts.lines():
        raise WalletError(f"{backup.name}: its header was changed: inside it says something else")
    if (facts.contents, facts.fingerprint, facts.wallets) != (
        _sum(contents),
        fingerprint(contents),
        len(wallets_in(contents)),
    ):
        raise WalletError(f"{backup.name}: its wallets are not those that its header names")
