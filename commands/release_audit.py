"""`skyinfra release audit`: known vulnerabilities of what is shipped."""

from collections.abc import Collection, Mapping, Sequence

import click

from commands.options import examples
from display.columns import columns
from display.errors import UserError
from local.layout import PROJECT, read_layout
from local.tools import GO_VERSION, find_go
from local.vulnerability_database import Database, ensure_database
from release.vulnerabilities import (
    ACCEPTED,
    STANDARD_LIBRARY,
    Accepted,
    Finding,
    Modules,
    entries,
    findings,
    read_accepted,
    required,
)

IMAGES, TOOLS = "images", "local/tools"
HEADS = ("PROGRAMS", "MODULE", "VERSION", "FIXED IN", "ID", "WHAT")


@click.command(
    short_help="List known vulnerabilities of what is shipped.",
    epilog=examples("./skyinfra release audit", "./skyinfra release audit --tools"),
)
@click.option("--tools", is_flag=True, help="Also of what `make up` builds for itself. They fail nothing.")
def audit(tools: bool) -> None:
    """List known vulnerabilities of the Go modules that the images of this checkout are built from.

    They come from the Go vulnerability database that local/tools/vulndb/go.mod pins, by versions: a program
    may not use what is faulty. Fails where one is not in release/accepted_vulnerabilities.toml. Neither
    Debian's packages nor images from sources of their own (`git`, `path`) are looked at.
    """
    layout = read_layout()
    database = ensure_database(layout, find_go(layout))
    known = list(entries(database.folder))
    shipped = _of(IMAGES, known)
    accepted = read_accepted(ACCEPTED.read_text())
    open_ones = _without(shipped, accepted)
    click.echo(_table(open_ones) or "Nothing that is shipped has a known vulnerability that is not accepted.")
    for line in _about(shipped, accepted, database):
        click.echo(line)
    if tools:
        click.echo("\n" + (_table(_of(TOOLS, known)) or "Nor has a tool of `make up`."))
    if open_ones:
        raise UserError(
            f"{len(open_ones)} known vulnerabilities in what is shipped. Take fixed versions into "
            "images/NAME/go.mod, or say in release/accepted_vulnerabilities.toml why one may stay."
        )


Found = Mapping[Finding, Sequence[str]]
"""Finding → folders of the programs that have it."""


def _of(folder: str, known: Collection[Mapping[str, object]]) -> Found:
    found = dict[Finding, list[str]]()
    for go_mod in sorted((PROJECT / folder).glob("*/go.mod")):
        modules: Modules = {**required(go_mod.read_text()), STANDARD_LIBRARY: GO_VERSION}
        for finding in findings(known, modules):
            found.setdefault(finding, []).append(go_mod.parent.name)
    return found


def _without(found: Found, accepted: Sequence[Accepted]) -> Found:
    pairs = {(one.identity, one.module) for one in accepted}
    return {one: names for one, names in found.items() if (one.identity, one.module) not in pairs}


def _table(found: Found) -> str:
    rows = [
        (", ".join(names), one.module, one.version, one.fixed or "–", one.identity, one.summary)
        for one, names in sorted(found.items())
    ]
    return columns([HEADS, *rows]) if rows else ""


def _about(shipped: Found, accepted: Sequence[Accepted], database: Database) -> list[str]:
    """Lines under the table: what was accepted, and how old the database is."""
    there = {(one.identity, one.module) for one in shipped}
    lines = [
        f"accepted on {one.date}: {one.identity} in {one.module}. {one.reason}"
        if (one.identity, one.module) in there
        else f"accepted, and gone: {one.identity} in {one.module}. Remove it from {ACCEPTED.name}."
        for one in accepted
    ]
    return [*lines, f"Go {GO_VERSION}; vulnerabilities as known on {database.day}, by versions of modules."]
