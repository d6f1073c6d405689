"""Texts about a tag: its change, its target, and the architectures that it gains or loses."""

from collections.abc import Iterator

from review.publications import Presence, Publication
from review.values import TO_BE_BUILT, short_digest

WORDS = {
    Presence.ABSENT: ("new", "new, then never changes", "new"),
    Presence.UNASKED: (
        "new to the stack; its registry was not asked",
        "new to the stack, then never changes; its registry was not asked",
        "new to the stack",
    ),
    Presence.STATE: ("moves", "moves, then never changes", "moved"),
    Presence.EXISTING: (
        "exists; moves if its content differs",
        "exists and stays; refused if its content would differ",
        "in the registry but not in the state",
    ),
    Presence.UNKNOWN: (
        "unknown: its registry could not be asked",
        "unknown: its registry could not be asked; refused if it exists with other content",
        "whose registry could not be asked",
    ),
}
"""Presence → words for a moving tag, for an exact tag, and for a count of tags."""


def change_of(tag: Publication) -> str:
    """Describe how a tag would change, and where it would move."""
    moving, exact, _ = WORDS[tag.presence]
    word = exact if tag.immutable else moving
    return word.replace("moves", f"moves{_target(tag)}", 1) if tag.presence is Presence.STATE else word


def _target(tag: Publication) -> str:
    built = [arch for arch, image in tag.images if image == TO_BE_BUILT]
    existing = [f"`{image}` ({arch})" for arch, image in tag.images if image != TO_BE_BUILT]
    parts = [f"{TO_BE_BUILT} for {', '.join(built)}"] * bool(built) + existing
    if tag.own:
        return f" back to `{short_digest(tag.own)}`"
    return f" to {', '.join(parts)}" if parts else ""


def architectures(tag: Publication) -> Iterator[str]:
    """Yield phrases about added and removed architectures."""
    if tag.gained:
        yield f"gains {', '.join(tag.gained)}"
    if tag.lost:
        yield f"**loses {', '.join(tag.lost)}**"
    if tag.presence is Presence.EXISTING:
        yield "its present architectures are unknown"
