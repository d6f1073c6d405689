"""Reads wallets of a plain `docker run`, or of a volume that is in no stack, and never writes to them.

Containers that may write to them are stopped before the final reading. A container that is removed when it
stops (`--rm`) is never stopped here, because its files and anonymous volumes would be removed too.
"""

import functools
import posixpath
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from docker.errors import NotFound

from catalogue.naming import backups_volume
from catalogue.node_container import NODE, WALLET
from clients.fingerprint import NOTHING
from wallets.asking import ask
from wallets.commands import engine_of, on_host
from wallets.errors import WalletError
from wallets.files.contents import (
    LARGEST,
    Contents,
    File,
    from_tar,
    refuse_unrestorable,
    wallets_in,
    without_links,
    without_staged,
)
from wallets.moving import unexpected_files
from wallets.nodes import DeployedNode
from wallets.volumes.volume import GRACE, WalletVolume, settled

FOLDERS = (WALLET, "/root/.skycoin/wallets")
"""Usual folders of wallets in a container: in Skycoin's own images, and of a node that root runs."""


@dataclass(frozen=True, slots=True)
class Source:
    """A container or a volume on the node's host, and a folder in it."""

    node: DeployedNode
    name: str
    folder: str
    """Folder as given; empty means those of FOLDERS, or the root of a volume."""

    @property
    def where(self) -> str:
        """Name and host, for a sentence."""
        return f"{self.name} on host {self.node.host}"

    def command(self, users: Sequence[Any]) -> str:
        """Command that stops the containers that may write to the wallets."""
        return f"{self.node.docker} stop -t {GRACE} {' '.join(sorted(container.name for container in users))}"

    def refuse_managed(self, others: Iterable[DeployedNode]) -> None:
        """Raise WalletError if the source already belongs to the node, or to another node of a stack.

        `others` are the other nodes of the node's stack, which may have no container.
        """
        source, mounts = self._container(), self._mounts()
        name = self.name if source is None else source.name
        own = {"Name": self.node.wallet}
        if name in (self.node.container, self.node.wallet) or any(_is_same(own, mount) for mount in mounts):
            raise WalletError(f"{self.where} already belongs to this node: nothing was changed")
        volumes = {mount.get("Name") for mount in mounts}
        for other in others:
            if other.engine == self.node.engine and volumes & {other.wallet, other.backups}:
                raise WalletError(_taken(self.where, f"{other.name} of this stack"))
        nodes = ask(
            self.node.host,
            lambda: self._client.containers.list(all=True, filters={"label": NODE}, ignore_removed=True),
        )
        for node in nodes:
            if _is(node, source) or _shares(node.attrs["Mounts"], mounts):
                owner = f"{node.name}, a node of a stack ({node.labels[NODE]})"
                raise WalletError(_taken(self.where, owner))

    def refuse_moved(self) -> None:
        """Raise WalletError if a move has left the source behind, because another node has its wallets."""
        for volume in filter(None, (mount.get("Name") for mount in self._mounts())):
            left = on_host(replace(self.node, wallet=volume, container=None))
            remembered, _ = ask(self.node.host, left.recorded)
            if not remembered:
                continue
            present = ask(self.node.host, functools.partial(left.read_wallets, NOTHING))
            if present.identity and present.identity != remembered:
                backups = backups_volume(volume)
                raise WalletError(
                    f"{self.where} is only a copy: `./skyinfra node move` has moved its wallets to another "
                    "host, and two nodes would use one wallet. Nothing was changed. Move that node back; or, "
                    f"if its host and all its backups are lost, remove `.identity` from {backups} "
                    f"(`{self.node.docker} run --rm -v {backups}:/copies {self.node.image} rm "
                    f"/copies/.identity`), and `{self._again(self._origin)}`"
                )

    def users(self) -> Sequence[Any]:
        """Running containers that may write to the wallets: the source, and others with the same mounts."""
        source, mounts = self._container(), self._mounts()
        running = ask(self.node.host, lambda: self._client.containers.list(ignore_removed=True))
        return [container for container in running if _is(container, source) or _writes(container, mounts)]

    def refuse_users(self) -> None:
        """Raise WalletError if a running container may write to the wallets."""
        if users := self.users():
            raise WalletError(
                f"{self.where} is running or in use. Stop it: `{self.command(users)}`. Nothing was changed"
            )

    def refuse_users_of_a_copy(self) -> None:
        """Raise WalletError if a container is running on the wallets after they were copied."""
        if users := self.users():
            running = " and ".join(sorted(container.name for container in users))
            raise WalletError(
                f"the wallets of {self.where} were copied into {self.node.wallet}, and {running} is running "
                "on them again: two nodes would use one wallet. Nothing was recorded. Make sure that nothing "
                f"starts it (a restart policy, compose, systemd), then `{self.command(users)}`, and "
                f"`{self._again(self._origin)}`"
            )

    @contextmanager
    def stopped(self, users: Sequence[Any]) -> Iterator[Callable[[], None]]:
        """Stop the containers that may write to the wallets; yield a function that keeps them stopped.

        They are started again if the body ends before it has called that function.
        """
        with ExitStack() as back:
            for container in users:
                back.callback(self._start, container)
                with suppress(NotFound):
                    ask(self.node.host, functools.partial(container.stop, timeout=GRACE))
            yield functools.partial(self._stay, users, back)

    def _stay(self, users: Sequence[Any], back: ExitStack) -> None:
        back.pop_all()
        if names := " and ".join(sorted(container.name for container in users)):
            print(f"{names} on host {self.node.host} stays stopped from now on.")

    def _start(self, container: Any) -> None:
        where = f"{container.name} on host {self.node.host}"
        try:
            ask(self.node.host, container.start)
        except (NotFound, WalletError) as error:
            way = f"`{self.node.docker} start {container.name}`"
            print(f"{where} could not be started again ({error}): {way}", file=sys.stderr)
        else:
            print(f"{where} is started again.", file=sys.stderr)

    def refuse_removal(self, users: Sequence[Any], folder: str) -> None:
        """Raise WalletError, with a way to keep the wallets, if stopping would remove their storage."""
        source = self._container()
        for container in users:
            if container.attrs["HostConfig"]["AutoRemove"]:
                raise WalletError(
                    f"{container.name} on host {self.node.host} was created with `--rm`: when it stops, the "
                    "engine removes it and its anonymous volumes that no other container uses. Nothing was "
                    f"changed. {self._way(container, source, folder)}"
                )

    def _way(self, container: Any, source: Any, folder: str) -> str:
        """Steps to take before a `--rm` container stops; `found` is the source, if that is a container."""
        docker, name = self.node.docker, container.name
        stop = f"{docker} stop -t {GRACE} {name}"
        if source is not None and source.id != container.id:
            return f"{self.name} keeps its mounts: `{stop}`, then `{self._again(self._origin)}`"
        create, image = f"{docker} create --name {name}-kept", f"{container.attrs['Image']} true"
        if source is None or any(_is_below(folder, mount["Destination"]) for mount in source.attrs["Mounts"]):
            origin = self._origin if source is None else f"{name}-kept:{folder}"
            return (
                f"A container that never starts keeps the volumes: `{create} --volumes-from {name} {image} "
                f"&& {stop}`, then `{self._again(origin)}`"
            )
        again = self._again(f"{name}-kept:/{posixpath.basename(folder)}")
        copy = f"{docker} cp {name}:{folder} - | {docker} cp - {name}-kept:/"
        return (
            f"{folder} is not in a volume: copy it while the container runs, and create no address or wallet "
            f"there afterwards: `{create} {image} && {copy}`. Then `{again}`, which "
            f"refuses an incomplete copy (repeat it: `{copy}`), and only after that `{stop}`"
        )

    def wallets(self) -> dict[str, File]:
        """All files of the folder, with complete wallets. Raises WalletError if there are none."""
        self.refuse_users()
        return self.read_folder()[1]

    def _again(self, origin: str) -> str:
        """Command that adopts the wallets from their new place."""
        return self.node.wallet_command("adopt", f"--from {origin}")

    @property
    def _origin(self) -> str:
        return f"{self.name}:{self.folder}" if self.folder else self.name

    def read_folder(self) -> tuple[str, dict[str, File]]:
        """Folder of the wallets, by its given name, and its complete files; containers may keep running.

        Raises WalletError if there are no wallets.
        """
        with self._opened() as (container, folders):
            read = {folder: self._read(container, place) for folder, place in folders.items()}
        with_wallets = [folder for folder, files in read.items() if wallets_in(files)]
        if len(with_wallets) != 1:
            has = (
                f"has wallets in {' and '.join(with_wallets)}"
                if with_wallets
                else f"has no wallet in {', '.join(read)}"
            )
            raise WalletError(
                f"{self.where} {has}: give their folder (`--from {self.name}:FOLDER`). Nothing was changed"
            )
        refuse_unrestorable(f"{self.name}:{with_wallets[0]}", read[with_wallets[0]])
        return with_wallets[0], without_links(read[with_wallets[0]])

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, dict[str, str]]]:
        """Open a container to read from; yield it with the folders by given name → path in that container."""
        container, volume = self._container(), WalletVolume(self.node, self._client)
        if container is not None:
            yield container, {path: path for path in self._folders}
        elif volume.exists(self.name):
            with volume.mounted(self.name, WALLET, "ro") as mounted:
                folder = self.folder or "/"
                yield mounted, {folder: posixpath.normpath(f"{WALLET}/{folder}")}
        else:
            raise WalletError(f"{self.where} is neither a container nor a volume. Nothing was changed")

    @property
    def _folders(self) -> Sequence[str]:
        """Folders of a container that may contain wallets."""
        return [posixpath.normpath(posixpath.join("/", self.folder))] if self.folder else FOLDERS

    def _read(self, container: Any, place: str) -> dict[str, File]:
        """Consistent files of a folder, as of one moment; empty if it does not exist."""
        if (files := settled(lambda: self._files(container, place))) is not None:
            return files
        raise WalletError(
            f"{self.where}: {place} keeps changing: stop the program that writes to it. Nothing was changed"
        )

    def _files(self, container: Any, place: str) -> dict[str, File] | None:
        """Files of a folder; None if one changed during reading."""
        try:
            stream, _ = ask(self.node.host, lambda: container.get_archive(place))
        except NotFound:
            return {}
        archive = b""
        for part in stream:
            archive += part
            if len(archive) > LARGEST:
                raise WalletError(
                    f"{self.where}: {place} is larger than {LARGEST // 2**20} MiB, too large for a folder "
                    f"of wallets: give that folder (`--from {self.name}:FOLDER`). Nothing was changed"
                )
        try:
            return from_tar(archive, posixpath.basename(place))
        except tarfile.TarError:
            return None

    def _mounts(self) -> Sequence[Mapping[str, Any]]:
        """Mounts of the source that may contain wallets: a container's, or the volume itself."""
        container = self._container()
        if container is not None:
            return [
                mount
                for mount in container.attrs["Mounts"]
                if any(_overlap(mount["Destination"], folder) for folder in self._folders)
            ]
        try:
            volume = ask(self.node.host, lambda: self._client.api.inspect_volume(self.name))
        except NotFound:
            return []
        return [{"Name": self.name, "Source": volume["Mountpoint"]}]

    @property
    def _client(self) -> Any:
        return engine_of(self.node)

    def _container(self) -> Any:
        try:
            return ask(self.node.host, lambda: self._client.containers.get(self.name))
        except NotFound:
            return None


