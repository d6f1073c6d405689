"""One step of a Pulumi engine's events: the resource, the operation, and what it changes by property."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_HASH = re.compile(r"(sha256:)?[0-9a-f]{32,}")
_NAMES = {"contextHash": "the files that it is built from"}
"""Properties whose names say little to those who did not write the provider."""
_SHORT = 24
"""Characters of a value that is shown."""
_LISTED = 6
"""Properties that are named; of more there is only the number."""


@dataclass(frozen=True, slots=True)
class Step:
    """The part of an event that is about one resource."""

    urn: str
    op: str
    custom: bool
    """False of a component, which only groups others."""
    retained: bool
    """True where a deletion only forgets it."""
    diffs: tuple[str, ...]
    old: Mapping[str, Any]
    new: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The resource's own name."""
        return name_of(self.urn)

    @property
    def type(self) -> str:
        """Text such as `docker:index/container:Container`."""
        parts = self.urn.split("::")
        return parts[2].rpartition("$")[2] if len(parts) > 3 else ""


def name_of(urn: str) -> str:
    """The last part of a URN."""
    return urn.rpartition("::")[2]


def step_of(body: Mapping[str, Any]) -> Step | None:
    """The step of an event's body; None where it has none."""
    metadata = _mapping(body.get("metadata"))
    urn, op = metadata.get("urn"), metadata.get("op")
    if not isinstance(urn, str) or not isinstance(op, str):
        return None
    old, new = _mapping(metadata.get("old")), _mapping(metadata.get("new"))
    diffs = metadata.get("diffs")
    named = list(_mapping(metadata.get("detailedDiff"))) or (diffs if isinstance(diffs, list) else [])
    return Step(
        urn=urn,
        op=op,
        custom=bool((new or old).get("custom")),
        retained=bool(old.get("retainOnDelete")),
        diffs=tuple(map(str, named)),
        old=_mapping(old.get("inputs")),
        new=_mapping(new.get("inputs")),
    )


def changes(step: Step) -> list[str]:
    """List what a step changes, such as `memory 2048 → 1024`; hashes are left out."""
    said: dict[str, None] = {}
    for path in step.diffs:
        top = re.split(r"[.\[]", path, maxsplit=1)[0]
        if top in _NAMES:
            # A refresh finds other files only where they wait to be built: its update says so.
            said |= {} if step.op == "refresh" else {_NAMES[top]: None}
        else:
            said |= dict.fromkeys(_said(top, step.old.get(top), step.new.get(top)))
    names = list(said)
    return names if len(names) <= _LISTED else [f"{len(names)} properties"]


def _said(name: str, old: object, new: object) -> list[str]:
    """One property's change; of a mapping each key that differs."""
    if any(isinstance(value, str) and _HASH.fullmatch(value) for value in (old, new)):
        return []
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        return [line for key in keys for line in _said(f"{name}.{key}", old.get(key), new.get(key))] or [name]
    return [f"{name} {_shown(old)} → {_shown(new)}" if _plain(old, new) else name]


def _plain(old: object, new: object) -> bool:
    """True for two values that a line has room for: different, short, and no secrets (Pulumi masks them)."""
    values = [value for value in (old, new) if value is not None]
    simple = all(isinstance(value, bool | int | float | str) for value in values)
    return old != new and simple and all(len(str(one)) <= _SHORT and one != "[secret]" for one in values)


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
