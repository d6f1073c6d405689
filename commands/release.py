"""`skyinfra release`: the record of a release, and retention of builds in a registry."""

import json
from typing import BinaryIO

import click

from clients.registry import Repository
from commands.backend import Choice
from commands.options import MALFORMED, NO_OUTPUTS, chosen, examples, read_outputs, with_outputs, with_stack
from release.record import RecordError, markdown, release_record
from release.retention import KEEP, plan


@click.group()
def release() -> None:
    """Record a release; retire old builds."""


@release.command(
    epilog=examples(
        "skyinfra release record -s release > record.md",
        "skyinfra release record skywire -s release --format json",
        "pulumi stack output --json | skyinfra release record --outputs -",
    )
)
@click.argument("image", default="skycoin")
@with_stack
@click.option(
    "--format", "form", type=click.Choice(["markdown", "json"]), default="markdown", show_default=True
)
@with_outputs
def record(image: str, stack: str | None, backend: Choice, form: str, outputs: BinaryIO | None) -> None:
    """Print what a stack published of IMAGE: tags, digests, sizes, source, verification and SBOMs."""
    if outputs is None:
        found, name = chosen(stack, backend)
        published = found.outputs(name)
    else:
        published = read_outputs(outputs)
    try:
        entry = release_record(published, image)
        text = markdown(entry) if form == "markdown" else json.dumps(entry, indent=2)
    except MALFORMED:
        raise RecordError(NO_OUTPUTS) from None
    click.echo(text)


@release.command(
    epilog=examples(
        "skyinfra release retain registry.example/skycoin/skycoin",
        "skyinfra release retain registry.example/skycoin/skycoin --keep 5 --delete",
    )
)
@click.argument("repository")
@click.option(
    "--keep",
    type=click.IntRange(min=0),
    default=KEEP,
    show_default=True,
    help="Builds of each kind that stay.",
)
@click.option("--delete", is_flag=True, help="Remove them. Without it they are only listed.")
def retain(repository: str, keep: int, delete: bool) -> None:
    """Retire all but the newest feature and develop builds of REPOSITORY.

    Releases and moving tags are never removed, nor what they point to. Don't run it while something is
    published there.
    """
    client = Repository(repository)
    wanted = plan(client, keep)
    for word, found in (("stays", wanted.stays), ("goes", wanted.goes)):
        for build in found:
            click.echo(f"{word:5}  {build.created or 'no date':20}  {build.tag}")
    if not delete:
        click.echo(f"{len(wanted.goes)} builds would go; --delete removes them")
        return
    for reference in (*wanted.untag, *wanted.remove):
        client.remove(reference)
    click.echo(f"{len(wanted.goes)} builds are gone; the registry's garbage collection frees their space")
