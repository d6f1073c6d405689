"""`skyinfra node retire`: the removal of a node from its stack."""

import contextlib
from collections.abc import Collection

import click

from catalogue.exit_codes import FAILED
from clients.deployed_nodes import DeployedNode, nodes_of
from commands.agreement import proceeds
from commands.backend import Backend, Choice
from commands.deployed import deployed_node
from commands.node.removal import take_out
from commands.options import chosen, examples, with_stack
from local.machine.steps import SetupError
from local.stacks.files import is_own
from local.stacks.missing_nodes import file_name, listed_nodes
from local.stacks.stack import remove_setting
from settings.words import yaml_of
from wallets.errors import WalletError
from wallets.moving import unrecorded_container


@click.command(
    short_help="Remove a node; its volumes stay.",
    epilog=examples("./skyinfra node retire node-2", "./skyinfra node retire attic -s fleet --yes"),
)
@click.argument("name", metavar="NODE")
@click.option("--yes", is_flag=True, help="Proceed without asking.")
@with_stack
def retire(name: str, yes: bool, stack: str | None, backend: Choice) -> int:
    """Remove the container and network of NODE. Its volumes stay.

    Asks first. In a set-up's stack `local`, the node's line in the stack's file is removed too; in any other
    stack, delete that line yourself first.
    """
    selected, stack_name = chosen(stack, backend)
    with selected.changing(stack_name, "node retire"):
        return _retire(selected, stack_name, name, yes=yes)


def _retire(backend: Backend, stack: str, name: str, *, yes: bool) -> int:
    own = backend.layout if is_own(stack) else None
    entries, resources = listed_nodes(stack), backend.resources(stack)
    listed = name in entries
    _refuse_half_renamed(stack, name, nodes_of(stack, resources))
    if own is not None and listed and name not in nodes_of(stack, resources):
        # An interrupted `retire` left the node's line.
        remove_setting(own, stack, f"skycoin:nodes.{name}", backend.env)
        click.echo(f"{name} was removed from {file_name(stack)}; the state of {stack} did not have it.")
        return 0
    deployed = deployed_node(stack, name, resources)
    if listed and own is None:
        raise SetupError(
            f"Take {name} out of {file_name(stack)} first: that file is yours to edit. "
            "With that line the next `up` would create the node again."
        )
    # If the host does not answer, the removal below fails, if there is anything to remove on that host.
    with contextlib.suppress(WalletError):
        if problem := unrecorded_container(deployed):
            raise SetupError(problem)
    click.echo(
        f"This stops and removes {deployed.where}, with its network. Kept on host {deployed.host}: "
        f"{deployed.kept}."
    )
    if not proceeds(yes=yes):
        return FAILED
    if take_out(deployed, backend):
        return FAILED
    if own is not None and listed:
        remove_setting(own, stack, f"skycoin:nodes.{name}", backend.env)
    click.echo(f"\n{name} is retired. Kept on host {deployed.host}: {deployed.kept}.")
    click.echo(_way_back(deployed, entries.get(name)))
    return 0


def _way_back(deployed: DeployedNode, entry: object) -> str:
    """Sentence about the entry that brings a node back on its volumes; `entry` is None if it is not known."""
    given = {"data-volume": deployed.data, "wallet-volume": deployed.wallet}
    volumes = {
        key: volume
        for key, volume in given.items()
        if volume and not volume.endswith(f"-{deployed.name}-{key.removesuffix('-volume')}")
    }
    end = "`up` uses the existing volumes"
    if not isinstance(entry, dict) or "args" in entry:  # which may hold a secret
        names = f", with `{yaml_of(volumes).strip('{}')}`" if volumes else ""
        return f"To bring it back, write its entry again{names}: {end}."
    kept = {key: value for key, value in entry.items() if key not in ("renamed-from", "new-wallet")}
    line = f"    {deployed.name}: {yaml_of({**kept, **volumes})}"
    return f"To bring it back, write this below skycoin:nodes; {end}:\n{line}"


def _refuse_half_renamed(stack: str, name: str, deployed: Collection[str]) -> None:
    """Raise SetupError if the node was renamed in the file, and is deployed under its former name."""
    for new, entry in listed_nodes(stack).items():
        former = entry.get("renamed-from") if isinstance(entry, dict) else None
        if former in deployed and new not in deployed and name in (new, former):
            raise SetupError(
                f"{new} is the new name of {former}, which is still deployed as {former}: run `up` first, or "
                f"take the entry of {new} out of {file_name(stack)} and retire {former}. Nothing was changed."
            )
