"""Backup files on the operator's machine: dated, for their owner's eyes only, never overwritten."""

import os
from datetime import UTC, datetime
from pathlib import Path

from wallets.errors import WalletError

FOLDER = Path("skycoin-wallets")
"""In the home folder, where no folder is given."""


def default_folder() -> Path:
    """Folder of backups: outside the checkout and the set-up's state, which may be removed."""
    return Path.home() / FOLDER


def keep(folder: Path, name: str, backup: bytes) -> Path:
    """Write a backup as a new file of mode 0600, whole or not at all. Raises WalletError."""
    path = folder / name
    partial = folder / f".{name}.{os.getpid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(backup)
                file.flush()
                os.fsync(file.fileno())
            _link(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        _sync(folder)
    except OSError as error:
        raise WalletError(f"{path} can't be written: {error.strerror}. No backup was made there") from None
    return path


def _link(partial: Path, path: Path) -> None:
    """Give the file its name; unlike a rename, that fails where there is such a file already."""
    try:
        try:
            os.link(partial, path)
        except PermissionError:  # as on FAT, which knows no links: then it is moved, to a name that is free
            path.open("x").close()
            partial.replace(path)
    except FileExistsError:
        raise WalletError(f"{path} is there already, and a backup is never overwritten: try again") from None


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load(path: Path) -> bytes:
    """A backup's bytes. Raises WalletError where it can't be read."""
    if path.exists() and not path.is_file():
        raise WalletError(f"{path} is not a file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise WalletError(f"{path} can't be read: {error.strerror}") from None


def stamp() -> str:
    """The time in UTC as the names of backups and copies have it: `2026-11-25T18-00-00Z`."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}"
