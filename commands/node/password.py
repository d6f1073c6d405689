"""`skyinfra node password`: the login of a node's web interface."""

import click

from commands.backend import Choice
from commands.deployed import deployed_node
from commands.options import chosen, examples, with_stack
from wallets.login import shown_login


@click.command(
    short_help="Show the login of a node's web interface.",
    epilog=examples("./skyinfra node password node-1", "./skyinfra node password attic -s fleet"),
)
@click.argument("name", metavar="NODE")
@with_stack
def password(name: str, stack: str | None, backend: Choice) -> None:
    """Show user and password of the web interface of NODE, which has `gui: true`.

    They are read from its host, the only place that has them. `./skyinfra setup rotate gui` replaces the
    passwords.
    """
    selected, stack_name = chosen(stack, backend)
    click.echo(shown_login(deployed_node(stack_name, name, selected.resources(stack_name))))
