"""`skyinfra workspace`: development workspaces, and the files by which editors open them."""

import click

from commands.workspace.files import files
from commands.workspace.open import open_
from commands.workspace.stop import stop


@click.group()
def workspace() -> None:
    """Open a development workspace, or stop it."""


for command in (open_, stop, files):
    workspace.add_command(command)
