"""Short forms of input values, for a line of the page."""

import re
from collections.abc import Mapping

from pulumi.runtime.rpc import UNKNOWN

TO_BE_BUILT = "what would be built"
_SHORT = 40
_COMMIT = re.compile(r"([0-9a-f]{12})[0-9a-f]{28}(-dirty)?")


def short(value: object) -> str:
    """Value for a table's cell; digests are shortened, and possible secrets are hidden."""
    if value == UNKNOWN:  # such as a digest
        return TO_BE_BUILT
    if isinstance(value, Mapping):  # Pulumi's form of a secret, with its ciphertext
        return "not shown"
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value) if value not in (None, "") else "none"
    name, at, digest = text.rpartition("@sha256:")
    if at:
        return f"{name.rpartition('/')[2]}@{digest[:12]}"
    if commit := _COMMIT.fullmatch(text):
        return f"{commit[1]}{commit[2] or ''}"
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 3]}…"


def short_digest(digest: str) -> str:
    """First digits of a digest, without the algorithm."""
    return digest.removeprefix("sha256:")[:12]


def difference(name: str, before: object, after: object) -> str:
    """Describe an input that differs: with the strings that a list loses and gains, or with simple values."""
    if isinstance(before, list) and isinstance(after, list):
        gone = [str(value) for value in before if value not in after and isinstance(value, str)]
        come = [str(value) for value in after if value not in before and isinstance(value, str)]
        return f"{name}: {' '.join(gone) or 'none'} → {' '.join(come) or 'none'}" if gone + come else name
    if before != after and all(isinstance(value, str | int | bool | None) for value in (before, after)):
        return f"{name}: {short(before)} → {short(after)}"
    return name
