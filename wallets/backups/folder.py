"""The folder of backups that a command is given, on this machine or on another one over ssh."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

from wallets.backups.local_folder import LocalFolder, load
from wallets.backups.ssh_folder import SSH, SshFolder


class BackupFolder(Protocol):
    """A folder of backups, local or remote."""

    def keep(self, name: str, backup: bytes) -> str:
        """Write a backup as a new file, completely or not at all; return its address. Raises WalletError."""

    def names(self) -> list[str]:
        """Names of files that may be backups, sorted. Raises WalletError."""

    def load(self, name: str) -> bytes:
        """Read a backup. Raises WalletError."""

    def load_all(self) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of every file that may be a backup. Raises WalletError."""

    def address(self, name: str) -> str:
        """Name of a file in the form that commands accept."""


def backup_folder(given: str, ssh_options: Sequence[str]) -> BackupFolder:
    """Folder given to a command: a path, or ssh://. Raises WalletError."""
    if given.startswith(SSH):
        return SshFolder(given, ssh_options)
    return LocalFolder(Path(given).expanduser().absolute())


def load_file(given: str, ssh_options: Sequence[str]) -> bytes:
    """Content of one file: a path, or ssh://. Raises WalletError."""
    if given.startswith(SSH):
        folder, _, name = given.rpartition("/")
        return SshFolder(folder, ssh_options).load(unquote(name))
    return load(Path(given).expanduser())
