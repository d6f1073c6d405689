"""Known vulnerabilities of Go programs by the versions of their modules, from entries in the OSV format.

A version shows that a module is vulnerable, not that a program uses the vulnerable part: the images' programs
are stripped, so their calls can't be determined. Schema: https://ossf.github.io/osv-schema/.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from catalogue import version_order
from catalogue.go_modules import NOT_KNOWN, Finding, Modules

Index = Mapping[str, Sequence[Mapping[str, Any]]]
"""Module → entries of the database that concern it."""


def entries(folder: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the entries in a vulnerability database's folder that were not withdrawn."""
    for path in sorted(folder.glob("*.json")):
        entry: Mapping[str, Any] = json.loads(path.read_bytes())
        if not entry.get("withdrawn"):
            yield entry


def by_module(known: Iterable[Mapping[str, Any]]) -> Index:
    """Index entries by the modules that they concern, whatever the versions."""
    index: dict[str, list[Mapping[str, Any]]] = {}
    for entry in known:
        for module in dict.fromkeys(affected["package"]["name"] for affected in entry["affected"]):
            index.setdefault(module, []).append(entry)
    return index


def findings(known: Index, modules: Modules) -> list[Finding]:
    """Sorted vulnerabilities of the modules whose versions are known, each once."""
    vulnerable = {
        Finding(
            module=module,
            version=version,
            identity=entry["id"],
            fixed=_fixed_after(events, version),
            summary=entry.get("summary", ""),
        )
        for module, version in modules.items()
        if version != NOT_KNOWN
        for entry in known.get(module, ())
        for affected in entry["affected"]
        if affected["package"]["name"] == module
        for events in [_events(affected)]
        if _is_affected(events, version)
    }
    return sorted(vulnerable)


def gained_and_gone(known: Index, before: Modules, after: Modules) -> tuple[list[Finding], list[Finding]]:
    """Vulnerabilities that modules have only in `after`, and those that they have only in `before`."""
    was, would = (
        {(finding.module, finding.identity): finding for finding in findings(known, modules)}
        for modules in (before, after)
    )
    return [would[key] for key in would if key not in was], [was[key] for key in was if key not in would]


def _events(affected: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(`introduced` or `fixed`, version) of all ranges of an affected module."""
    return [
        event for limits in affected.get("ranges", ()) for item in limits["events"] for event in item.items()
    ]


def _is_affected(events: Sequence[tuple[str, str]], version: str) -> bool:
    own, affected = precedence(version), False
    for kind, limit in sorted(events, key=lambda event: precedence(event[1])):
        if precedence(limit) <= own:
            affected = kind == "introduced"
    return affected


def _fixed_after(events: Sequence[tuple[str, str]], version: str) -> str:
    later = [limit for kind, limit in events if kind == "fixed" and precedence(limit) > precedence(version)]
    return min(later, key=precedence, default="")


def precedence(version: str) -> tuple[Any, ...]:
    """Sort key of a version in the database, in which `0` comes before all others."""
    return ((-1,),) if version == "0" else version_order.precedence(version)
