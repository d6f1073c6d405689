"""`skyinfra workspace open`: a development workspace over a folder."""

from collections.abc import Sequence
from pathlib import Path

import click

from commands.options import examples, folder
from commands.wallet_options import with_ssh
from commands.workspace.options import NAME
from local.machine.layout import read_layout
from local.setup import claim_state
from local.stacks.lock import exclusive
from local.workspace import checked_folder, open_workspace
from local.workspace_place import behind_ssh, here
from settings.fields import engine_fault


@click.command(
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
