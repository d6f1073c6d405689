"""Move of a node to another host, in steps after each of which the wallet is complete in at least one place.

The node is stopped; its wallets are copied into a volume on the new host and checked there; the stack's file
gets the new host; the node is taken out of the state and brought up again. Nothing runs on the new host until
the old container is gone. The old volume is never touched.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import click

from catalogue.exit_codes import FAILED
from clients.deployed_nodes import DeployedNode
from clients.fingerprint import Fingerprint, digest, summary
from clients.host_checks import Level
from commands.agreement import proceeds
from commands.backend import Backend
from commands.node.origin import Origin
from commands.node.removal import targets_of
from display.errors import UserError
from fleet.check import check
from fleet.parts import PROVIDER
from fleet.wanted import planned_hosts
from local.pulumi.command import pulumi
from local.stacks.files import refuse_edited, temporary_stack_file, write_stack_file
from local.stacks.missing_nodes import file_name
from settings.stack import StackSettings
from wallets.errors import WalletError
from wallets.files.contents import File
from wallets.files.fingerprint import fingerprint_of
from wallets.moving import (
    copy_wallets,
    is_running,
    mark_as_copy,
    pull_image,
    refuse_taken,
    refuse_unusable,
)
from wallets.volumes.of_node import fingerprint_on_host

NODE, EXPORTER, PROXY = (f"skycoin:index:{kind}" for kind in ("Node", "Exporter", "Proxy"))
PARTS = ("preflight", "data", "wallet", "network", "pulled", "pulled-proxy", "container")
EXPORTER_PARTS = ("pulled", "container")
PROXY_PARTS = ("login", "container")
"""Suffixes of the resources' names in components/node.py, exporter.py and proxy.py."""


def refuse_unfit(settings: StackSettings, host: str) -> None:
    """Raise UserError with all that `up` would refuse on the new host; print what it would warn about."""
    [checked] = check([planned for planned in planned_hosts(settings) if planned.name == host])
    wrong = [finding.text for finding in checked.findings if finding.level is not Level.WARNED]
    if wrong:
        raise UserError("\n".join([*wrong, "Nothing was changed."]))
    for finding in checked.findings:
        click.echo(f"warning: {finding.text}", err=True)


