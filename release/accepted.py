"""Known vulnerabilities that were assessed by hand and may stay, from a TOML file."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from display.errors import UserError

ACCEPTED = Path(__file__).with_name("accepted_vulnerabilities.toml")
KEYS = ("id", "module", "programs", "reason", "date")
ALLOWED = (
    "An entry [[accepted]] has `id`, `module` and `reason`, each a text; `programs`, a list of names of "
    "folders in images/; and `date`, as 2026-11-27 without quotes."
)
_HEADING = re.compile(r"\s*\[\[\s*accepted\s*\]\]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """A finding that was assessed by hand, with the reason why it may stay."""

    identity: str
    module: str
    programs: frozenset[str]
    """Images for which it is accepted, by the names of their folders."""
    reason: str
    date: date


def read_accepted(path: Path) -> list[Accepted]:
    """Read accepted findings from a TOML file. Raises UserError with the place of what is wrong."""
    try:
        text = path.read_bytes().decode()
        whole = tomllib.loads(text)
    except ValueError as error:
        raise UserError(f"{path} is not valid TOML: {error}. {ALLOWED}") from None
    found = whole.get("accepted", [])
    if unknown := [key for key in whole if key != "accepted"]:
        raise UserError(f"{path}: unknown key {unknown[0]!r}. {ALLOWED}")
    if not isinstance(found, list):
        raise UserError(f"{path}: `accepted` is not a list of entries. {ALLOWED}")
    for index, entry in enumerate(found):
        if fault := _fault(entry):
            raise UserError(f"{path}{_line(text, found, index)}: entry {index + 1} {fault}. {ALLOWED}")
    return [
        Accepted(
            identity=entry["id"],
            module=entry["module"],
            programs=frozenset(entry["programs"]),
            reason=entry["reason"],
            date=entry["date"],
        )
        for entry in found
    ]


def _fault(entry: Any) -> str:
    """Say what is wrong with an entry; empty if nothing is."""
    if not isinstance(entry, Mapping):
        return "is not a table"
    if missing := [key for key in KEYS if key not in entry]:
        return f"has no `{missing[0]}`"
    if unknown := [key for key in entry if key not in KEYS]:
        return f"has the unknown key {unknown[0]!r}"
    wrong = [key for key in KEYS if not _is_allowed(key, entry[key])]
    return f"has a wrong `{wrong[0]}`: {entry[wrong[0]]!r}" if wrong else ""


def _is_allowed(key: str, value: Any) -> bool:
    if key == "date":
        return type(value) is date  # a date with a time is a subclass
    if key == "programs":
        return isinstance(value, list) and bool(value) and all(isinstance(name, str) for name in value)
    return isinstance(value, str) and bool(value.strip())


def _line(text: str, found: Sequence[Any], index: int) -> str:
    """`:LINE` of an entry's heading; empty if the entries are written in another form."""
    lines = [number for number, line in enumerate(text.split("\n"), start=1) if _HEADING.match(line)]
    return f":{lines[index]}" if len(lines) == len(found) else ""
