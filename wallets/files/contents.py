"""Contents of a wallet volume: files in memory, and checks of them. Pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from wallets.errors import WalletError
from wallets.files.parser import parsed

SUFFIX = "wlt"
"""End of the names of Skycoin's wallet files (`src/wallet/wallet.go` of v0.27.1, WalletExt)."""

STAGING = ".restoring"
"""Folder in a wallet volume for a running restore; if it exists afterwards, the restore was interrupted."""

IDENTITY = ".skyinfra-id"
"""File with the id of a wallet volume; it belongs to the volume and is not part of copies."""


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """One file of a wallet volume."""

    data: bytes
    mode: int = 0o600
    modified: int = 0
    """Seconds since 1970."""
    link: str = ""
    """Target of a symbolic link; links are kept in backups and never restored."""


Contents: TypeAlias = Mapping[str, File]
"""Path relative to the volume → file."""


def wallets_in(contents: Contents) -> list[str]:
    """Paths of the wallet files, sorted; the node reads the ones outside any folder."""
    return sorted(path for path in contents if path.endswith(SUFFIX) and "/" not in path)


def damaged(contents: Contents) -> list[str]:
    """Paths of wallet files that are empty, truncated, or otherwise not what the node writes."""
    return [path for path in wallets_in(contents) if not _is_wallet(contents[path].data)]


def _is_wallet(data: bytes) -> bool:
    try:
        parsed(data)
    except (ValueError, RecursionError):
        return False
    return True


def same(first: Contents, second: Contents) -> bool:
    """True if both have the same files with the same bytes; modes and times are not compared."""
    mine, others = ({path: (file.data, file.link) for path, file in each.items()} for each in (first, second))
    return mine == others


def without_links(contents: Contents) -> dict[str, File]:
    """Files without the symbolic links."""
    return {path: file for path, file in contents.items() if not file.link}


def refuse_unrestorable(name: str, contents: Contents) -> None:
    """Raise WalletError if there is no wallet, if one is incomplete, or if a restore was interrupted."""
    refuse_interrupted(name, contents)
    refuse_damaged(name, contents)
    if not wallets_in(contents):
        raise WalletError(f"{name} holds no wallet (no file name ends with {SUFFIX})")


def without_staged(contents: Contents) -> dict[str, File]:
    """Files outside the folder of an interrupted restore."""
    return {path: file for path, file in contents.items() if path.split("/")[0] != STAGING}


def refuse_interrupted(name: str, contents: Contents) -> None:
    """Raise WalletError if an interrupted restore left wallets outside their final places."""
    if len(without_staged(contents)) < len(contents):
        raise WalletError(f"{name}: a restore was interrupted: run it again to finish it")


def refuse_damaged(name: str, contents: Contents) -> None:
    """Raise WalletError if a wallet file is incomplete."""
    if torn := damaged(contents):
        raise WalletError(f"{name}: {', '.join(torn)}: empty, truncated, or not a wallet")
