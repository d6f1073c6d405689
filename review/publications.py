"""Tags in a preview: where they move, and which architectures they gain or lose."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pulumi.runtime.rpc import UNKNOWN

from review.steps import Step
from review.values import short


class Presence(StrEnum):
    """Presence of a tag that would be written, in the state or in its registry; unknown if neither tells."""

    STATE = "in the state"
    UNASKED = "not in the state; its registry was not asked"
    ABSENT = "not in its registry"
    EXISTING = "in its registry, though not in the state"
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
    """Digest that the tag points to today; empty if that is unknown, or if there is none."""
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    """Architectures added (`gained`) and removed (`lost`); empty unless the stack has written the tag."""
    images: tuple[tuple[str, str], ...] = ()
    """(architecture, new image) for each image that changes; empty unless the stack has written the tag."""
    own: str = ""
    """Digest of the stack's own list, if the tag would only move back to it; otherwise empty."""
    why: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """Repository and tag."""
        return f"{self.repository}:{self.tag}"


def publication(step: Step, why: tuple[str, ...] = ()) -> Publication:
    """Read a tag's publication from its step; `why` has the reasons, which the step lacks."""
    before, after = (_variants(inputs.get("variants")) for inputs in (step.old, step.new))
    own, points = str(step.outputs.get("digest") or ""), _points_to(step)
    written = not _is_new(step) and not step.outputs.get("failure")
    return Publication(
        repository=str(step.new.get("repository")),
        tag=str(step.new.get("tag")),
        immutable=step.new.get("immutable") is True,
        presence=_presence(step),
        variants=tuple(after),
        before=points if written else "",
        gained=tuple(arch for arch in after if arch not in before) if written else (),
        lost=tuple(arch for arch in before if arch not in after) if written else (),
        images=tuple(
            (arch, short(ref)) for arch, ref in after.items() if written and before.get(arch) != ref
        ),
        own=own if written and before == after and points != own else "",
        why=why,
    )


def reference(step: Step) -> str:
    """Repository and tag that a step removes from the stack."""
    return f"{step.old.get('repository')}:{step.old.get('tag')}"


def _variants(variants: Iterable[Any] | None) -> dict[str, object]:
    """Architecture → its image, which may be unknown; empty if the whole list is unknown."""
    return {variant["arch"]: variant.get("ref") for variant in variants or () if isinstance(variant, dict)}


def _points_to(step: Step) -> str:
    """Digest that a tag pointed to when it was last read; that of the stack's list if it never was."""
    digest = (step.outputs.get("points") or {}).get(step.old.get("tag"), step.outputs.get("digest"))
    return str(digest or "")


def _is_new(step: Step) -> bool:
    """True for a tag that the state does not know, such as one whose resource had another place."""
    # An unknown repository is most likely the same one (providers/skycoin/tag.py).
    moved = (step.new.get(key) not in (UNKNOWN, step.old.get(key)) for key in ("repository", "tag"))
    return step.op == "create" or (step.op == "replace" and any(moved))


def _presence(step: Step) -> Presence:
    if not _is_new(step):
        return Presence.STATE
    # A registry that the stack itself would create can't be asked yet.
    return Presence.ABSENT if step.new.get("repository") in (None, UNKNOWN) else Presence.UNASKED
