"""`skyinfra release retain`: which feature and develop builds stay in a registry."""

import click

from catalogue.naming import name_fault
from clients.registry import Repository
from commands.backend import Choice, choose, enter_set_up
from commands.options import (
    examples,
    with_backend,
)
from display.errors import UserError
from display.units import count_of
from local.machine.layout import read_layout
from release.retention import KEEP, plan


def _named(_context: click.Context, _parameter: click.Parameter, repository: str) -> str:
    if fault := name_fault(repository):
        raise click.BadParameter(f"{repository!r} is not HOST[:PORT]/PATH: {fault}.")
    host, _, path = repository.partition("/")
    if not path or not (host == "localhost" or "." in host or ":" in host):
        raise click.BadParameter(
            f"{repository!r} does not begin with its registry's host, as in ghcr.io/{repository}."
        )
    return repository


@click.command(
    short_help="List or remove old feature and develop builds.",
    epilog=examples(
        "./skyinfra release retain registry.example/skycoin/skycoin",
        "./skyinfra release retain registry.example/skycoin/skycoin --keep 5 --delete",
    ),
)
@click.argument("repository", callback=_named)
@with_backend
@click.option(
    "--keep",
    type=click.IntRange(min=0),
    default=KEEP,
    show_default=True,
    help="Number of builds of each kind to keep.",
)
@click.option("--delete", is_flag=True, help="Remove the builds. Without this option they are only listed.")
@click.option("--no-stacks", is_flag=True, help="Decide by tags only: Pulumi and the stacks are not used.")
def retain(repository: str, backend: Choice, keep: int, delete: bool, no_stacks: bool) -> None:
    """List which feature and develop builds stay and which are old; with --delete, remove the old ones.

    Never removes a release, a moving tag or what it points to, a build that a stack of the backend runs or
    names by digest, or one of unknown age. Do not run it during a publish to REPOSITORY.
    """
    deployed = _without_stacks(backend) if no_stacks else _deployed(backend)
    client = Repository(repository)
    wanted = plan(client, keep, deployed)
    for word, builds in (("stays", wanted.kept_builds), ("goes", wanted.removed_builds)):
        for build in builds:
            click.echo(f"{word:5}  {build.created or 'age unknown':20}  {build.tag}")
    if not delete:
        click.echo(
            f"{count_of(len(wanted.removed_builds), 'build')} would be removed; --delete removes them"
            if wanted.removed_builds
            else "No build would be removed."
        )
        return
    for reference in (*wanted.untag, *wanted.remove):
        client.remove(reference)
    if not wanted.removed_builds:
        click.echo("No build was removed.")
        return
    were = "build was" if len(wanted.removed_builds) == 1 else "builds were"
    click.echo(
        f"{len(wanted.removed_builds)} {were} removed; the registry's garbage collection frees the space"
    )


def _without_stacks(backend: Choice) -> frozenset[str]:
    """Enter the set-up, for its registry's authority and logins; return no digests."""
    enter_set_up(read_layout(), backend)
    return frozenset()


def _deployed(backend: Choice) -> frozenset[str]:
    """Digests that stacks name, whose builds must be kept. Raises UserError."""
    try:
        return choose(backend).named_digests()
    except UserError as error:
        raise UserError(
            f"{error}\nThe images that stacks run are unknown, so nothing was removed; --no-stacks decides "
            "by tags alone."
        ) from None
