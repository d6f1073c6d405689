"""Encryption to age recipients and decryption with age identities, through the Rust library (pyrage).

Supported keys are X25519, and ssh's ed25519 and RSA without a passphrase. Plugins, such as those of hardware
keys, work only in the program `age`. pyrage is imported where it is used, because most commands
never need it.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from clients.errors import ServiceError

MAGIC = b"age-encryption.org/v1\n"
"""First line of an encrypted file that is not armored (C2SP, age.md)."""
_ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"

SECRET_KEY = re.compile(r"AGE-(SECRET-KEY|PLUGIN)-|PRIVATE KEY", re.IGNORECASE)
"""Pattern of text that is a secret key and must not be shown."""

ALLOWED = "a recipient is a public key: age1… as `age-keygen` prints it, or ssh-ed25519 … or ssh-rsa …"

Identity: TypeAlias = Any
"""Secret key, in one of the types of pyrage."""


class AgeError(ServiceError):
    """A key, or a file with keys or encrypted data, can't be used; the message never contains a secret."""


def _library() -> ModuleType:
    import pyrage  # noqa: PLC0415 3 MB that most commands never need

    return pyrage  # type: ignore[no-any-return]


def _parsed(recipient: str) -> Any:
    """Parse a recipient with the library. Raises AgeError, which never repeats the text."""
    library = _library()
    if SECRET_KEY.search(recipient):
        raise AgeError(
            "that is a secret key, which must not be stored on this machine; "
            "`age-keygen -y FILE` prints its public key"
        )
    kind = library.ssh if recipient.startswith("ssh-") else library.x25519
    try:
        return kind.Recipient.from_str(recipient)
    except library.RecipientError as error:
        raise AgeError(f"{ALLOWED} ({error})") from None


def recipient_fault(text: str) -> str | None:
    """Reason why a text is not a recipient, which does not repeat the text; None if it is one."""
    try:
        _parsed(text)
    except AgeError as error:
        return str(error)
    return None


def without_comment(recipient: str) -> str:
    """Key without the comment that may follow an ssh key."""
    return " ".join(recipient.split()[:2])


def encrypt(data: bytes, recipients: Sequence[str]) -> bytes:
    """Encrypt data as an age file that each of the recipients can read. Raises AgeError."""
    encrypted: bytes = _library().encrypt(data, [_parsed(recipient) for recipient in recipients])
    return encrypted


def decrypt(encrypted: bytes, identities: Sequence[Identity]) -> bytes | None:
    """Decrypt an age file; None if it is encrypted to none of the identities. Raises AgeError."""
    library = _library()
    try:
        data: bytes = library.decrypt(encrypted, list(identities))
    except library.DecryptError as error:
        if "No matching keys" in str(error):
            return None
        raise AgeError(f"it can't be decrypted: {error}") from None
    return data


def identities(name: str, text: bytes, passphrase: Callable[[], str]) -> list[Identity]:
    """Read the secret keys in the text of an identity file; call `passphrase` if age has encrypted the file.
    Raises AgeError with the file's name, never with its text.
    """
    library = _library()
    if text.startswith((MAGIC, _ARMOR)):
        try:
            text = library.passphrase.decrypt(text, passphrase())
        except library.DecryptError:
            raise AgeError(f"{name}: wrong passphrase, or not an encrypted identity file") from None
    if b"PRIVATE KEY-----" in text:
        return [_ssh_identity(name, text)]
    lines = [line.strip() for line in text.decode(errors="replace").splitlines()]
    return _x25519_identities(name, [line for line in lines if line and not line.startswith("#")])


def _ssh_identity(name: str, text: bytes) -> Identity:
    library = _library()
    try:
        return library.ssh.Identity.from_buffer(text)
    except library.IdentityError as error:
        raise AgeError(
            f"{name}: {error}. An ssh key must be ed25519 or RSA, without a passphrase; use a key that has "
            "one with `age` itself, as the note in a backup describes"
        ) from None


def _x25519_identities(name: str, lines: Sequence[str]) -> list[Identity]:
    library = _library()
    if not lines:
        raise AgeError(f"{name} contains no identity: give a file that `age-keygen -o` has created")
    if any(line.startswith("AGE-PLUGIN-") for line in lines):
        raise AgeError(
            f"{name} needs a plugin of age, which is not supported: give a file that `age-keygen -o` has "
            "created, or an ssh key without a passphrase"
        )
    try:
        return [library.x25519.Identity.from_str(line) for line in lines]
    except library.IdentityError:
        raise AgeError(
            f"{name} is not an identity file: each line is AGE-SECRET-KEY-1…, as `age-keygen -o` writes it"
        ) from None


def read_recipients(path: Path) -> list[str]:
    """Recipients in a file, one per line; lines that begin with `#` are comments, as in `age -R`.

    The comments of ssh keys are left out. Raises AgeError.
    """
    try:
        lines = [line.strip() for line in path.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise AgeError(f"{path} can't be read: {reason}") from None
    recipients = [line for line in lines if line and not line.startswith("#")]
    if not recipients:
        raise AgeError(f"{path} contains no recipient; {ALLOWED}")
    for number, line in enumerate(recipients, 1):
        if fault := recipient_fault(line):
            raise AgeError(f"{path}, recipient {number}: {fault}")
    return [without_comment(line) for line in recipients]
