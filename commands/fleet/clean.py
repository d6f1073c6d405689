"""`skyinfra fleet clean`: removal of this program's older images from the hosts of a stack."""

from collections.abc import Sequence

import click

from catalogue.exit_codes import FAILED, PART
from commands.agreement import has_agreed
from commands.backend import Choice
from commands.options import chosen, examples, with_stack
from display.progress import working
from fleet.images import Surplus, clean, counted, image_hosts, look, named_images, table
from local.registry_collection import named_in_files

STAYS = (
    "The running and the last healthy image of each node are kept, and so is every image that a container "
    "uses, that a stack's file names, that has a tag, or that may not belong to this program. No volume is "
    "touched."
)


@click.command(
    "clean",
    short_help="Show older images on all hosts, and remove them.",
    epilog=examples("./skyinfra fleet clean", "./skyinfra fleet clean -s fleet --yes"),
)
@with_stack
@click.option("--yes", is_flag=True, help="Remove them without asking.")
def clean_hosts(stack: str | None, backend: Choice, yes: bool) -> int:
    """Remove images of this program that no node needs from the hosts of a stack, after showing them.

    An `up` already removes older images of the nodes that it replaced. This command removes the rest: images
    left by exporters, workspaces, hosted registries, failed updates and earlier versions of this program, and
    those on hosts that were down. It removes nothing without --yes or your answer. The exit code is 4 if a
    host did not answer, or kept an image.
    """
    selected, name = chosen(stack, backend)
    with selected.changing(name, "fleet clean"):
        selected.refuse_unknown(name)
        resources = selected.resources(name)
        kept = named_images(resources, named_in_files())
        with working(f"hosts of the stack {name}"):
            seen = look(image_hosts(resources), kept)
        _say_faults(seen)
        if not any(surplus.images for surplus in seen):
            hosts = "host that answers" if _code(seen) else "host"
            click.echo(f"No {hosts} has an older image of this program.")
        else:
            click.echo(f"{table(seen)}\n\n{counted(seen)}, would be removed. {STAYS}")
            if not (yes or has_agreed("Remove them?", "Nothing was removed: --yes removes them.")):
                return FAILED
            gone = clean(seen, kept)
            _say_faults(gone)
            click.echo(f"{counted(gone)}, removed.")
            seen = [*seen, *gone]
        return _code(seen)


def _say_faults(surpluses: Sequence[Surplus]) -> None:
    for surplus in surpluses:
        for fault in surplus.faults:
            click.echo(f"{surplus.host.name}: {fault}", err=True)


def _code(surpluses: Sequence[Surplus]) -> int:
    return PART if any(surplus.faults for surplus in surpluses) else 0
