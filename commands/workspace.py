"""`skyinfra workspace`: commands to open and stop a workspace, and to write files for editors."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import click

from catalogue.workspaces import GRACE, WORKSPACES
from clients.engine import stop_container
from clients.pulumi import containers
from commands.backend import Backend, Choice, choose
from commands.options import examples, folder, read_outputs, with_outputs, with_stack
from commands.wallet_options import with_ssh
from display.errors import UserError
from display.progress import working
from local.machine.layout import read_layout
from local.setup import claim_state
from local.stacks.files import WORKSPACE
from local.stacks.lock import exclusive
from local.workspace import checked_folder, open_workspace
from local.workspace_place import behind_ssh, here
from settings.fields import engine_fault
from settings.names import workspace_container
from workspaces.writing import write_files

NAME = click.Choice(list(WORKSPACES))


@click.group()
def workspace() -> None:
    """Open a development workspace, or stop it."""


@workspace.command(
    "open",
    short_help="Open a workspace over a folder.",
    epilog=examples(
        "./skyinfra workspace open cli --folder ~/src/skycoin",
        "./skyinfra workspace open vscode --folder ~/src/skycoin --dind",
        "./skyinfra workspace open cli --dind --engine ssh://me@shed.lan --folder /home/me/src/skycoin",
    ),
)
@click.argument("name", metavar="NAME", type=NAME)
@folder("--folder", help_text="Folder to work on; it is /work inside.", default=Path())
@click.option(
    "--dind",
    is_flag=True,
    help="With a nested Docker engine: anyone inside can take over the machine. Refused if a node is on the "
    "same engine.",
)
@click.option(
    "--engine",
    metavar="ssh://USER@HOST",
    callback=lambda _context, _option, value: _checked_engine(value),
    help="Run it on the Docker engine of another machine, over a folder there, with the ids of that user.",
)
@with_ssh
def open_(name: str, folder: Path, dind: bool, engine: str | None, ssh_options: Sequence[str]) -> int:
    """Open the workspace NAME (cli, python, dotnet or vscode) over a folder.

    Uses the set-up of `make up`, and first sets up whatever is missing. The image is built here, also for
    another machine (`--engine`), which gets it through ssh.

    With plain Pulumi, write `open` into the stack's YAML instead (docs/stacks.md, “Opening a workspace”).
    """
    layout = read_layout()
    # A refusal leaves no state folder behind.
    if engine is None:
        place = here(checked_folder(folder.expanduser(), layout))
    else:
        place = behind_ssh(engine, ssh_options, str(folder))
    claim_state(layout)
    with exclusive(layout, "skyinfra workspace open"):
        return open_workspace(layout, name, place, dind=dind)


def _checked_engine(given: str | None) -> str | None:
    fault = engine_fault(given) if given is not None else None
    if given is not None and (fault or not given.startswith("ssh://")):
        raise click.BadParameter(
            f"{given!r} is not ssh://USER@HOST or ssh://USER@HOST:PORT. Another engine of this machine would "
            "not help: all its engines share one kernel, and one root."
        )
    return given


@workspace.command(epilog=examples("./skyinfra workspace stop cli"))
@click.argument("name", metavar="NAME", type=NAME)
@with_stack
def stop(name: str, stack: str | None, backend: Choice) -> None:
    """Stop the workspace NAME. Its home volume stays; `open` starts it again."""
    selected, stack_name = _chosen(name, stack, backend)
    container = workspace_container(name)
    with selected.changing(stack_name, "workspace stop"):
        running = [entry for entry in containers(selected.resources(stack_name)) if entry[0] == container]
        if not running:
            raise UserError(f"{name} is not open: the stack {stack_name} has no container {container}.")
        for _, provider in running:
            with working(f"container {container}"):
                outcome = stop_container(container, provider, GRACE)
            if outcome.startswith("not reached"):
                raise UserError(f"{container} was not stopped: {outcome}")
            click.echo(f"{container}: {outcome}")


@workspace.command(
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

    A file that was not written here, or was edited since, is not overwritten.
    """
    if outputs is None:
        selected, stack_name = _chosen(names[0], stack, backend)
        published = selected.outputs(stack_name)
    else:
        published = read_outputs(outputs)
    write_files(published, names, into.expanduser(), dind=dind, show=show)


def _chosen(name: str, stack: str | None, backend: Choice) -> tuple[Backend, str]:
    """Backend and stack of a workspace; a set-up opens each workspace in a separate stack."""
    selected = choose(backend)
    return selected, selected.stack(stack, f"{WORKSPACE}{name}")