@dataclass(frozen=True, slots=True)
class Move:
    """Move of one node."""

    backend: Backend
    source: DeployedNode
    target: DeployedNode
    origin: Origin
    before: str
    """Text of the stack's file when the command began."""
    text: str
    """The same text with the new host."""

    def run(self, *, yes: bool) -> int:
        """Move the node; return the exit code.

        Raises UserError, with the node unchanged, until its wallets are on the new host.
        """
        for silence in self.origin.refuse_alive():
            click.echo(silence)
        self.origin.refuse_one_engine(self.target)
        self.origin.refuse_unrecorded()
        contents = self.origin.wallets()
        refuse_taken(self.target, contents)
        click.echo(
            f"{self.source.where} moves to host {self.target.host}, "
            f"with {_describe(fingerprint_of(contents))}."
        )
        click.echo(f"It is stopped during the move. Its chain is not moved. {self._old_host()}")
        if not proceeds(yes=yes):
            return FAILED
        pull_image(self.target)
        refuse_unusable(self.target, contents)
        with self.origin.stopped():
            self._refuse_changed()
            # Both checked again: during the question and the pull, a dead host may have come back, and a
            # volume may have been created.
            self.origin.refuse_alive()
            contents = self.origin.wallets()
            refuse_taken(self.target, contents)
            carried = copy_wallets(self.target, contents)
            click.echo(f"{self.target.wallet} on host {self.target.host}: the same wallets, byte by byte.")
            self._refuse_changed()
            self.origin.refuse_started(contents)
            write_stack_file(self._stack, self.text, self.before)
        if self.origin.take_out(self.backend):
            return self._failed("was not removed from the state of its old host; run the same command again")
        if wrong := self._left_behind(contents):
            return self._failed(f"was not created on host {self.target.host}: {wrong}", whole=False)
        if self._up():
            return self._failed("does not run there yet: `up` tries again, and reports what is wrong")
        return self._prove(carried)

    @property
    def _stack(self) -> str:
        return self.source.stack

    def _refuse_changed(self) -> None:
        self.origin.refuse_changed(self.backend.resources(self._stack))
        refuse_edited(self._stack, self.before)

    def _old_host(self) -> str:
        node = self.source
        if self.origin.backup is None:
            return f"Kept on host {node.host}: {node.kept}."
        # After an interrupted run, the state may lack a container that is still on the host.
        name = node.container or self.target.container
        return (
            f"Host {node.host} is dead. If it comes back, its Docker starts {name} again, on a copy of this "
            "wallet: before it is back on a network, remove that container there "
            f"(`docker stop -t 60 {name} && docker rm {name}`)."
        )

    def _up(self) -> int:
        """Bring up only this node and the provider of its new host; return pulumi's exit code."""
        stack, project, *_ = self.source.preflight.split("::")
        provider = f"{stack}::{project}::{PROVIDER}::{self.target.host}"
        given = ["up", "--yes", "--skip-preview", "--suppress-outputs", "--stack", self._stack]
        with temporary_stack_file(self._stack, self.text) as options:
            return pulumi(
                [*given, *options, *targets_of([provider, *_parts(self.source.name)])],
                self.backend.env,
                self.backend.update_log,
            )

    def _left_behind(self, carried: Mapping[str, File]) -> str:
        """Name the files that only the old volume has, or why they are unknown; empty if there are none."""
        try:
            left = self.origin.left_behind(carried)
        except WalletError as error:
            return (
                f"it may have been started again in the meantime: {error}. If it was not, `up` creates "
                f"it on host {self.target.host}"
            )
        node = self.source
        reason = f"because {node.name} was started again during the move"
        return f"{', '.join(left)} is only on host {node.host}, {reason}" if left else ""

    def _failed(self, problem: str, *, whole: bool = True) -> int:
        """Report how far the move got; `whole` is False if the new host may lack a part of the wallet."""
        host = self.target.host
        wallet = f" Its wallet is complete on host {host}." if whole else ""
        back = f" To go back: set `host: {self.source.host}` there, then run `up`, or the command it names."
        click.echo(
            f"{self.source.name} {problem}.{wallet} {file_name(self._stack)} names host {host} now."
            f"{back if self.origin.backup is None else ''}",
            err=True,
        )
        return FAILED

    def _prove(self, carried: Fingerprint) -> int:
        """Compare the running node's wallets with the copied ones; return the exit code."""
        if not is_running(self.target):
            return self._failed("does not run there, although the update succeeded: `up` tries again")
        now = fingerprint_on_host(self.target)
        if now != carried:
            return self._failed(f"has other wallets there now: {_describe(now)}", whole=False)
        click.echo(f"\n{self.target.where} runs with the same wallets: {_describe(now)}.")
        click.echo(self._old_host())
        return 0 if self.origin.backup is not None else self._leave(carried)

    def _leave(self, carried: Fingerprint) -> int:
        """Make the old host refuse to run a node on its copy of the wallets; return the exit code."""
        host = self.source.host
        try:
            mark_as_copy(self.source, carried)
        except WalletError as error:
            click.echo(
                f"{error}\nHost {host} could not be marked as holding only a copy, and would let a node run "
                "on its volumes: never start one there.",
                err=True,
            )
            return FAILED
        click.echo(f"The old volumes are only a copy now: host {host} refuses to run a node on them.")
        return 0


def _parts(name: str) -> list[str]:
    """Target patterns for all parts of a node, by the names that the program gives them.

    The state may lack some of them. Pulumi accepts a pattern without a match, unlike a URN without one.
    """
    node, exporter, proxy = f"**::{NODE}", f"**::{EXPORTER}", f"**::{PROXY}"
    return [
        f"{node}::{name}",
        *(f"{node}$**::{name}-{part}" for part in PARTS),
        f"{exporter}::{name}-exporter",
        *(f"{exporter}$**::{name}-exporter-{part}" for part in EXPORTER_PARTS),
        f"{proxy}::{name}-proxy",
        *(f"{proxy}$**::{name}-proxy-{part}" for part in PROXY_PARTS),
    ]


def _describe(wallets: Fingerprint) -> str:
    return f"{summary(wallets)}, fingerprint {digest(wallets)}"
