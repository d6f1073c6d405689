"""`skyinfra release`: record and audit of a release, and retention of builds in a registry."""

import json
from typing import Any, BinaryIO

import click

from catalogue.naming import name_fault
from clients.registry import Repository
from commands.backend import Choice, choose, enter_set_up
from commands.known_vulnerabilities import NotLookedUpError, looked_up, looking_up, not_looked_up, read_known
from commands.options import (
    MALFORMED,
    NO_OUTPUTS,
    chosen,
    examples,
    read_outputs,
    with_backend,
    with_outputs,
    with_stack,
)
from commands.release.audit import audit
from commands.release.pins import pins
from display.errors import UserError
from local.machine.layout import read_layout
from release import comparison
from release.record import RecordError, markdown, release_record
from release.retention import KEEP, plan


def _named(_context: click.Context, _parameter: click.Parameter, repository: str) -> str:
    if fault := name_fault(repository):
        raise click.BadParameter(f"{repository!r} is not HOST[:PORT]/PATH: {fault}.")
    return repository


@click.group()
def release() -> None:
    """Record a release; audit what is shipped; remove old builds."""


release.add_command(audit)
release.add_command(pins)


@release.command(
    short_help="Print the record of a published image.",
    epilog=examples(
        "./skyinfra release record -s release > record.md",
        "./skyinfra release record skywire -s release --format json",
        "cat record-0.27.0.json | ./skyinfra release record -s release --since -",
        "pulumi stack output --json | ./skyinfra release record --outputs -",
    ),
)
@click.argument("image", default="skycoin")
@with_stack
@click.option(
    "--format", "form", type=click.Choice(["markdown", "json"]), default="markdown", show_default=True
)
@click.option(
    "--since",
    type=click.File("rb"),
    help="Record of an earlier release, in JSON, to compare with: Go modules, known vulnerabilities, sizes.",
)
@with_outputs
def record(
    image: str,
    stack: str | None,
    backend: Choice,
    form: str,
    since: BinaryIO | None,
    outputs: BinaryIO | None,
) -> None:
    """Print what a stack published of IMAGE: tags, digests, sizes, source, checks, SBOMs and Go modules.

    With --since, it also lists the Go modules that each program gained, lost or changed, and the known
    vulnerabilities that come and go with them, from the database that local/tools/vulndb/go.mod pins.
    """
    if outputs is None:
        selected, name = chosen(stack, backend)
        published = selected.outputs(name)
    else:
        published = read_outputs(outputs)
    try:
        entry = release_record(published, image)
        if since is not None:
            entry["since"] = _since(_earlier(since, image), entry)
        text = _page(entry) if form == "markdown" else json.dumps(entry, indent=2)
    except MALFORMED:
        raise RecordError(NO_OUTPUTS) from None
    click.echo(text)


def _page(entry: comparison.Record) -> str:
    sections = [comparison.markdown(entry["since"])] if "since" in entry else []
    return "\n".join([markdown(entry), *sections])


def _earlier(file: BinaryIO, image: str) -> comparison.Record:
    try:
        content = json.load(file)
    except (ValueError, RecursionError):
        raise RecordError(comparison.NO_RECORD) from None
    return comparison.checked_record(content, image)


def _since(before: comparison.Record, entry: comparison.Record) -> dict[str, Any]:
    """Comparison with an earlier record, with the known vulnerabilities that were gained and lost."""
    differences = comparison.compared(before, entry)
    vulnerabilities, lookup = list[Any](), ""
    if differences["modules"]:
        try:
            with looking_up():
                known, day = read_known(read_layout())
                vulnerabilities = [*comparison.vulnerability_differences(differences["modules"], known)]
            lookup = looked_up(day, vulnerabilities, is_whole=not differences["variants_without_modules"])
        except NotLookedUpError as error:
            lookup = not_looked_up(error)
    return {**differences, "vulnerabilities": vulnerabilities, "looked_up": lookup}


@release.command(
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
    """List feature and develop builds older than the newest; with --delete, remove them.

    Never removes releases, moving tags, what they point to, or what a stack of the backend runs or names by
    digest. Do not run it during a publish to REPOSITORY.
    """
    deployed = _without_stacks(backend) if no_stacks else _deployed(backend)
    client = Repository(repository)
    wanted = plan(client, keep, deployed)
    for word, builds in (("stays", wanted.kept_builds), ("goes", wanted.removed_builds)):
        for build in builds:
            click.echo(f"{word:5}  {build.created or 'no date':20}  {build.tag}")
    if not delete:
        click.echo(f"{len(wanted.removed_builds)} builds would be removed; --delete removes them")
        return
    for reference in (*wanted.untag, *wanted.remove):
        client.remove(reference)
    click.echo(
        f"{len(wanted.removed_builds)} builds were removed; "
        "the registry's garbage collection frees their space"
    )


def _without_stacks(backend: Choice) -> frozenset[str]:
    """Enter the set-up, for its registry's authority and logins; returns no digests."""
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
