"""`skyinfra workspace files`: devcontainer.json and devfile.yaml of a workspace."""

from pathlib import Path
from typing import BinaryIO

import click

from commands.backend import Choice
from commands.options import examples, folder, read_outputs, with_outputs, with_stack
from commands.workspace.options import NAME, chosen_workspace
from local.machine.layout import read_layout
from local.workspace import checked_folder
from local.workspace_place import here, refuse_engines_data
from workspaces.writing import write_files


@click.command(
    short_help="Write devcontainer.json and devfile.yaml.",
    epilog=examples(
        "./skyinfra workspace files cli --into ~/src/skycoin",
        "./skyinfra workspace files python --dind --print",
        "pulumi stack output --json | ./skyinfra workspace files cli --outputs -",
    ),
)
@click.argument("names", metavar="NAME...", nargs=-1, required=True, type=NAME)
@with_stack
@folder("--into", help_text="Project folder to write the files into.", default=Path())
@click.option("--dind", is_flag=True, help="For the image with a nested Docker engine.")
@click.option("--print", "show", is_flag=True, help="Print the files instead of writing them.")
@with_outputs
def files(
    names: tuple[str, ...],
    stack: str | None,
    backend: Choice,
    into: Path,
    dind: bool,
    show: bool,
    outputs: BinaryIO | None,
) -> None:
    """Write devcontainer.json and devfile.yaml for each workspace NAME: cli, python, dotnet or vscode.

    A file that was not written here, or was edited since, is not overwritten. An editor mounts the folder of
    these files into the workspace, so a folder that `workspace open` refuses is refused.
    """
    if not show:
        layout = read_layout()
        into = checked_folder(into.expanduser(), layout, "--into")
        refuse_engines_data(layout, here(into), "--into")
    if outputs is None:
        selected, stack_name = chosen_workspace(names[0], stack, backend)
        published = selected.outputs(stack_name)
    else:
        published = read_outputs(outputs)
    write_files(published, names, into, dind=dind, show=show)
