"""A container or a volume whose wallets a node takes over; nothing here writes to it."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from docker.errors import NotFound

from catalogue.node_container import WALLET
from clients.deployed_nodes import DeployedNode
from wallets.adoption.mounts import overlap
from wallets.asking import ask
from wallets.volumes.of_node import engine_of

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
        """Name and host, as they appear in messages."""
        return f"{self.name} on host {self.node.host}"

    @property
    def origin(self) -> str:
        """Source as given to `--from`."""
        return f"{self.name}:{self.folder}" if self.folder else self.name

    @property
    def client(self) -> Any:
        """Client of the host's engine. Raises WalletError."""
        return engine_of(self.node)

    @property
    def folders(self) -> Sequence[str]:
        """Folders of a container that may contain wallets."""
        return [posixpath.normpath(posixpath.join("/", self.folder))] if self.folder else FOLDERS

    def container(self) -> Any:
        """The container of that name; None if there is none. Raises WalletError."""
        try:
            return ask(self.node.host, lambda: self.client.containers.get(self.name))
        except NotFound:
            return None

    def mounts(self) -> Sequence[Mapping[str, Any]]:
        """Mounts of the source that may contain wallets: a container's, or the volume itself."""
        container = self.container()
        if container is not None:
            return [
                mount
                for mount in container.attrs["Mounts"]
                if any(overlap(mount["Destination"], folder) for folder in self.folders)
            ]
        try:
            volume = ask(self.node.host, lambda: self.client.api.inspect_volume(self.name))
        except NotFound:
            return []
        return [{"Name": self.name, "Source": volume["Mountpoint"]}]

    def again(self, origin: str) -> str:
        """Command that adopts the wallets from a source as given to `--from`."""
        return self.node.wallet_command("adopt", f"--from {origin}")


def is_same_container(container: Any, other: Any) -> bool:
    """True if both are one container; `other` may be None."""
    return other is not None and bool(container.id == other.id)
