"""A wallet volume on its host, read and written through the engine's API.

Reading starts no program: the engine returns files of a container that is created and never started. The
volume is inspected first, because a container that names a missing volume would create an empty one.
"""

import functools
import re
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal, TypeVar

from docker.errors import NotFound

from catalogue.node_container import GRACE, WALLET, WALLET_HELPER, WALLET_READER, WALLET_WRITER
from clients.deployed_nodes import DeployedNode
from clients.ownership import as_user, mode
from clients.pull import ensure_image
from clients.short_run import short_run
from clients.volumes import has_volume
from wallets.asking import ask
from wallets.errors import WalletError
from wallets.files.archives import folders_in, from_tar, joined
from wallets.files.contents import File, same, without_links
from wallets.volumes.processes import this_process

COPIES = "/data"
"""Mount point of the volume of copies; images have that folder (providers/skycoin/copy-wallet.sh)."""

_COPY = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ", re.ASCII)
"""Form of a copy's name: its time in UTC (providers/skycoin/copy-wallet.sh)."""

TRIES = 10
"""Maximum number of repeated readings until two are equal: a node may be saving its wallets."""
PAUSE = 0.5
"""Seconds between two readings."""
SECONDS = 120
"""Time limit for a command on the volume, in seconds: wallets are kilobytes, but SD cards are slow."""

_Answer = TypeVar("_Answer")


def settled(read: Callable[[], dict[str, File] | None]) -> dict[str, File] | None:
    """Files that two consecutive readings found equal; None if they keep changing."""
    before = read()
    for _ in range(TRIES):
        time.sleep(PAUSE)
        now = read()
        if before is not None and now is not None and same(before, now):
            return now
        before = now
    return None


