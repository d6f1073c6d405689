"""One step in the events of Pulumi's engine: the resource, the operation, and the changed properties."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_HASH = re.compile(r"(sha256:)?[0-9a-f]{32,}")
_NAMES = {"contextHash": "the files that it is built from", "walletsCopied": "a copy of its wallet"}
"""Property → description, for names that mean little outside the provider."""
_SHORT = 24
"""Maximum length of a value that is shown, in characters."""
_LISTED = 6
"""Maximum number of properties that are listed; of more, only the number is shown."""


@dataclass(frozen=True, slots=True)
class Step:
    """Data of an event about one resource."""

    urn: str
    op: str
    custom: bool
    """False for a component, which only groups other resources."""
    retained: bool
    """True if the deletion only removes it from the state."""
    diffs: tuple[str, ...]
    old: Mapping[str, Any]
    new: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Logical name of the resource."""
        return name_of(self.urn)

    @property
    def type(self) -> str:
        """Text such as `docker:index/container:Container`."""
        parts = self.urn.split("::")
        return parts[2].rpartition("$")[2] if len(parts) > 3 else ""


def name_of(urn: str) -> str:
    """Last part of a URN."""
    return urn.rpartition("::")[2]


def step_of(body: Mapping[str, Any]) -> Step | None:
    """Parse the step in an event's body; None if it has none."""
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
    """List the changes of a step, such as `memory 2048 → 1024`; hashes are left out."""
    described: dict[str, None] = {}
    for path in step.diffs:
        top = re.split(r"[.\[]", path, maxsplit=1)[0]
        if top in _NAMES:
            # A refresh sees other files only if they are waiting to be built; the update reports that.
            described |= {} if step.op == "refresh" else {_NAMES[top]: None}
        else:
            described |= dict.fromkeys(_describe(top, step.old.get(top), step.new.get(top)))
    names = list(described)
    return names if len(names) <= _LISTED else [f"{len(names)} properties"]


def _describe(name: str, old: object, new: object) -> list[str]:
    """Describe the change of one property; for a mapping, of each key that differs."""
    if any(isinstance(value, str) and _HASH.fullmatch(value) for value in (old, new)):
        return []
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        return [line for key in keys for line in _describe(f"{name}.{key}", old.get(key), new.get(key))] or [
            name
        ]
    return [f"{name} {_shown(old)} → {_shown(new)}" if _plain(old, new) else name]


def _plain(old: object, new: object) -> bool:
    """True for two different values that are short and not secret (Pulumi masks secrets)."""
    values = [value for value in (old, new) if value is not None]
    simple = all(isinstance(value, bool | int | float | str) for value in values)
    return (
        old != new and simple and all(len(str(value)) <= _SHORT and value != "[secret]" for value in values)
    )


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
