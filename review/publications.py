"""Tags of a preview: where they move, and which architectures they gain or lose."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pulumi.runtime.rpc import UNKNOWN

from review.steps import Step
from review.values import short


class Presence(StrEnum):
    """Knowledge of a tag that would be written."""

    STATE = "in the state"
    UNASKED = "not in the state; its registry was not asked"
    ABSENT = "not in its registry"
    THERE = "in its registry, though not in the state"
    UNKNOWN = "its registry could not be asked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """A tag that would be written."""

    repository: str
    tag: str
    immutable: bool
    presence: Presence
    variants: tuple[str, ...]
    before: str = ""
    """Digest that the tag points to today; empty where that is not known, or where it points nowhere."""
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    """Architectures that come and go, of a tag in the state."""
    images: tuple[tuple[str, str], ...] = ()
    """(architecture, its other image), of those that get another one than today."""
    why: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """Repository and tag."""
        return f"{self.repository}:{self.tag}"


def publication(step: Step, why: tuple[str, ...] = ()) -> Publication:
    """Read the publication of a tag from its step, which does not say why."""
    before, after = (_variants(inputs.get("variants")) for inputs in (step.old, step.new))
    written = step.op != "create" and not step.outputs.get("failure")
    return Publication(
        repository=str(step.new.get("repository")),
        tag=str(step.new.get("tag")),
        immutable=step.new.get("immutable") is True,
        presence=_presence(step),
        variants=tuple(after),
        before=_points_to(step) if written else "",
        gained=tuple(arch for arch in after if arch not in before) if written else (),
        lost=tuple(arch for arch in before if arch not in after) if written else (),
        images=tuple(
            (arch, short(ref)) for arch, ref in after.items() if written and before.get(arch) != ref
        ),
        why=why,
    )


def reference(step: Step) -> str:
    """Repository and tag of one that leaves the stack."""
    return f"{step.old.get('repository')}:{step.old.get('tag')}"


def _variants(found: Iterable[Any] | None) -> dict[str, object]:
    """Architecture → its image; nothing where the whole list is not known yet."""
    return {one["arch"]: one.get("ref") for one in found or () if isinstance(one, dict)}


def _points_to(step: Step) -> str:
    """Digest of a tag as it was seen last; that of its own list where nobody has looked."""
    digest = (step.outputs.get("points") or {}).get(step.old.get("tag"), step.outputs.get("digest"))
    return str(digest or "")


def _presence(step: Step) -> Presence:
    if step.op != "create":
        return Presence.STATE
    # A registry that the stack itself would run can't be asked yet.
    return Presence.ABSENT if step.new.get("repository") in (None, UNKNOWN) else Presence.UNASKED
