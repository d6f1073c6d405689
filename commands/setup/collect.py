"""`skyinfra setup collect`: unneeded images in the local registry."""

from collections import Counter

import click

from catalogue.exit_codes import FAILED
from commands.agreement import has_agreed
from commands.backend import Choice, enter_set_up
from commands.options import examples
from display.columns import columns
from display.units import count_of, size
from local.machine.layout import read_layout
from local.registry.contents import Garbage
from local.registry_collection import collect


@click.command(
    "collect",
    short_help="Remove unneeded images from the local registry.",
    epilog=examples("./skyinfra setup collect", "./skyinfra setup collect --yes"),
)
@click.option("--yes", is_flag=True, help="Remove them without asking.")
def collect_registry(yes: bool) -> int:
    """Remove unneeded images from the local registry, after showing them.

    An image is needed if a tag, a list, a state or a stack's file names it. Without --yes or your answer,
    nothing is removed. The registry is stopped for some seconds; nodes keep running. Refused while another
    command or pulumi is running. A run that was interrupted is finished by the same command.
    """
    enter_set_up(layout := read_layout(), Choice.SET_UP)  # for the registry's authority and login
    shown = False

    def agreed(garbage: Garbage) -> bool:
        nonlocal shown
        shown = True
        click.echo(
            f"{_garbage(garbage)}\nImages that are published, running, or were healthy before are kept."
        )
        return yes or has_agreed("Remove them?", "Nothing was removed: --yes removes them.")

    if (gone := collect(layout, agreed)) is not None:
        click.echo(f"{size(gone.size)} were freed.")
        return 0
    if shown:
        return FAILED
    click.echo("Everything in the local registry is needed.")
    return 0


def _garbage(garbage: Garbage) -> str:
    """Table of the repositories that would lose manifests, and a sentence with the total."""
    going = Counter(manifest.repository for manifest in garbage.manifests)
    rows = [[name, str(count), str(garbage.kept_counts[name])] for name, count in sorted(going.items())]
    listed = [columns([["REPOSITORY", "REMOVE", "KEEP"], *rows]), ""] if rows else []
    manifests = count_of(len(garbage.manifests), "manifest")
    total = f"{manifests} would be removed, which frees {size(garbage.size)}."
    return "\n".join([*listed, total])
