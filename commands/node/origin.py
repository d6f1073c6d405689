"""Source of the wallets of a node that moves: its volume, or a backup if its host is dead."""

import contextlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from clients.age import Identity
from clients.deployed_nodes import DeployedNode, node_of
from clients.engine import engine_address
from clients.fingerprint import Fingerprint
from clients.host_facts import Obstacle, obstacle_of
from clients.silent_engines import Address, is_silence, silent
from commands.backend import Backend
from commands.node.removal import forget, take_out
from display.errors import UserError
from providers.skycoin.wallet_identity import remembered
from wallets.backups.format import Backup, open_backup
from wallets.backups.restore import refuse_anothers
from wallets.files.contents import File
from wallets.moving import (
    is_running,
    left_behind,
    refuse_less,
    refuse_one_engine,
    unrecorded_container,
    wallets_of,
)
from wallets.volumes.of_node import volume_of
from wallets.volumes.stopped_node import node_leaving


def in_state(
    stack: str, name: str, resources: Sequence[Mapping[str, Any]]
) -> tuple[DeployedNode, Fingerprint]:
    """Node in a state, and its wallets as recorded there. Raises UserError if there is no such node."""
    node = node_of(stack, name, resources)
    [outputs] = [resource.get("outputs") for resource in resources if resource["urn"] == node.preflight]
    return node, remembered(outputs or {})


@dataclass(frozen=True, slots=True)
class Origin:
    """Source of the wallets of a node that moves: its volume, or a backup if its host is dead."""

    node: DeployedNode
    remembers: Fingerprint
    """Fingerprint of the wallets in the state."""
    backup: Backup | None
    identities: Sequence[Identity]
    older: bool
    """True accepts a backup without wallets or addresses that the state has recorded."""
    listed: Sequence[Address] = ()
    """Addresses of the node's host in the current stack's file: a board may have got a new one."""

    def wallets(self) -> dict[str, File]:
        """Read all wallets.

        Raises WalletError if they lack something that the state has recorded, unless `older` allows that.
        """
        node = self.node
        if self.backup is None:
            source, contents = f"the wallet volume {node.wallet} on host {node.host}", wallets_of(node)
            way = f"Restore a copy or a backup first: `{node.wallet_command('restore', 'FILE')}`"
            refuse_less(source, contents, self.remembers, way)
            return contents
        refuse_anothers(node, self.backup)
        contents = open_backup(self.backup, self.identities)
        if not self.older:
            refuse_less(self.backup.name, contents, self.remembers, "--older accepts it anyway")
        return contents

    def refuse_changed(self, resources: Sequence[Mapping[str, Any]]) -> None:
        """Raise UserError if the node's resources in the state changed since they were read.

        URNs don't contain the host, so a destroy would hit the node on the host that the state has now.
        """
        node = self.node
        if in_state(node.stack, node.name, resources) != (node, self.remembers):
            raise UserError(
                f"{node.name} in the state of {node.stack} has changed since this command started (moved or "
                "updated). Run the command again."
            )

    def refuse_alive(self) -> list[str]:
        """Describe why a host that should be dead does not answer, at each of its addresses.

        Raises UserError if the host may still be alive, because then its node may be running.
        """
        if self.backup is None:
            return []
        current = Address(engine_address(self.node.engine), tuple(self.node.ssh_options))
        addresses = list(dict.fromkeys([current, *self.listed]))
        reasons = silent(addresses)
        return [self._silence(address.engine, reasons.get(address, "")) for address in addresses]

    def _silence(self, engine: str, reason: str) -> str:
        host = f"host {self.node.host} ({engine})"
        if not reason:
            raise UserError(
                f"{host} answers: omit `--from-backup`, and its current wallet is moved. Nothing was changed."
            )
        if obstacle_of(reason) is not Obstacle.NO_ANSWER:
            raise UserError(
                f"{host} still answers ({reason!r}), so its node may be running; `--from-backup` is only for "
                "a lost host. Give this machine access and move the node without it, or disconnect the host "
                "for good first. Nothing was changed."
            )
        if engine.startswith("ssh://") and not is_silence(reason):
            raise UserError(
                f"{host} may be alive ({reason!r}), so its node may be running; `--from-backup` is only for "
                "a lost host. Move the node without it, or disconnect the host for good first, so that "
                "nothing answers at its address. Nothing was changed."
            )
        return f"{host} does not answer: {reason}."

    def refuse_one_engine(self, target: DeployedNode) -> None:
        """Raise WalletError if the new host is the old one under another address; a dead host isn't asked."""
        if self.backup is None:
            refuse_one_engine(self.node, target)

    def refuse_unrecorded(self) -> None:
        """Raise UserError if the old host has a container that the state lacks; a dead host isn't asked."""
        if self.backup is None and (problem := unrecorded_container(self.node)):
            raise UserError(problem)

    def stopped(self) -> AbstractContextManager[None]:
        """Stop the node, and start it again if the `with` block fails. A dead host isn't asked."""
        return node_leaving(volume_of(self.node)) if self.backup is None else contextlib.nullcontext()

    def left_behind(self, carried: Mapping[str, File]) -> list[str]:
        """Paths of files that the old volume has now, but that were not copied. A dead host isn't asked."""
        return left_behind(self.node, carried) if self.backup is None else []

    def refuse_started(self, carried: Mapping[str, File]) -> None:
        """Raise UserError if the stopped node has been started since, or has changed its files."""
        was_started = self.backup is None and self.node.container is not None and is_running(self.node)
        if was_started or self.left_behind(carried):
            raise UserError(
                f"{self.node.where} was started again while its wallets were being copied: prevent that (an "
                "`up`, a person, a program that watches containers), and run the same command again."
            )

    def take_out(self, backend: Backend) -> int:
        """Take the node out of the state; return pulumi's exit code."""
        return take_out(self.node, backend) if self.backup is None else forget(self.node, backend)
