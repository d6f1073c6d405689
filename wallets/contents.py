"""Contents of a wallet volume: files in memory, as a tar archive, and checks of them. Pure."""

import gzip
import io
import posixpath
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from wallets.errors import WalletError
from wallets.whole import parsed

SUFFIX = ".wlt"
"""Skycoin's wallet files, `src/wallet/wallet.go` of v0.27.1 (WalletExt)."""

STAGING = ".restoring"
"""Folder in a wallet volume that a restore uses; if it is still there, the restore was interrupted."""

IDENTITY = ".skyinfra-id"
"""File with the id of a wallet volume: it belongs to the volume, not to copies of its content."""

LARGEST = 256 * 1024 * 1024
"""Bytes of a backup, unpacked: a wallet of 100,000 addresses has 35 MB."""

USER = 10000
"""User and group of a node in its container (components/node.py)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """One file of a wallet volume."""

    data: bytes
    mode: int = 0o600
    modified: int = 0
    """Seconds since 1970."""
    link: str = ""
    """Target of a symbolic link; it is kept in a backup, and never restored."""


Contents: TypeAlias = Mapping[str, File]
"""Path relative to the volume → file."""


def wallets_in(contents: Contents) -> list[str]:
    """Paths of the wallet files, sorted: the node reads those that are in no folder."""
    return sorted(path for path in contents if path.endswith(SUFFIX) and "/" not in path)


def damaged(contents: Contents) -> list[str]:
    """Paths of the wallet files that are empty, cut short, or otherwise not what the node writes."""
    return [path for path in wallets_in(contents) if not _is_wallet(contents[path].data)]


def _is_wallet(data: bytes) -> bool:
    try:
        parsed(data)
    except (ValueError, RecursionError):
        return False
    return True


def same(one: Contents, other: Contents) -> bool:
    """True where both hold the same files with the same bytes; modes and times are not compared."""
    mine, others = ({path: (file.data, file.link) for path, file in each.items()} for each in (one, other))
    return mine == others


def without_links(contents: Contents) -> dict[str, File]:
    """The files themselves."""
    return {path: file for path, file in contents.items() if not file.link}


def from_tar(archive: bytes, below: str = "") -> dict[str, File]:
    """Files of a tar archive under the folder `below`; what a file system keeps for itself is left out.

    Pipes and devices are left out too. Raises WalletError for a path that leads elsewhere, and
    tarfile's errors.
    """
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return dict(_files(tar, below))


def folders_in(archive: bytes, below: str) -> set[str]:
    """Names of the folders right under the folder `below` of a tar archive."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        paths = [posixpath.relpath(f"/{entry.name}", f"/{below}") for entry in tar if entry.isdir()]
    return {path for path in paths if "/" not in path and path not in (".", "..")}


def _files(tar: tarfile.TarFile, below: str) -> Iterator[tuple[str, File]]:
    for entry in tar:
        path = posixpath.relpath(posixpath.normpath(f"/{entry.name}"), f"/{below}")
        if entry.name.startswith("/") or ".." in entry.name.split("/") or path.split("/")[0] == "..":
            raise WalletError(f"{entry.name!r} would lead out of the wallet's folder")
        if entry.isdir() or path.split("/")[0] in ("lost+found", IDENTITY, f"{IDENTITY}.new"):
            continue
        if entry.issym():
            yield path, File(data=b"", link=entry.linkname)
            continue
        # A hard link is a file under a second name.
        content = tar.extractfile(entry) if entry.isreg() or entry.islnk() else None
        if content is None:
            continue
        yield path, File(data=content.read(), mode=entry.mode & 0o777, modified=int(entry.mtime))


def to_tar(contents: Contents, below: str = "", owner: int = USER) -> bytes:
    """The files as a tar archive under the folder `below`, owned by the node's user; folders are private."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        folders = {below, *(posixpath.join(below, posixpath.dirname(path)) for path in contents)}
        for path in sorted({part for folder in folders for part in _with_parents(folder)}):
            entry = tarfile.TarInfo(path)
            entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, 0o700, owner, owner
            tar.addfile(entry)
        for path, file in sorted(contents.items()):
            entry = tarfile.TarInfo(posixpath.join(below, path))
            entry.size, entry.mode, entry.mtime = len(file.data), file.mode, file.modified
            entry.uid = entry.gid = owner
            if file.link:
                entry.type, entry.linkname = tarfile.SYMTYPE, file.link
            tar.addfile(entry, io.BytesIO(file.data))
    return buffer.getvalue()


def _with_parents(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = posixpath.dirname(folder)


def pack(contents: Contents, owner: int = USER) -> bytes:
    """A backup file: a gzipped tar archive, which `tar -xzf` reads and whose checksum shows a cut."""
    return gzip.compress(to_tar(contents, owner=owner), mtime=0)


def unpack(name: str, backup: bytes) -> dict[str, File]:
    """Files of a plain backup. Raises WalletError where it is none, is cut short, or has no whole wallet."""
    contents = without_links(unpack_archive(name, backup))
    refuse_unrestorable(name, contents)
    return contents


def unpack_archive(name: str, archive: bytes) -> dict[str, File]:
    """Files of a gzipped tar archive. Raises WalletError where it is none, or is cut short."""
    try:
        with gzip.open(io.BytesIO(archive)) as file:
            unzipped = file.read(LARGEST + 1)
        contents = {} if len(unzipped) > LARGEST else from_tar(unzipped)
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, OverflowError, KeyError):
        raise WalletError(f"{name} is not a whole backup: it is no .tar.gz, or was cut short") from None
    if len(unzipped) > LARGEST:
        raise WalletError(
            f"{name} is larger than {LARGEST // 2**20} MiB unpacked, and no backup of this program"
        )
    return contents


def refuse_unrestorable(name: str, contents: Contents) -> None:
    """Raise WalletError where there is no whole wallet to restore."""
    refuse_interrupted(name, contents)
    refuse_damaged(name, contents)
    if not wallets_in(contents):
        raise WalletError(f"{name} holds no wallet (no file ends with {SUFFIX})")


def without_staged(contents: Contents) -> dict[str, File]:
    """The files that are in their place."""
    return {path: file for path, file in contents.items() if path.split("/")[0] != STAGING}


def refuse_interrupted(name: str, contents: Contents) -> None:
    """Raise WalletError if an interrupted restore has left wallets that are not in their places."""
    if len(without_staged(contents)) < len(contents):
        raise WalletError(f"{name}: a restore was interrupted there: run it again, which finishes it")


def refuse_damaged(name: str, contents: Contents) -> None:
    """Raise WalletError where a wallet file is not whole."""
    if torn := damaged(contents):
        raise WalletError(f"{name}: {', '.join(torn)}: empty, cut short, or not a wallet")
