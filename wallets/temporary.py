"""Temporary copies that the node makes of a wallet while it saves it: whole ones are a way back. Pure.

A crash can leave one beside a torn wallet (docs/wallets.md, “A crash while a wallet is saved”).
"""

import hashlib
from collections.abc import Mapping

from clients.fingerprint import saved_by
from wallets.contents import Contents, File, damaged
from wallets.errors import WalletError


def temporary_copies(contents: Contents) -> dict[str, str]:
    """Copy → the file that it is of; those alone that are whole, as their names and the parser say."""
    return {
        path: file
        for path, (file, digits) in ((path, saved_by(path)) for path in sorted(contents))
        if file and "/" not in path and hashlib.sha256(contents[path].data).hexdigest().startswith(digits)
        if not damaged({file: contents[path]})
    }


def taken(name: str, contents: Contents) -> Mapping[str, File]:
    """The file that a temporary copy is of, as the copy has it. Raises WalletError."""
    copies = temporary_copies(contents)
    if name not in copies:
        known = ", ".join(copies) or "none"
        raise WalletError(
            f"{name!r} is no whole temporary copy in the wallet volume; its copies are: {known}. Nothing was "
            "changed"
        )
    return {copies[name]: contents[name]}
