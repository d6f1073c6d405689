"""Temporary copies of a wallet that the node writes during a save; a complete one can be restored.

Pure functions.

A crash can leave one next to a damaged wallet (docs/wallets.md, “A crash while a wallet is saved”).
"""

import hashlib
from collections.abc import Mapping

from clients.fingerprint import saved_by
from wallets.errors import WalletError
from wallets.files.contents import Contents, File, damaged


def temporary_copies(contents: Contents) -> dict[str, str]:
    """Temporary copy → its wallet file; only copies that match the hash in their name and can be parsed."""
    return {
        path: file
        for path, (file, digits) in ((path, saved_by(path)) for path in sorted(contents))
        if file and "/" not in path and hashlib.sha256(contents[path].data).hexdigest().startswith(digits)
        if not damaged({file: contents[path]})
    }


def restored_wallet(name: str, contents: Contents) -> Mapping[str, File]:
    """The wallet file of a temporary copy, with the copy's content. Raises WalletError."""
    copies = temporary_copies(contents)
    if name not in copies:
        known = ", ".join(copies) or "none"
        raise WalletError(
            f"{name!r} is not a complete temporary copy in the wallet volume; its copies are: {known}. "
            "Nothing was changed"
        )
    return {copies[name]: contents[name]}
