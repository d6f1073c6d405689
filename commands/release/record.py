"""`skyinfra release record`: what a stack published of an image."""

import json
from typing import BinaryIO

import click

from commands.backend import Choice
from commands.known_vulnerabilities import (
    NotLookedUpError,
    lookup_note,
    malformed_as_errors,
    no_lookup_note,
    read_known,
)
from commands.options import (
    MALFORMED,
    NO_OUTPUTS,
    chosen,
    examples,
    read_outputs,
    with_outputs,
    with_stack,
)
from local.machine.layout import read_layout
from release import comparison
from release.record import RecordError, ReleaseRecord, markdown, release_record


@click.command(
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
    help="Record of an earlier release, in JSON, to compare with: Go modules, known vulnerabilities, Debian "
    "packages, sizes.",
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
    """Print the release record of IMAGE: tags, digests, sizes, source, checks, SBOMs, Debian packages and Go
    modules.

    With --since, also print what differs from that record: the Go modules of each program, their known
    vulnerabilities (from the database that local/tools/vulndb/go.mod pins), Debian packages and sizes.
    """
    if outputs is None:
        selected, name = chosen(stack, backend)
        published = selected.outputs(name)
    else:
        published = read_outputs(outputs)
    try:
        entry = release_record(published, image)
        compared = None if since is None else _since(_earlier(since, image), entry)
        text = _page(entry, compared) if form == "markdown" else _json(entry, compared)
    except MALFORMED:
        raise RecordError(NO_OUTPUTS) from None
    click.echo(text)


def _page(entry: ReleaseRecord, since: comparison.Comparison | None) -> str:
    sections = [] if since is None else [comparison.markdown(since)]
    return "\n".join([markdown(entry), *sections])


def _json(entry: ReleaseRecord, since: comparison.Comparison | None) -> str:
    return json.dumps(entry if since is None else {**entry, "since": since}, indent=2)


def _earlier(file: BinaryIO, image: str) -> ReleaseRecord:
    try:
        content = json.load(file)
    except (ValueError, RecursionError):
        raise RecordError(comparison.NO_RECORD) from None
    return comparison.checked_record(content, image)


def _since(before: ReleaseRecord, entry: ReleaseRecord) -> comparison.Comparison:
    """Comparison with an earlier record, with the known vulnerabilities that were gained and lost."""
    differences = comparison.compared(before, entry)
    vulnerabilities, lookup = list[comparison.VulnerabilityDifference](), ""
    if differences["modules"]:
        try:
            with malformed_as_errors():
                known, day = read_known(read_layout())
                vulnerabilities = [*comparison.vulnerability_differences(differences["modules"], known)]
            lookup = lookup_note(day, vulnerabilities, is_whole=not differences["variants_without_modules"])
        except NotLookedUpError as error:
            lookup = no_lookup_note(error)
    return {**differences, "vulnerabilities": vulnerabilities, "looked_up": lookup}