def _taken(source: str, owner: str) -> str:
    return (
        f"{source} belongs to {owner}: the next `up` starts it again, and two nodes would use one wallet. "
        "Nothing was changed. `./skyinfra node move` moves a node to another host; after `./skyinfra node "
        "retire`, the node's volume can be adopted"
    )


def _is_below(path: str, folder: str) -> bool:
    """True if a path is below a folder, or the folder itself."""
    return posixpath.commonpath((path, folder)) == posixpath.normpath(folder)


def _overlap(first: str, second: str) -> bool:
    return _is_below(first, second) or _is_below(second, first)


def _writes(container: Any, mounts: Sequence[Mapping[str, Any]]) -> bool:
    """True if a container may write to something that is mounted elsewhere too."""
    return _shares([mount for mount in container.attrs["Mounts"] if mount["RW"]], mounts)


def _shares(own: Sequence[Mapping[str, Any]], mounts: Sequence[Mapping[str, Any]]) -> bool:
    return any(_is_same(first, second) for first in own for second in mounts)


def _is(container: Any, source: Any) -> bool:
    """True if a container is the source itself; the source may be a volume."""
    return source is not None and bool(container.id == source.id)


def _is_same(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """True for mounts of one volume, and of nested or equal folders of the host."""
    if first.get("Name") and first.get("Name") == second.get("Name"):
        return True
    sources = first.get("Source"), second.get("Source")
    return all(str(source).startswith("/") for source in sources) and _overlap(*map(str, sources))


def adopt(source: Source, volume: WalletVolume, contents: Contents, stay: Callable[[], None]) -> None:
    """Put wallets into a node's volume, which has none; the node is stopped during that. Raises WalletError.

    `stay` is called just before they are written: from then on the wallets' former containers must not be
    started again.
    """
    node = source.node
    with volume.node_stopped() as ran:
        present = refuse_occupied(node, volume, contents)
        source.refuse_users()
        stay()
        volume.put(contents, present)
        source.refuse_users_of_a_copy()
    if not ran:
        print(f"{node.name} was not running and was not started: `up` starts it.")


def refuse_occupied(node: DeployedNode, volume: WalletVolume, contents: Contents) -> Contents:
    """Read a node's volume. Raises WalletError if it has other files than the new ones, or is in use."""
    volume.refuse_users()
    present = without_staged(volume.read())
    if strange := unexpected_files(present, contents):
        raise WalletError(
            f"the wallet volume {node.wallet} on host {node.host} is not empty: it has {', '.join(strange)}. "
            "Nothing was changed. Wallets are adopted only into an empty volume: use a separate node for "
            f"them, or move these files out (after `{node.wallet_command('backup')}`)"
        )
    return present
