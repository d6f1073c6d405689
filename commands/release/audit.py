"""`skyinfra release audit`: known vulnerabilities of the shipped images."""

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from catalogue.bases import OFFICIAL_GO
from catalogue.go_modules import GO_MOD, INEXACT, NOT_KNOWN, STANDARD_LIBRARY, Finding, Modules, required
from commands.options import examples
from display.columns import columns
from display.errors import UserError
from display.units import count_of
from local.machine.layout import PROJECT, read_layout
from local.machine.tools import GO_VERSION, find_go
from local.machine.vulnerability_database import Database, ensure_database
from release.accepted import ACCEPTED, Accepted, read_accepted
from release.pins import SHARED
from release.vulnerabilities import Index, by_module, entries, findings

IMAGES, TOOLS = "images", "local/tools"
COMPILERS = (OFFICIAL_GO, GO_VERSION)
"""Go versions of the official bases and of those built from Debian packages; an image may use either."""
HEADS = ("PROGRAMS", "MODULE", "VERSION", "FIXED IN", "ID", "WHAT")


@click.command(
    short_help="List known vulnerabilities of the shipped images.",
    epilog=examples(
        "./skyinfra release audit",
        "./skyinfra release audit --tools",
        "./skyinfra release audit --fetch-only",
    ),
)
@click.option(
    "--tools",
    is_flag=True,
    help="Also list those of the tools that `make up` builds, and of the programs that only build images. "
    "They do not make the command fail.",
)
@click.option(
    "--fetch-only", is_flag=True, help="Only fetch the database, for the pages and records that need it."
)
def audit(tools: bool, fetch_only: bool) -> None:
    """List known vulnerabilities of the Go modules of the programs in this checkout's images.

    Their versions are looked up in the Go vulnerability database that local/tools/vulndb/go.mod pins; whether
    a program calls the vulnerable code is not known. The command fails if a vulnerability is not in
    release/accepted_vulnerabilities.toml. Not checked are images from other sources (`git`, `path`), Debian's
    packages, and what is not Go: Node, code-server, nginx, Python.
    """
    layout = read_layout()
    with contextlib.redirect_stdout(sys.stderr):
        database = ensure_database(layout, find_go(layout))
    if fetch_only:
        click.echo(f"The database of {database.day} is in {database.folder}.")
        return
    known = by_module(entries(database.folder))
    if not known:
        raise UserError(
            f"The vulnerability database in {database.folder} has no entry: nothing was looked up."
        )
    shipped = _of(known, _go_mods_of_images(shipped=True), COMPILERS)
    accepted = read_accepted(ACCEPTED)
    open_ones = _without(shipped, accepted)
    click.echo(_table(open_ones) or "No shipped image has a known vulnerability that is not accepted.")
    for line in (*_not_looked_up(), *_about(shipped, accepted, database)):
        click.echo(line)
    if tools:
        own = _of(known, _go_mods(TOOLS), [GO_VERSION])
        building = _of(known, _go_mods_of_images(shipped=False), COMPILERS)
        click.echo("\n" + (_table(_both(own, building)) or "No tool has a known vulnerability."))
    if open_ones:
        number = count_of(len(open_ones), "known vulnerability", "known vulnerabilities")
        raise UserError(
            f"{number} in the shipped images. Take fixed versions into "
            "images/NAME/go.mod, and a newer Go into catalogue/bases.py or local/machine/tools.py; or say in "
            "release/accepted_vulnerabilities.toml why one may stay."
        )


Found = Mapping[Finding, Sequence[str]]
"""Finding → names of the folders whose programs have it."""
GoMods = Mapping[str, Path]
"""Name of a folder, such as `skycoin` or `skycoindev-cli/tools` → its go.mod."""


def _go_mods(folder: str) -> GoMods:
    place = PROJECT / folder
    return {str(file.parent.relative_to(place)): file for file in sorted(place.rglob(GO_MOD))}


def _go_mods_of_images(*, shipped: bool) -> GoMods:
    """The go.mod files of programs in images or, unless `shipped`, of programs that only build images."""
    return {
        name: file
        for name, file in _go_mods(IMAGES).items()
        if (name.partition("/")[0] not in SHARED) == shipped
    }


def _of(known: Index, go_mods: GoMods, compilers: Sequence[str]) -> Found:
    programs = dict[Finding, list[str]]()
    for name, go_mod in go_mods.items():
        libraries: list[Modules] = [{STANDARD_LIBRARY: go} for go in compilers]
        for modules in (required(go_mod.read_text(errors="replace")), *libraries):
            for finding in findings(known, modules):
                programs.setdefault(finding, []).append(name)
    return programs


def _both(first: Found, second: Found) -> Found:
    return {finding: [*first.get(finding, ()), *second.get(finding, ())] for finding in {**first, **second}}


def _not_looked_up() -> Iterator[str]:
    """Yield a line for each module of an image whose version is unknown."""
    for name, go_mod in _go_mods_of_images(shipped=True).items():
        for module, version in required(go_mod.read_text(errors="replace")).items():
            if version == NOT_KNOWN:
                where = f"{module} in {IMAGES}/{name}"
                yield f"not looked up: {where}. Its version is unknown, as {INEXACT}."


def _without(programs: Found, accepted: Sequence[Accepted]) -> Found:
    """Findings, each with those programs for which it is not accepted."""
    left = {
        finding: [
            name
            for name in names
            if not any(_is_of(entry, finding) and name in entry.programs for entry in accepted)
        ]
        for finding, names in programs.items()
    }
    return {finding: names for finding, names in left.items() if names}


def _is_of(accepted: Accepted, finding: Finding) -> bool:
    return (accepted.identity, accepted.module) == (finding.identity, finding.module)


def _table(programs: Found) -> str:
    rows = [
        (
            ", ".join(names),
            finding.module,
            finding.version,
            finding.fixed or "–",
            finding.identity,
            finding.summary,
        )
        for finding, names in sorted(programs.items())
    ]
    return columns([HEADS, *rows]) if rows else ""


def _about(shipped: Found, accepted: Sequence[Accepted], database: Database) -> list[str]:
    """Lines under the table: the accepted findings, and the date of the database."""
    lines = [
        f"accepted on {entry.date}: {entry.identity} in {entry.module}. {entry.reason}"
        if any(_is_of(entry, finding) for finding in shipped)
        else f"accepted, and gone: {entry.identity} in {entry.module}. Remove it from {ACCEPTED.name}."
        for entry in accepted
    ]
    return [
        *lines,
        f"Go {' and '.join(COMPILERS)}; vulnerabilities as known on {database.day}, by versions of modules.",
    ]
