"""Parser of wallets, as strict as the node's, except that it compares no key with its address."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_FIELDS = {
    "address": re.compile(r"[1-9A-HJ-NP-Za-km-z]*"),
    "public_key": re.compile(r"0[23][0-9a-fA-F]{64}"),
    "secret_key": re.compile(r"([0-9a-fA-F]{64})?"),
}
"""Field of an entry → values that the node accepts; clients/wallet-fingerprint.sh has the same patterns."""


def parsed(data: bytes) -> Mapping[str, Any]:
    """Parse a wallet: the first JSON value of a file, since the node reads nothing after it.

    Raises ValueError or RecursionError if it is not an object whose `meta` has a type, or if an entry has a
    value that the node refuses.
    """
    value: Any
    value, _ = json.JSONDecoder().raw_decode(data.decode(errors="replace").lstrip(" \t\r\n"))
    if not isinstance(value, dict):
        raise ValueError("not a wallet")
    meta = value.get("meta")
    if not isinstance(meta, dict) or not meta.get("type"):
        raise ValueError("not a wallet")
    for entry in _entries(value):
        for name, form in _FIELDS.items():
            if name in entry and not form.fullmatch(str(entry[name])):
                raise ValueError(f"not a valid {name}")
    return value


def _entries(part: Any) -> Iterator[Mapping[str, Any]]:
    """Yield entries at any depth: v0.27.1 has one list of them, later versions one per chain."""
    parts = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for inner in parts:
        yield from _entries(inner)
    if isinstance(part, dict):
        entries = part.get("entries")
        yield from (
            (entry for entry in entries if isinstance(entry, dict)) if isinstance(entries, list) else ()
        )
