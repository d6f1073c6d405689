"""A sealed file: a plain-text header, then an age file with a gzipped tar archive. Backups have this form.

The header has the facts that may be known without a key, and explains how to extract the content without this
program. It is repeated inside, encrypted with the content, because only a key can show that it is true.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from clients import age
from wallets.errors import WalletError
from wallets.files.archives import USER, pack, unpack_archive
from wallets.files.contents import Contents, File


class _Lines(Protocol):
    def lines(self) -> list[str]:
        """Lines of the header."""


Facts = TypeVar("Facts", bound=_Lines)

STAMP = "%Y-%m-%dT%H-%M-%SZ"
"""Format of a time in a file's name."""
TIME = "%Y-%m-%dT%H:%M:%SZ"
"""Format of a time in a header."""
_LARGEST_HEADER = 256 * 1024
_ABOUT = "backup.json"
"""File in the archive that repeats the header."""
_KIND = re.compile(rb"skyinfra [a-z-]+ backup \d+(?=\n)")
_NOTE = """\

{holds}, encrypted by age (https://age-encryption.org) to the recipients above.
To get {what} out without skyinfra, on a machine with tail, age and tar, and a secret key in key.txt:
    tail -n +{line} THIS-FILE | age --decrypt --identity key.txt | tar -xz
It makes the folder {folder}, and backup.json, which says the same as the lines above. The last line before
the encrypted part is the SHA-256 of this file without that line.
{more}"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """One kind of sealed file."""

    first: str
    """First line: `skyinfra KIND backup VERSION`."""
    holds: str
    """Beginning of its note: `A backup of …`."""
    what: str
    """Description of the content."""
    folder: str
    """Folder in the archive that has the content."""
    more: str = ""
    """Further lines of its note."""
    owner: int = USER
    """Owner of the files in the archive when root unpacks them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealed:
    """A sealed file that passed all checks that need no key."""

    name: str
    """File or address as given."""
    lines: Sequence[str]
    """Lines of the header."""
    payload: bytes
    """Encrypted part."""
    sha256: str
    """SHA-256 of the file."""

    def facts(self, parsed: Callable[[Mapping[str, str], Sequence[str]], Facts]) -> Facts:
        """Facts of the header, converted by `parsed` from its values and recipients. Raises WalletError.

        `parsed` raises ValueError or KeyError for a header of another form.
        """
        try:
            facts = parsed(dict(line.split(": ", 1) for line in self.lines), self.recipients)
        except (ValueError, KeyError):
            facts = None
        if facts is None or facts.lines() != list(self.lines) or not self.recipients:
            raise WalletError(f"{self.name}: its header does not have this version's form")
        return facts

    @property
    def recipients(self) -> list[str]:
        """Public keys of the recipients."""
        return [line.removeprefix(_RECIPIENT) for line in self.lines if line.startswith(_RECIPIENT)]


_RECIPIENT = "recipient: "


def recipient_lines(recipients: Sequence[str]) -> list[str]:
    """Header lines that name the recipients."""
    return [f"{_RECIPIENT}{recipient}" for recipient in recipients]


def parsed_time(text: str, form: str) -> datetime:
    """Parse a time in UTC. Raises ValueError."""
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def contents_sum(contents: Contents) -> str:
    """SHA-256 over the lines that `sha256sum` prints for all files, sorted by name."""
    lines = [f"{hashlib.sha256(file.data).hexdigest()}  {path}\n" for path, file in sorted(contents.items())]
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def sha256(*parts: bytes) -> str:
    """SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(b"".join(parts)).hexdigest()


def seal(form: Form, lines: Sequence[str], contents: Contents, recipients: Sequence[str]) -> bytes:
    """Bytes of a sealed file. Raises AgeError if a recipient is not valid, WalletError if it is too large."""
    inside = {_ABOUT: File(data=json.dumps(lines, indent=1).encode())}
    archive = pack(inside | {f"{form.folder}/{path}": file for path, file in contents.items()}, form.owner)
    top = "\n".join([form.first, *lines]) + "\n"
    words = {"holds": form.holds, "what": form.what, "folder": form.folder, "more": form.more}
    count = top.count("\n") + _NOTE.format(**words, line=0).count("\n") + 1  # and the checksum's line
    head = (top + _NOTE.format(**words, line=count + 1)).encode()
    encrypted = age.encrypt(archive, recipients)
    return head + f"sha256: {sha256(head, encrypted)}\n".encode() + encrypted


def read(form: Form, name: str, data: bytes) -> Sealed | None:
    """Parse a sealed file without a key; None if its first line shows that it is not one.

    Raises WalletError if it is incomplete, or of another form.
    """
    kind = _KIND.match(data)
    if kind is None:
        return None
    if kind[0] != form.first.encode():
        raise WalletError(
            f"{name} begins with “{kind[0].decode()}” and not with “{form.first}”: it is a backup of "
            "something else, or of another version"
        )
    head, separator, rest = data[:_LARGEST_HEADER].partition(b"\n" + age.MAGIC)
    top, _, last = head.rpartition(b"\n")
    if not separator or not last.startswith(b"sha256: "):
        raise WalletError(f"{name} is not a complete backup: it was truncated in its header")
    payload = age.MAGIC + rest + data[_LARGEST_HEADER:]
    if sha256(top + b"\n", payload) != last.removeprefix(b"sha256: ").decode(errors="replace"):
        raise WalletError(f"{name} is not a complete backup: it was truncated or changed (SHA-256)")
    lines = top.decode(errors="replace").partition("\n\n")[0].splitlines()[1:]
    if not all(line.isprintable() for line in lines):
        raise WalletError(
            f"{name}: its header has characters that can be commands to a terminal, and that this program "
            "never writes: don't trust that file, and find out who wrote it"
        )
    return Sealed(name=name, lines=lines, payload=payload, sha256=sha256(data))


def unseal(form: Form, sealed: Sealed, identities: Sequence[age.Identity]) -> dict[str, File]:
    """Content of a sealed file, after its header was verified. Raises WalletError."""
    name = sealed.name
    if not identities:
        raise WalletError(
            f"{name} is encrypted: give the secret key of one of its recipients (--identity FILE)"
        )
    try:
        archive = age.decrypt(sealed.payload, identities)
    except age.AgeError as error:
        raise WalletError(f"{name}: {error}") from None
    if archive is None:
        raise WalletError(
            f"{name} is encrypted to {', '.join(sealed.recipients)}, but none of the given identities "
            "is one of theirs"
        )
    files = unpack_archive(name, archive)
    if _header_inside(files.get(_ABOUT)) != list(sealed.lines):
        raise WalletError(f"{name}: its header was changed: it contradicts the encrypted content")
    below = f"{form.folder}/"
    return {path.removeprefix(below): file for path, file in files.items() if path.startswith(below)}


def _header_inside(inside: File | None) -> object:
    try:
        return json.loads(inside.data) if inside else None
    except ValueError:
        return None
