"""`skyinfra workspace stop`: the end of a workspace's container."""

import click

from catalogue.workspaces import GRACE
from clients.engine import NOT_REACHED, stop_container
from clients.pulumi import containers
from commands.backend import Choice
from commands.options import examples, with_stack
from commands.workspace.options import NAME, chosen_workspace
from display.errors import UserError
from display.progress import working
from settings.names import workspace_container


@click.command(epilog=examples("./skyinfra workspace stop cli"))
@click.argument("name", metavar="NAME", type=NAME)
@with_stack
def stop(name: str, stack: str | None, backend: Choice) -> None:
    """Stop the workspace NAME. Its home volume stays; `open` starts it again."""
    selected, stack_name = chosen_workspace(name, stack, backend)
    container = workspace_container(name)
    with selected.changing(stack_name, "workspace stop"):
        running = [entry for entry in containers(selected.resources(stack_name)) if entry[0] == container]
        if not running:
            raise UserError(f"{name} is not open: the stack {stack_name} has no container {container}.")
        for _, provider in running:
            with working(f"container {container}"):
                outcome = stop_container(container, provider, GRACE)
            if outcome.startswith(NOT_REACHED):
                raise UserError(f"{container} was not stopped: {outcome}")
            click.echo(f"{container}: {outcome}")
