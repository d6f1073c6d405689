"""`skyinfra setup adopt`: a new state for a stack whose state is lost."""

import click

from catalogue.exit_codes import FAILED
from commands.options import examples
from local import setup_adopt
from local.machine.layout import read_layout
from local.stacks.files import STACK


@click.command(
    "adopt",
    short_help="Take over running nodes without a backup; changes nothing on hosts.",
    epilog=examples("./skyinfra setup adopt", "./skyinfra setup adopt -s fleet"),
)
@click.option("-s", "--stack", metavar="NAME", default=STACK, show_default=True, help="Name of the stack.")
@click.option("--publish", "publishes", is_flag=True, help="Also publish images outside this machine.")
def adopt_stack(stack: str, publishes: bool) -> int:
    """Write a new state for a stack whose state is lost, from its file and the containers on its hosts.

    No container, volume or network is created, replaced, changed or removed, and nodes keep running. Images
    are built if the stack builds any, and published in the local registry; a stack with other registries is
    refused without --publish, because its tags, moving ones too, are written without a preview. Resources
    missing on a host are skipped and listed; a node that differs from the file is taken over as it runs, and
    the next preview shows the difference. Lost secrets are listed.
    """
    return FAILED if setup_adopt.adopt(read_layout(), stack, publishes=publishes) else 0
