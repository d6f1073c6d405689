"""Tar archives of wallet files, as engines send them and backups contain them. Pure functions."""

import gzip
import io
import posixpath
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tarfile import EOFHeaderError, HeaderError, ReadError  # type: ignore[attr-defined] # typeshed lacks the first
from typing import Any, Self

from catalogue.node_container import USER as NODE_USER
from wallets.errors import WalletError
from wallets.files.contents import IDENTITY, Contents, File, refuse_unrestorable, without_links

LARGEST = 256 * 1024 * 1024
"""Largest backup when unpacked, in bytes; a wallet of 100,000 addresses has 35 MB."""

USER = int(NODE_USER.partition(":")[0])
"""Id of both the user and the group in the images, and of a node for which no other user is set."""

_NAMES = "utf-8"
"""Encoding of names in archives, whatever this machine's is; other bytes stay as they are (PEP 383)."""


def from_tar(archive: bytes, below: str = "") -> dict[str, File]:
    """Files of a tar archive below the folder `below`, without `lost+found` and the volume's id.

    Pipes and devices are left out too. Raises WalletError for a path that leads elsewhere and for more than
    LARGEST bytes, and TarError for an archive that is damaged or incomplete.
    """
    with (
        _tar_errors(),
        tarfile.open(fileobj=io.BytesIO(archive), encoding=_NAMES, tarinfo=_Entry) as tar,
    ):
        return dict(_files(tar, below))


class _Entry(tarfile.TarInfo):
    """An entry of an archive that must be complete.

    tarfile treats an archive that is truncated or damaged after its first entry as if it ended there.
    """

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        """Read the next header. Raises ReadError if there is neither one nor the end of the archive."""
        try:
            return super().fromtarfile(tarfile)
        except EOFHeaderError:
            raise
        except HeaderError as error:
            raise ReadError(str(error)) from None


@contextmanager
def _tar_errors() -> Iterator[None]:
    """Turn the other errors that a damaged archive causes in tarfile into its own."""
    try:
        yield
    except (EOFError, ValueError, OverflowError, KeyError) as error:
        raise ReadError(str(error)) from error


class _Parts(io.RawIOBase):
    """A file that arrives in parts and is never completely in memory."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = filter(None, parts)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._rest or next(self._parts, b"")
        taken, self._rest = part[: len(buffer)], part[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def folders_in(parts: Iterable[bytes], below: str) -> set[str]:
    """Names of the folders directly below the folder `below` of a tar archive, which comes in parts.

    Raises TarError for an archive that is damaged or incomplete.
    """
    whole = io.BufferedReader(_Parts(parts))
    with (
        _tar_errors(),
        tarfile.open(fileobj=whole, mode="r|", encoding=_NAMES, tarinfo=_Entry) as tar,
    ):
        paths = [posixpath.relpath(f"/{entry.name}", f"/{below}") for entry in tar if entry.isdir()]
    return {path for path in paths if "/" not in path and path not in (".", "..")}


def _files(tar: tarfile.TarFile, below: str) -> Iterator[tuple[str, File]]:
    room = LARGEST
    for entry in tar:
        path = posixpath.relpath(posixpath.normpath(f"/{entry.name}"), f"/{below}")
        if entry.name.startswith("/") or ".." in entry.name.split("/") or path.split("/")[0] == "..":
            raise WalletError(f"{entry.name!r} would be written outside the wallet's folder")
        if entry.isdir() or path.split("/")[0] in ("lost+found", IDENTITY, f"{IDENTITY}.new"):
            continue
        if entry.issym():
            yield path, File(data=b"", link=entry.linkname)
            continue
        # A hard link is a second name of a file.
        content = tar.extractfile(entry) if entry.isreg() or entry.islnk() else None
        if content is None:
            continue
        # The size of an archive is no limit: a link is a file again, and a sparse file has any size.
        data = content.read(room + 1)
        room -= len(data)
        _refuse_large("the files", LARGEST - room)
        yield path, File(data=data, mode=entry.mode & 0o777, modified=int(entry.mtime))


def to_tar(contents: Contents, below: str = "", owner: int = USER, group: int | None = None) -> bytes:
    """Tar archive of files below the folder `below`, with private folders; the owner can use all of them.

    `owner` is a user id, and `group` a group id, by default the same number.
    """
    group = owner if group is None else group
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, encoding=_NAMES) as tar:
        folders = {below, *(posixpath.join(below, posixpath.dirname(path)) for path in contents)}
        for path in sorted({part for folder in folders for part in _with_parents(folder)}):
            entry = tarfile.TarInfo(path)
            entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, 0o700, owner, group
            tar.addfile(entry)
        for path, file in sorted(contents.items()):
            entry = tarfile.TarInfo(posixpath.join(below, path))
            entry.size, entry.mode, entry.mtime = len(file.data), file.mode | 0o600, file.modified
            entry.uid, entry.gid = owner, group
            if file.link:
                entry.type, entry.linkname = tarfile.SYMTYPE, file.link
            tar.addfile(entry, io.BytesIO(file.data))
    return buffer.getvalue()


def _with_parents(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = posixpath.dirname(folder)


def pack(contents: Contents, owner: int = USER) -> bytes:
    """Gzipped tar archive as a backup file; `tar -xzf` reads it, and its checksum reveals a truncation.

    Raises WalletError if it would be larger than `unpack` accepts.
    """
    archive = to_tar(contents, owner=owner)
    _refuse_large("the files", len(archive))
    return gzip.compress(archive, mtime=0)


def joined(what: str, parts: Iterable[bytes]) -> bytes:
    """Archive of an engine, from its parts. Raises WalletError if it is larger than a backup may be."""
    archive = bytearray()
    for part in parts:
        archive += part
        _refuse_large(what, len(archive))
    return bytes(archive)


def _refuse_large(what: str, size: int) -> None:
    if size > LARGEST:
        raise WalletError(
            f"{what} are larger than {LARGEST // 2**20} MiB in all, and no backup of them could be "
            "restored: move other files out of the wallet folder"
        )


def unpack(name: str, backup: bytes) -> dict[str, File]:
    """Files of a plain backup.

    Raises WalletError if it is not one, is truncated, has no wallet, or has an incomplete one.
    """
    contents = without_links(unpack_archive(name, backup))
    refuse_unrestorable(name, contents)
    return contents


def unpack_archive(name: str, archive: bytes) -> dict[str, File]:
    """Files of a gzipped tar archive. Raises WalletError if it is not one, is truncated or too large."""
    try:
        with gzip.open(io.BytesIO(archive)) as file:
            unzipped = file.read(LARGEST + 1)
        contents = {} if len(unzipped) > LARGEST else from_tar(unzipped)
    except (OSError, EOFError, zlib.error, tarfile.TarError):
        raise WalletError(
            f"{name} is not a complete backup: it is not a .tar.gz file, or was truncated"
        ) from None
    if len(unzipped) > LARGEST:
        raise WalletError(
            f"{name} is larger than {LARGEST // 2**20} MiB unpacked, so it is not a backup of this program"
        )
    return contents
