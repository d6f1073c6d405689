"""A folder of backups on the operator's machine; its files are private and never overwritten."""

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

from wallets.backups.format import ENCRYPTED, PLAIN
from wallets.errors import WalletError
from wallets.files.archives import LARGEST

FOLDER = Path("skycoin-wallets")
"""Default folder, below the home folder."""

LARGEST_FILE = LARGEST + LARGEST // 100
"""Largest backup as a file, in bytes: gzip and age add less than 0.1 % to what they can't compress."""
_LEFT = 24 * 3600
"""Seconds after which an incomplete file is taken for what a killed run has left."""


def default_folder() -> Path:
    """Default folder of backups, outside the checkout and the set-up's state, which may be removed."""
    return Path.home() / FOLDER


class LocalFolder:
    """Backups in a folder of this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, name: str, backup: bytes) -> str:
        """Write a backup as a new file of mode 0600, completely or not at all; return its path.

        Raises WalletError.
        """
        path = self._path / name
        try:
            self._make_folder()
            self._write(path, backup)
            whole = path.read_bytes() == backup
        except OSError as error:
            raise WalletError(f"{path} can't be written: {error.strerror}. No backup was created") from None
        if not whole:
            raise WalletError(f"{path} reads back differently from what was written: don't trust that disk")
        return str(path)

    def _make_folder(self) -> None:
        """Create the folder if it is missing; remove what a killed run has left in it."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for partial in self._path.glob(".*-wallet-*.partial"):
            if time.time() - partial.stat().st_mtime > _LEFT:
                partial.unlink(missing_ok=True)

    def _write(self, path: Path, backup: bytes) -> None:
        try:
            try:
                _write_unnamed(self._path, path, backup)
            except _NoUnnamedFilesError:
                _write_partial(self._path / f".{path.name}.{os.getpid()}.partial", path, backup)
        except FileExistsError:
            raise WalletError(f"{path} already exists; backups are never overwritten: try again") from None
        sync(self._path)

    def names(self) -> list[str]:
        """Names of files that may be backups. Raises WalletError if the folder can't be read."""
        try:
            names = [entry.name for entry in self._path.iterdir() if entry.is_file()]
        except FileNotFoundError:
            raise WalletError(
                f"There is no folder {self._path}: `./skyinfra wallet backup NODE` creates it with a first "
                "backup, in the default folder or in that of `--to`"
            ) from None
        except OSError as error:
            raise WalletError(f"{self._path} can't be read: {error.strerror}") from None
        return sorted(name for name in names if is_backup_name(name))

    def load(self, name: str) -> bytes:
        """Read a backup. Raises WalletError if it can't be read."""
        return load(self._path / name)

    def load_all(self) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of every file that may be a backup. Raises WalletError.

        Files that are too large are skipped, with a message.
        """
        for name in self.names():
            try:
                content = self.load(name)
            except TooLargeError as error:
                print(f"skipped: {error}")
            else:
                yield name, content

    def address(self, name: str) -> str:
        """Name of a file in the form that commands accept."""
        return str(self._path / name)


def is_backup_name(name: str) -> bool:
    """True for a file that a list of backups includes.

    A name with control characters would be commands to the terminal that shows the list.
    """
    is_plain = name.isprintable() and "/" not in name and not name.startswith(".")
    return is_plain and name.endswith((ENCRYPTED, PLAIN))


class TooLargeError(WalletError):
    """Error for a file that is too large to be a backup, and must not fill the memory."""


def refuse_large(address: str, size: int) -> None:
    """Raise TooLargeError if a file of this size, in bytes, can't be a backup."""
    if size > LARGEST_FILE:
        raise refused_size(address)


def refused_size(address: str) -> TooLargeError:
    """Error for a file that is too large to be a backup."""
    return TooLargeError(
        f"{address} is larger than {LARGEST_FILE // 2**20} MiB, so it is not a backup of this program"
    )


class _NoUnnamedFilesError(Exception):
    """The file system or operating system does not support unnamed files."""


def _write_unnamed(folder: Path, path: Path, data: bytes) -> None:
    """Write a file that has no name until it is complete on disk, so that a kill leaves nothing.

    Raises FileExistsError if the name is already taken.
    """
    if not hasattr(os, "O_TMPFILE"):
        raise _NoUnnamedFilesError
    try:
        handle = os.open(folder, os.O_WRONLY | os.O_TMPFILE, 0o600)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
            raise _NoUnnamedFilesError from None
        raise
    with os.fdopen(handle, "wb") as file:
        fill(file.fileno(), data)
        try:
            os.link(f"/proc/self/fd/{file.fileno()}", path, follow_symlinks=True)
        except FileExistsError:
            raise
        except OSError:  # no /proc, or no hard links
            raise _NoUnnamedFilesError from None


def _write_partial(partial: Path, path: Path, data: bytes) -> None:
    """Write under another name, then give the file its own. Raises FileExistsError if that is taken."""
    try:
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            fill(file.fileno(), data)
        try:
            os.link(partial, path)
        except PermissionError:  # without hard links, as on FAT, rename to a free name
            path.open("x").close()
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def fill(handle: int, data: bytes) -> None:
    """Write all of the data, and wait until it is on disk."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
    os.fsync(handle)


def sync(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load(path: Path) -> bytes:
    """Read a file. Raises WalletError if it can't be read."""
    if path.exists() and not path.is_file():
        raise WalletError(f"{path} is not a file")
    try:
        refuse_large(str(path), path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        raise WalletError(f"{path} can't be read: {error.strerror}") from None
