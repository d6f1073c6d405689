"""Steps of a preview, one per changing resource.

The format of a preview is PreviewDigest in pulumi/pulumi, `pkg/display/json.go`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from catalogue.urns import name_of, parents_of, type_of

QUIET = ("same", "read", "refresh", "discard")
"""Operations that change nothing."""
AFTERMATHS = ("delete-replaced", "discard-replaced", "remove-pending-replace")
"""Second half of a replacement, in this run or in an interrupted one."""

_DONE = {"create": "new", "update": "changed in place", "replace": "replaced", "delete": "removed"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One changing resource of a preview."""

    op: str
    """`create`, `update`, `replace`, `delete` …"""
    urn: str
    old: Mapping[str, Any] = field(default_factory=dict)
    """Inputs in the state; empty for a new resource."""
    new: Mapping[str, Any] = field(default_factory=dict)
    """Wanted inputs; empty for a resource that is deleted."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """Outputs in the state; empty for a new resource."""
    reasons: tuple[str, ...] = ()
    """Paths of the properties that differ."""
    retained: bool = False
    """True if the deletion only removes it from the state."""
    provider: str = ""
    """Name of its provider; for a resource on a host, the host's."""

    @property
    def type(self) -> str:
        """Type of the resource, without its parents' types."""
        return type_of(self.urn)

    @property
    def parents(self) -> str:
        """Types of the components that contain the resource, joined by `$`."""
        return parents_of(self.urn)

    @property
    def name(self) -> str:
        """Logical name."""
        return name_of(self.urn)

    def over(self, old: Mapping[str, Any]) -> "Step":
        """Create the step that would lead from these inputs to the same new ones."""
        paths = sorted(key for key in {*old, *self.new} if old.get(key) != self.new.get(key))
        return replace(self, old=old, reasons=tuple(path for path in paths if not path.startswith("__")))


def done(op: str) -> str:
    """Describe a finished operation; an unknown operation keeps Pulumi's name."""
    return _DONE.get(op, op)


def changing_steps(entries: Iterable[Mapping[str, Any]]) -> Iterator[Step]:
    """Yield one step per resource: the first of the several steps of a replacement."""
    seen: set[str] = set()
    for entry in entries:
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


def in_state(preview: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Resource → its inputs in the state, from the refresh, which has a step for every resource there.

    A resource that is created although it is in the state was not found by the refresh.
    """
    return {
        step["urn"]: (step.get("oldState") or {}).get("inputs") or {}
        for step in preview.get("steps") or ()
        if step["op"] == "refresh"
    }


def provider_of(state: Mapping[str, Any]) -> str:
    """Name of a resource's provider in a preview; empty if it has none."""
    return str(state.get("provider") or "").rpartition("::")[0].rpartition("::")[2]
