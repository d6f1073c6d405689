"""Wallets of a plain `docker run`, or of a volume that no stack knows: read, and never changed."""

import functools
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from docker.errors import NotFound

from wallets.asking import ask
from wallets.commands import engine_of
from wallets.contents import (
    LARGEST,
    Contents,
    File,
    from_tar,
    refuse_unrestorable,
    wallets_in,
    without_links,
    without_staged,
)
from wallets.errors import WalletError
from wallets.moving import strangers
from wallets.nodes import DeployedNode
from wallets.volume import GRACE, PLACE, RUNNING, WalletVolume

FOLDERS = ("/wallet", "/root/.skycoin/wallets")
"""Folders of wallets in a container: of Skycoin's own images, and of a node that root starts as it is."""


@dataclass(frozen=True, slots=True)
class Source:
    """A container or a volume on the node's host, and a folder in it."""

    node: DeployedNode
    name: str
    folder: str
    """Folder that was given; empty leaves the choice."""

    @property
    def where(self) -> str:
        """Its name and that of its host, as words."""
        return f"{self.name} on host {self.node.host}"

    @property
    def command(self) -> str:
        """Command that stops what may write to the wallets."""
        names = " ".join(sorted(one.name for one in self.users()))
        return f"{self.node.docker} stop -t {GRACE} {names}"

    def refuse_own(self) -> None:
        """Raise WalletError where it is the node's own."""
        if self.name in (self.node.container, self.node.wallet):
            raise WalletError(f"{self.where} is the node's own: nothing was changed")

    def users(self) -> Sequence[Any]:
        """Containers that run and may write to the wallets."""
        found = self._container()
        if found is not None:
            return [found] if found.status in RUNNING else []
        listed: Sequence[Any] = ask(
            self.node.host, lambda: self._client.containers.list(filters={"volume": self.name})
        )
        return listed

    def stop(self) -> None:
        """Stop what may write to the wallets."""
        for one in self.users():
            ask(self.node.host, functools.partial(one.stop, timeout=GRACE))

    def refuse_removal(self) -> None:
        """Raise WalletError, with a way that keeps the wallets, where a stop removes what holds them."""
        found, folder = self._container(), self._found()[0]
        for one in self.users():
            if one.attrs["HostConfig"]["AutoRemove"]:
                raise WalletError(
                    f"{one.name} on host {self.node.host} was made with `--rm`: when it stops, the engine "
                    "removes it, and each volume without a name that no other container has. Nothing was "
                    f"changed. {self._way(one, found, folder)}"
                )

    def _way(self, one: Any, found: Any, folder: str) -> str:
        """What to do before a container of `--rm` stops; `found` is the source, where that is a container."""
        docker, name = self.node.docker, one.name
        create = f"{docker} create --name {name}-kept"
        kept, stop = f"{one.attrs['Image']} true", f"{docker} stop -t {GRACE} {name}"
        if found is None or any(_holds(mount, folder) for mount in found.attrs["Mounts"]):
            return (
                f"A container that never starts keeps the volumes: `{create} --volumes-from {name} {kept} && "
                f"{stop}`, then `{self._again(f'--from {name}-kept:{folder}' if found else '')}`"
            )
        copy, place = (
            f"{docker} cp {name}:{folder} - | {docker} cp - {name}-kept:/",
            posixpath.basename(folder),
        )
        return (
            f"{folder} is in no volume: copy it while it runs, and let nobody make an address or a wallet "
            f"there from then on: `{create} {kept} && {copy}`. Then "
            f"`{self._again(f'--from {name}-kept:/{place}')}`, which refuses a copy that was cut short "
            f"(make it again: `{copy}`), and only after that `{stop}`"
        )

    def wallets(self) -> dict[str, File]:
        """All files beside the wallets, each wallet whole. Raises WalletError where there is none."""
        if self.users():
            raise WalletError(f"{self.where} still runs, or is in use: `{self.command}`. Nothing was changed")
        return self._found()[1]

    def _again(self, origin: str) -> str:
        return self.node.wallet_command("adopt", origin or f"--from {self._origin}")

    @property
    def _origin(self) -> str:
        return f"{self.name}:{self.folder}" if self.folder else self.name

    def _found(self) -> tuple[str, dict[str, File]]:
        """Folder of the wallets, as it is named, and its files."""
        with self._opened() as (container, folders):
            read = {folder: self._read(container, place) for folder, place in folders.items()}
        found = [folder for folder, files in read.items() if wallets_in(files)]
        if len(found) != 1:
            has = f"has wallets in {' and '.join(found)}" if found else f"has no wallet in {', '.join(read)}"
            raise WalletError(
                f"{self.where} {has}: name their folder (`--from {self.name}:FOLDER`). Nothing was changed"
            )
        refuse_unrestorable(f"{self.name}:{found[0]}", read[found[0]])
        return found[0], read[found[0]]

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, dict[str, str]]]:
        """A container to read from, and the folders: as they are named → as that container has them."""
        container, volume = self._container(), WalletVolume(self.node, self._client)
        if container is not None:
            yield container, {one: one for one in self._folders}
        elif volume.exists(self.name):
            with volume.mounted(self.name, PLACE, "ro") as mounted:
                folder = self.folder or "/"
                yield mounted, {folder: posixpath.normpath(f"{PLACE}/{folder}")}
        else:
            raise WalletError(f"{self.where} is neither a container nor a volume. Nothing was changed")

    @property
    def _folders(self) -> Sequence[str]:
        """Folders of a container that may have the wallets."""
        return [posixpath.normpath(posixpath.join("/", self.folder))] if self.folder else FOLDERS

    def _read(self, container: Any, place: str) -> dict[str, File]:
        try:
            stream, _ = ask(self.node.host, lambda: container.get_archive(place))
        except NotFound:
            return {}
        archive = b""
        for part in stream:
            archive += part
            if len(archive) > LARGEST:
                raise WalletError(
                    f"{self.where}: {place} is larger than {LARGEST // 2**20} MiB, and no folder of wallets: "
                    f"name that (`--from {self.name}:FOLDER`). Nothing was changed"
                )
        return without_links(from_tar(archive, posixpath.basename(place)))

    @property
    def _client(self) -> Any:
        return engine_of(self.node)

    def _container(self) -> Any:
        try:
            return ask(self.node.host, lambda: self._client.containers.get(self.name))
        except NotFound:
            return None


def _holds(mount: Mapping[str, Any], folder: str) -> bool:
    """True where a folder of a container is on a mount."""
    return _is_below(folder, mount["Destination"])


def _is_below(path: str, folder: str) -> bool:
    return posixpath.commonpath((path, folder)) == posixpath.normpath(folder)


def adopt(node: DeployedNode, volume: WalletVolume, contents: Contents) -> None:
    """Put wallets into a node's volume, which has none; the node is stopped meanwhile. Raises WalletError."""
    _refuse_occupied(node, volume, contents)  # before the node is stopped
    with volume.node_stopped() as ran:
        _refuse_occupied(node, volume, contents)
        volume.put(contents)
    if not ran:
        print(f"{node.name} did not run, and was left so: `up` starts it.")


def _refuse_occupied(node: DeployedNode, volume: WalletVolume, contents: Contents) -> None:
    if strange := strangers(without_staged(volume.read()), contents):
        raise WalletError(
            f"the wallet volume {node.wallet} on host {node.host} is not empty: it has {', '.join(strange)}. "
            "Nothing was changed. Wallets are adopted into an empty volume: give them a node of their own, "
            f"or move these out (after `{node.wallet_command('backup')}`)"
        )
