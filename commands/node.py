"""`skyinfra node`: steps in a node's life that `pulumi up` refuses to take by itself."""

import click

from clients.pulumi import let_go, waiting_nodes
from commands.backend import Backend, Choice
from commands.exit_codes import FAILED, INTERRUPTED
from commands.node_rollback import lift_rollback, rollback
from commands.options import chosen, examples, with_stack
from local.missing_nodes import file_name, listed_nodes
from local.pulumi_run import pulumi
from local.stack import is_own, remove_setting
from local.steps import SetupError
from wallets.nodes import DeployedNode, node_of, nodes_of


@click.group()
def node() -> None:
    """Roll a node back, or retire it; its wallet stays."""


for command in (rollback, lift_rollback):
    node.add_command(command)


@node.command(
    short_help="Remove a node; its volumes stay.",
    epilog=examples("./skyinfra node retire node-2", "./skyinfra node retire attic -s fleet"),
)
@click.argument("name", metavar="NODE")
@with_stack
def retire(name: str, stack: str | None, backend: Choice) -> int:
    """Remove the container and network of NODE, and its line in the stack's file. Its volumes stay.

    If git tracks the stack's file, delete the node's line yourself first.
    """
    found, stack_name = chosen(stack, backend)
    with found.changing(stack_name, "node retire"):
        return _retire(found, stack_name, name)


def _retire(backend: Backend, stack: str, name: str) -> int:
    own = backend.layout if is_own(stack) else None
    listed, there = name in listed_nodes(stack), backend.resources(stack)
    if own is not None and listed and name not in nodes_of(stack, there):
        # An interrupted `retire` has left it.
        remove_setting(own, stack, f"skycoin:nodes.{name}", backend.env)
        click.echo(f"{name} was taken out of {file_name(stack)}; the state of {stack} did not have it.")
        return 0
    deployed = node_of(stack, name, there)
    if listed and own is None:
        raise SetupError(
            f"Take {name} out of {file_name(stack)} first: that file is yours to edit. "
            "With that line the next `up` would make the node again."
        )
    if waiting_nodes(there, deployed.urns):
        let_go(stack, deployed.urns)
    if _destroy(deployed, stack, backend):
        return FAILED
    if own is not None and listed:
        remove_setting(own, stack, f"skycoin:nodes.{name}", backend.env)
    click.echo(f"\n{name} is retired. Kept on host {deployed.host}: {deployed.kept}.")
    click.echo("To bring it back, write its line again: `up` takes the volumes that are there.")
    return 0


def _destroy(deployed: DeployedNode, stack: str, backend: Backend) -> int:
    """Exit code of pulumi. Where it fails or is interrupted, the wallet is protected again."""
    options = ["--yes", "--stack", stack]
    targets = [part for urn in deployed.urns for part in ("--target", urn)]
    tried, code = list[str](), FAILED
    try:
        for urn in deployed.protected:
            tried.append(urn)  # before: an interrupted `unprotect` may have done it
            if code := pulumi(["state", "unprotect", urn, *options], backend.env, backend.update_log):
                return code
        code = pulumi(["destroy", "--suppress-outputs", *options, *targets], backend.env, backend.update_log)
    except KeyboardInterrupt:
        code = INTERRUPTED
        raise
    finally:
        for urn in tried if code else ():
            _protect(urn, stack, backend)
    return code


def _protect(urn: str, stack: str, backend: Backend) -> None:
    """Protect a wallet again, or say how: a second Ctrl-C ends this one, and not those of the others."""
    options = ["--yes", "--stack", stack]
    try:
        code = pulumi(["state", "protect", urn, *options], backend.env, backend.update_log)
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code:
        command = f"pulumi state protect '{urn}' --stack {stack}"
        click.echo(f"If it is still in the state, it may be without protection now: `{command}`", err=True)
