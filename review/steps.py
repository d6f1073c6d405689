"""Steps of a preview, one for each resource that changes.

The preview's form: pulumi/pulumi `pkg/display/json.go`, PreviewDigest.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

QUIET = ("same", "read", "refresh", "discard")
"""Operations that change nothing."""
AFTERMATHS = ("delete-replaced", "discard-replaced", "remove-pending-replace")
"""The second half of a replacement, of this run or of one that was interrupted."""

_DONE = {"create": "new", "update": "changed in place", "replace": "replaced", "delete": "removed"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One resource of a preview that changes."""

    op: str
    """`create`, `update`, `replace`, `delete` …"""
    urn: str
    old: Mapping[str, Any] = field(default_factory=dict)
    """Inputs in the state; empty for a new resource."""
    new: Mapping[str, Any] = field(default_factory=dict)
    """Inputs that are wanted; empty for one that goes."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """Outputs in the state; empty for a new resource."""
    reasons: tuple[str, ...] = ()
    """Paths of the properties that differ."""
    retained: bool = False
    """True where a deletion only forgets it."""
    provider: str = ""
    """Name of its provider, which is the host's for what is on one."""

    @property
    def type(self) -> str:
        """Token of the resource, without its parents'."""
        return self.urn.split("::")[2].rpartition("$")[2]

    @property
    def parents(self) -> str:
        """Tokens of the components that it is in, joined by `$`."""
        return self.urn.split("::")[2].rpartition("$")[0]

    @property
    def name(self) -> str:
        """Logical name."""
        return self.urn.rpartition("::")[2]


def done(op: str) -> str:
    """Say in words what an operation does; one that is not known here keeps Pulumi's word."""
    return _DONE.get(op, op)


def changing_steps(found: Iterable[Mapping[str, Any]]) -> Iterator[Step]:
    """A replacement comes as several steps for one resource: the first that is seen says it all."""
    seen: set[str] = set()
    for entry in found:
        if entry["op"] in (*QUIET, *AFTERMATHS) or entry["urn"] in seen:
            continue
        seen.add(entry["urn"])
        paths = entry.get("detailedDiff") or dict.fromkeys(entry.get("diffReasons") or ())
        old, new = entry.get("oldState") or {}, entry.get("newState") or {}
        yield Step(
            op="replace" if "replace" in entry["op"] else entry["op"],
            urn=entry["urn"],
            old=old.get("inputs") or {},
            new=new.get("inputs") or {},
            outputs=old.get("outputs") or {},
            reasons=tuple(paths),
            retained=old.get("retainOnDelete") is True,
            provider=provider_of(new or old),
        )


def provider_of(state: Mapping[str, Any]) -> str:
    """Name of a resource's provider in a preview; empty where it has none."""
    return str(state.get("provider") or "").rpartition("::")[0].rpartition("::")[2]
