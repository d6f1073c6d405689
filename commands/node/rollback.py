"""`skyinfra node rollback` and `lift-rollback`: nodes kept at a digest by an entry in the stack's file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from catalogue.exit_codes import FAILED
from clients.deployed_nodes import DeployedNode
from commands.agreement import proceeds
from commands.backend import Backend, Choice
from commands.deployed import deployed_node
from commands.node.removal import targets_of
from commands.node.rollback_digest import digest_for
from commands.options import Function, chosen, examples, with_stack
from display.errors import UserError
from display.rollback import rolled_back, short
from local.pulumi.command import pulumi
from local.stacks.files import stack_text, temporary_stack_file, write_stack_file
from local.stacks.missing_nodes import file_name, listed_nodes, refreshing
from local.stacks.node_entry import with_rollback
from settings.fields import Digest, Reason
from settings.node import RollbackSettings

_GOES_ON = ("--continue-on-error",)
"""Options with which a failed node does not stop the others; nodes of a later wave still wait for it."""
Rollback = Mapping[str, str] | None
"""Digest, reason and date of a rollback; None for a node that follows its stack."""


def _taken_as(kind: Any) -> Callable[[click.Context, click.Parameter, str | None], str]:
    """Create a click callback that checks a value as in the stack's file; a missing value becomes ""."""
    adapter = TypeAdapter[str](kind)

    def check(_context: click.Context, _option: click.Parameter, value: str | None) -> str:
        try:
            return "" if value is None else adapter.validate_python(value)
        except ValidationError as error:
            raise click.BadParameter(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from None

    return check


def with_nodes(function: Function) -> Function:
    """Add the argument NODE… and the option `--yes`."""
    nodes = click.argument("names", metavar="NODE...", nargs=-1, required=True)
    return nodes(
        click.option("--yes", is_flag=True, help="Proceed after the preview without asking.")(function)
    )


@click.command(
    short_help="Return a node to its last healthy image, and keep it there.",
    epilog=examples(
        './skyinfra node rollback node-1 --reason "stops at block 180000"',
        './skyinfra node rollback attic shed -s fleet --reason "issue 12"',
    ),
)
@with_nodes
@click.option(
    "--reason",
    required=True,
    callback=_taken_as(Reason),
    help="Reason, which every run shows until the rollback is lifted.",
)
@click.option(
    "--to",
    metavar="DIGEST",
    callback=_taken_as(Digest),
    help="Digest to return to. Default: each node's last healthy one.",
)
@with_stack
def rollback(
    names: Sequence[str], yes: bool, reason: str, to: str, stack: str | None, backend: Choice
) -> int:
    """Let each NODE run an older digest of its image until `lift-rollback`, whatever the stack says.

    Shows a preview, asks, then writes `rollback` into the nodes' entries in the stack's file and updates
    only these nodes. A node whose older version fails keeps the container that it has, and its entry.
    """
    date = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    selected, stack_name = chosen(stack, backend)
    with selected.changing(stack_name, "node rollback"):
        nodes, text = _nodes(selected, stack_name, names), stack_text(stack_name)
        wanted: dict[str, Rollback] = {}
        for node in nodes:
            current = _listed(stack_name, node.name)
            if current and not to:
                raise UserError(
                    f"{rolled_back(node.name, stack_name, current)}. `--to` selects another digest."
                )
            digest = digest_for(
                node.name, node.host_inputs, str(node.container), node.image, node.last_healthy, to
            )
            wanted[node.name] = {"digest": digest, "reason": reason, "date": date}
            click.echo(f"{node.where}: from {short(node.image)} to {short(digest)}")
        return _Change(selected, stack_name, nodes, text, wanted).run(yes=yes)


@click.command(
    "lift-rollback",
    short_help="Let a node follow its stack again.",
    epilog=examples(
        "./skyinfra node lift-rollback node-1", "./skyinfra node lift-rollback attic shed -s fleet"
    ),
)
@with_nodes
@with_stack
def lift_rollback(names: Sequence[str], yes: bool, stack: str | None, backend: Choice) -> int:
    """Remove `rollback` from the nodes' entries in the stack's file, after a preview and a confirmation.

    Each NODE then gets the image that the stack has for it. One whose newer version fails again keeps the
    container that it has, and its rollback.
    """
    selected, stack_name = chosen(stack, backend)
    with selected.changing(stack_name, "node lift-rollback"):
        nodes, text = _nodes(selected, stack_name, names), stack_text(stack_name)
        for node in nodes:
            if not _listed(stack_name, node.name):
                raise UserError(
                    f"{node.name} is not rolled back in {file_name(stack_name)}: nothing was changed"
                )
            click.echo(f"{node.where}: from {short(node.image)} to what the stack {stack_name} has for it")
        return _Change(selected, stack_name, nodes, text, {node.name: None for node in nodes}).run(yes=yes)


def _nodes(backend: Backend, stack: str, names: Sequence[str]) -> list[DeployedNode]:
    """Nodes in the stack's state. Raises UserError if one is missing or not deployed."""
    resources = backend.resources(stack)
    nodes = [deployed_node(stack, name, resources) for name in dict.fromkeys(names)]
    for node in nodes:
        if node.container is None:
            raise UserError(f"{node.where} is not deployed: `up` creates its container again")
    return nodes


def _listed(stack: str, node: str) -> Rollback:
    """`rollback` of a node in the stack's file. Raises UserError if `up` would not accept it."""
    entry = listed_nodes(stack).get(node)
    value = entry.get("rollback") if isinstance(entry, dict) else None
    if value is None:
        return None
    try:
        settings: dict[str, str] = RollbackSettings.model_validate(value).model_dump()
    except ValidationError:
        raise UserError(
            f"{file_name(stack)}: `up` would refuse the rollback of {node}: `pulumi preview` says why"
        ) from None
    return settings


@dataclass(frozen=True, slots=True)
class _Change:
    """Rollbacks to write or lift: previewed, confirmed and applied, and undone for each node that failed."""

    backend: Backend
    stack: str
    nodes: Sequence[DeployedNode]
    read: str
    """Text of the stack's file when the command began."""
    wanted: Mapping[str, Rollback]

    def run(self, *, yes: bool) -> int:
        """Make the change; return the exit code.

        If the preview fails or nobody agrees, the file stays unchanged. Failed nodes get their former entries
        back.
        """
        before = {name: _listed(self.stack, name) for name in self.wanted}
        text = self._edited(self.read, self.wanted)
        with temporary_stack_file(self.stack, text) as options:
            if self._pulumi("preview", *refreshing(self.stack, self.backend.resources), *options):
                click.echo(f"The preview failed: {self._file} is unchanged.", err=True)
                return FAILED
            if not proceeds(yes=yes):
                return FAILED
            write_stack_file(self.stack, text, self.read)
            try:
                code = self._pulumi(
                    "up", "--refresh", "--yes", "--skip-preview", "--suppress-outputs", *_GOES_ON, *options
                )
            finally:
                failed = [node.name for node in self._now() if node.rollback != self.wanted[node.name]]
                if failed:
                    now = stack_text(self.stack)
                    undone = self._edited(now, {name: before[name] for name in failed})
                    write_stack_file(self.stack, undone, now)
        self._tell(failed)
        return FAILED if failed or code else 0

    @property
    def _file(self) -> str:
        return str(file_name(self.stack))

    def _edited(self, text: str, rollbacks: Mapping[str, Rollback]) -> str:
        for name, entry in rollbacks.items():
            text = with_rollback(text, self._file, name, entry)
        return text

    def _pulumi(self, command: str, *options: str) -> int:
        targets = targets_of([urn for node in self.nodes for urn in node.urns])
        given = [command, "--stack", self.stack, *options, *targets]
        return pulumi(given, self.backend.env, self.backend.update_log)

    def _now(self) -> list[DeployedNode]:
        resources = self.backend.resources(self.stack)
        return [deployed_node(self.stack, name, resources) for name in self.wanted]

    def _tell(self, failed: Sequence[str]) -> None:
        for node in self._now():
            if node.name in failed:
                click.echo(
                    f"{node.where} failed: its state and its entry in {self._file} are as before. The error "
                    "above says which container its host has.",
                    err=True,
                )
            elif node.rollback is None:
                click.echo(f"{node.where} follows the stack {self.stack} again, with {short(node.image)}.")
            else:
                click.echo(
                    f"{rolled_back(node.name, self.stack, node.rollback)}. It is recorded in {self._file}."
                )
