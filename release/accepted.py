"""Known vulnerabilities that were assessed by hand and may stay, from a TOML file."""

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

ACCEPTED = Path(__file__).with_name("accepted_vulnerabilities.toml")


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """A finding that was assessed by hand, with the reason why it may stay."""

    identity: str
    module: str
    programs: frozenset[str]
    """Images for which it is accepted, by the names of their folders."""
    reason: str
    date: date


def read_accepted(text: str) -> list[Accepted]:
    """Read accepted findings from TOML. Raises ValueError, or KeyError if a part of one is missing."""
    return [
        Accepted(
            identity=entry["id"],
            module=entry["module"],
            programs=frozenset(entry["programs"]),
            reason=entry["reason"],
            date=entry["date"],
        )
        for entry in tomllib.loads(text).get("accepted", ())
    ]