class WalletVolume:
    """The wallet volume of one node, and the volume of its copies, through one docker client."""

    def __init__(self, node: DeployedNode, client: Any) -> None:
        self.node = node
        self.client = client

    def make(self) -> None:
        """Create the volume, empty; an existing one stays unchanged."""
        self.ask(lambda: self.client.api.create_volume(self.node.wallet))

    def read(self) -> dict[str, File]:
        """All files, as of one moment. Raises WalletError."""
        with self.mounted(self.node.wallet, WALLET, "ro") as container:
            if (files := settled(lambda: self.files(container, WALLET))) is not None:
                return files
        node = self.node
        writer = (
            f"its node (`{node.docker} stop -t {GRACE} {node.container}`)"
            if node.container
            else f"what writes to it (`{node.docker} ps --filter volume={node.wallet}` names it)"
        )
        raise WalletError(
            f"the wallet on host {node.host} keeps changing: stop {writer} and try again. If it is stopped, "
            "the wallet's files can't be read to their end: look for errors of that host's disk (`dmesg`)"
        )

    def copies(self) -> list[str]:
        """Names of the copies on the host, oldest first; empty if there is no volume of copies.

        Raises WalletError if they can't all be listed.
        """
        with self._copies() as (_, names):
            return names

    def copy(self, name: str) -> dict[str, File]:
        """Files of one copy on the host, without links. Raises WalletError that lists the existing copies."""
        with self._copies() as (container, names):
            if name in names:
                return self._copy(container, name)
        known = ", ".join(names) or "none"
        raise WalletError(f"{name!r} is not a copy in {self.node.copies_volume}; its copies are: {known}")

    def all_copies(self) -> Iterator[tuple[str, dict[str, File]]]:
        """Yield name and files of each copy on the host, the oldest first. Raises WalletError."""
        with self._copies() as (container, names):
            for name in names:
                yield name, self._copy(container, name)

    @contextmanager
    def _copies(self) -> Iterator[tuple[Any, list[str]]]:
        """Create a container with the copies, and list their names; empty if there is no volume of copies."""
        if not self.exists(self.node.copies_volume):
            yield None, []
            return
        with self.mounted(self.node.copies_volume, COPIES, "ro") as container:
            stream, _ = self.ask(lambda: container.get_archive(COPIES))
            try:
                names = self.ask(lambda: folders_in(stream, COPIES.strip("/")))
            except tarfile.TarError as error:
                raise self._incomplete("the copies", str(error)) from None
            yield container, sorted(filter(_COPY.fullmatch, names))

    def _copy(self, container: Any, name: str) -> dict[str, File]:
        files = self.files(container, f"{COPIES}/{name}")
        if files is None:
            raise self._incomplete(f"the files of the copy {name}")
        return without_links(files)

    def _incomplete(self, what: str, reason: str = "the engine's archive is damaged or cut") -> WalletError:
        """Error for copies of which only a part can be read."""
        return WalletError(
            f"{what} in {self.node.copies_volume} on host {self.node.host} could not be read to their end "
            f"({reason}). Nothing was changed. Run the same command again; if it ends like this again, look "
            "for errors of that host's disk (`dmesg`)"
        )

    def exists(self, volume: str) -> bool:
        """True if a volume exists."""
        return self.ask(lambda: has_volume(self.client.api, volume))

    @contextmanager
    def mounted(self, volume: str, place: str, access: Literal["ro", "rw"]) -> Iterator[Any]:
        """Create a container with a volume, without starting it.

        Raises WalletError if the volume does not exist, or if another command removes the container.
        """
        if not self.exists(volume):
            raise WalletError(self._gone(volume))
        image = self.ask(lambda: ensure_image(self.client, self.node.image, self.node.host_inputs))
        container = self.ask(
            lambda: self.client.containers.create(
                image,
                command=["true"],
                network_mode="none",
                read_only=True,
                labels=self._labels(WALLET_READER if access == "ro" else WALLET_WRITER),
                volumes={volume: {"bind": place, "mode": mode(self.node.host_inputs, access)}},
            )
        )
        try:
            yield container
        except NotFound as error:
            raise WalletError(
                f"another command, such as `docker container prune`, has removed a container on host "
                f"{self.node.host} through which {volume} was read or written. Run the same command again"
            ) from error
        finally:
            self.remove(container)

    def _labels(self, kind: str) -> dict[str, str]:
        return {WALLET_HELPER: self.node.wallet, kind: this_process()}

    def remove(self, container: Any) -> None:
        """Remove a container of this program, if it still exists. Raises WalletError."""
        with suppress(NotFound):
            self.ask(functools.partial(container.remove, force=True))

    def _gone(self, volume: str) -> str:
        restore = self.node.wallet_command("restore", "FILE")
        return (
            f"there is no volume {volume!r} on host {self.node.host}, and none was created. If it was "
            f"removed: `{self.node.docker} volume create {volume}`, then `{restore}` with a backup; if it "
            "has another name, set `wallet-volume` of the node to it"
        )

    def files(self, container: Any, place: str) -> dict[str, File] | None:
        """Files below a folder of a container; None if one changed during reading, or not all arrived."""
        what = f"the files of {self.node.wallet} on host {self.node.host}"
        stream, _ = self.ask(lambda: container.get_archive(place))
        archive = self.ask(lambda: joined(what, stream))
        try:
            return from_tar(archive, place.rpartition("/")[2])
        except tarfile.TarError:
            return None
        except WalletError as error:
            raise WalletError(f"host {self.node.host}: {error}") from error

    def run(self, command: list[str]) -> tuple[int, str]:
        """Run a command on the wallet volume, in the node's image; return its exit code and output."""
        node = self.node
        options: dict[str, Any] = {
            "volumes": {node.wallet: {"bind": WALLET, "mode": mode(node.host_inputs, "rw")}},
            "labels": self._labels(WALLET_WRITER),
            "tmpfs": {"/tmp": ""},
            **as_user(node.host_inputs),
        }
        return self.ask(
            lambda: short_run(self.client, node.host_inputs, node.image, command, SECONDS, **options)
        )

    def ask(self, question: Callable[[], _Answer]) -> _Answer:
        """Answer of the host's engine. Raises NotFound, and WalletError that names the host."""
        return ask(self.node.host, question)
