"""Files of a source, read through the engine while its containers may be running."""

import posixpath
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from docker.errors import NotFound

from catalogue.node_container import WALLET
from wallets.adoption.source import Source
from wallets.adoption.users import refuse_source_users
from wallets.asking import ask
from wallets.errors import WalletError
from wallets.files.archives import LARGEST, from_tar
from wallets.files.contents import File, refuse_unrestorable, wallets_in, without_links
from wallets.volumes.volume import WalletVolume, settled


def wallets_of(source: Source) -> dict[str, File]:
    """All files of the folder, with complete wallets; no running container may write to them.

    Raises WalletError.
    """
    refuse_source_users(source)
    return read_folder(source)[1]


def read_folder(source: Source) -> tuple[str, dict[str, File]]:
    """Folder of the wallets, by its given name, and its complete files; containers may keep running.

    Raises WalletError if no folder or more than one has wallets, or if one of these is incomplete.
    """
    with _opened(source) as (container, folders):
        read = {folder: _read(source, container, place) for folder, place in folders.items()}
    with_wallets = [folder for folder, files in read.items() if wallets_in(files)]
    if len(with_wallets) != 1:
        has = (
            f"has wallets in {' and '.join(with_wallets)}"
            if with_wallets
            else f"has no wallet in {', '.join(read)}"
        )
        raise WalletError(
            f"{source.where} {has}: give their folder (`--from {source.name}:FOLDER`). Nothing was changed"
        )
    refuse_unrestorable(f"{source.name}:{with_wallets[0]}", read[with_wallets[0]])
    return with_wallets[0], without_links(read[with_wallets[0]])


@contextmanager
def _opened(source: Source) -> Iterator[tuple[Any, dict[str, str]]]:
    """Open a container to read from; yield it with its folders: given name → path in that container."""
    container, volume = source.container(), WalletVolume(source.node, source.client)
    if container is not None:
        yield container, {path: path for path in source.folders}
    elif volume.exists(source.name):
        with volume.mounted(source.name, WALLET, "ro") as mounted:
            folder = source.folder or "/"
            yield mounted, {folder: posixpath.normpath(f"{WALLET}/{folder}")}
    else:
        raise WalletError(f"{source.where} is neither a container nor a volume. Nothing was changed")


def _read(source: Source, container: Any, place: str) -> dict[str, File]:
    """Consistent files of a folder, as of one moment; empty if it does not exist."""
    if (files := settled(lambda: _files(source, container, place))) is not None:
        return files
    raise WalletError(
        f"{source.where}: {place} keeps changing: stop the program that writes to it. Nothing was changed. "
        "If no program writes to it, its files can't be read to their end: look for errors of that host's "
        "disk (`dmesg`)"
    )


def _files(source: Source, container: Any, place: str) -> dict[str, File] | None:
    """Files of a folder; None if one changed during reading, or they did not all arrive."""
    try:
        stream, _ = ask(source.node.host, lambda: container.get_archive(place))
    except NotFound:
        return {}
    archive = ask(source.node.host, lambda: _joined(source, place, stream))
    try:
        return from_tar(archive, posixpath.basename(place))
    except tarfile.TarError:
        return None
    except WalletError as error:
        raise WalletError(f"{source.where}: {error}") from error


def _joined(source: Source, place: str, stream: Iterable[bytes]) -> bytes:
    """Whole archive of a folder. Raises WalletError if it is too large, and requests' errors."""
    archive = bytearray()
    for part in stream:
        archive += part
        if len(archive) > LARGEST:
            raise WalletError(
                f"{source.where}: {place} is larger than {LARGEST // 2**20} MiB, too large for a folder "
                f"of wallets: give that folder (`--from {source.name}:FOLDER`). Nothing was changed"
            )
    return bytes(archive)
