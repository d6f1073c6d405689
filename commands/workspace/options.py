"""Options that commands for workspaces share."""

import click

from catalogue.workspaces import WORKSPACES
from commands.backend import Backend, Choice, choose
from local.stacks.files import WORKSPACE

NAME = click.Choice(list(WORKSPACES))


def chosen_workspace(name: str, stack: str | None, backend: Choice) -> tuple[Backend, str]:
    """Backend and stack of a workspace; a set-up opens each workspace in a separate stack."""
    selected = choose(backend)
    return selected, selected.stack(stack, f"{WORKSPACE}{name}")
