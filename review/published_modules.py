"""Go modules and sizes of published images that containers would change between, by publishers' outputs.

An image is identified by its digest, so outputs of any time describe it. The state has the outputs of another
stack as of the last update; the present outputs must be read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from catalogue.go_modules import Difference, Modules, differences
from catalogue.images import CATALOGUE
from catalogue.naming import is_pinned, split_pinned
from catalogue.stack_outputs import StackOutputs, Variant
from catalogue.urns import type_of
from display.errors import UserError
from display.units import size
from review.causes import STACK_REFERENCE
from review.changes import Changes
from review.inside import Inside
from review.restarts import CONTAINERS
from review.steps import changing_steps
from review.values import short

STACK = "pulumi:pulumi:Stack"
PULLED = "skycoin:index:PulledImage"
UNNAMED = "unknown: no known output of its stack mentions {}"
UNREAD = "unknown: the outputs of {} could not be read"
UNASKED = "unknown: the outputs of {} were not read"
OTHER_ARCH = "not compared: the images are for different architectures"
UNRECORDED = "unknown for {}: its publisher recorded none"

SIZES = (("size", "to download"), ("unpacked", "on disk"), ("layers", "layers"))
"""(key of a variant in outputs, what it is)."""

Ask = Callable[[str], StackOutputs]


@dataclass(frozen=True, slots=True)
class _Image:
    """A published image as outputs describe it."""

    name: str
    arches: frozenset[str]
    """Architectures of the digest: one, or those of a manifest list."""
    programs: Mapping[tuple[str, str], Modules]
    """(architecture, program) → its modules."""
    variants: Mapping[str, Variant[str, int]]
    """Architecture → its variant, with its sizes."""

    @property
    def recorded(self) -> frozenset[str]:
        """Architectures whose modules are known."""
        return frozenset(arch for arch, _ in self.programs)


def with_published_modules(changes: Changes, preview: Mapping[str, Any], ask: Ask | None) -> Changes:
    """Add the modules of images that containers would change between.

    `ask` returns the outputs of a stack, or raises UserError; `ask` is None if no stack may be asked.
    """
    pairs = [*dict.fromkeys(_pairs(preview))]
    if not pairs:
        return changes
    publisher, sources = _in_state(preview)
    missing = UNNAMED
    if publisher:
        now, missing = _outputs_of(publisher, ask)
        sources = [*sources, now]
    compared = [_compared(before, after, sources, missing) for before, after in pairs]
    return replace(changes, inside=(*changes.inside, *_combined(compared, publisher)))


def _pairs(preview: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (old, new) of each container or pulled image that would change between two pinned images."""
    for step in changing_steps(preview.get("steps") or ()):
        if step.type == PULLED or step.type in CONTAINERS:
            before, after = str(step.old.get("image")), str(step.new.get("image"))
            if before != after and is_pinned(before) and is_pinned(after):
                yield before, after


def _in_state(preview: Mapping[str, Any]) -> tuple[str, list[StackOutputs]]:
    """Name of the stack that publishes the images, or empty, and the stack outputs recorded in the state."""
    publisher, recorded = "", list[StackOutputs]()
    for step in preview.get("steps") or ():
        outputs: Any = (step.get("oldState") or {}).get("outputs") or {}
        if type_of(step["urn"]) == STACK_REFERENCE:
            state = step.get("newState") or step.get("oldState") or {}
            publisher = publisher or str((state.get("inputs") or {}).get("name") or "")
            recorded.append(outputs.get("outputs") or StackOutputs())
        elif type_of(step["urn"]) == STACK:
            recorded.append(outputs)
    return publisher, recorded


def _outputs_of(publisher: str, ask: Ask | None) -> tuple[StackOutputs, str]:
    """Present outputs of a stack, and the reason to give for an image that they lack."""
    if ask is None:
        return {}, UNASKED.format(publisher)
    try:
        return ask(publisher), UNNAMED
    except UserError:
        return {}, UNREAD.format(publisher)


@dataclass(frozen=True, slots=True)
class _Compared:
    """Known differences of one change between two images."""

    name: str
    linked: Mapping[Difference, set[str]]
    """Difference → programs that it is in."""
    is_known: bool
    """True if the modules of at least one architecture were compared."""
    unknown: str = ""
    sizes: Mapping[str, str] = field(default_factory=dict)
    """Architecture → sizes and layers that differ."""


def _compared(before: str, after: str, sources: Sequence[StackOutputs], missing: str) -> _Compared | None:
    """Compare two images; None if they are of software without Go modules."""
    was, would = _find(before, sources), _find(after, sources)
    known = would or was
    name = known.name if known else split_pinned(after)[0].rpartition("/")[2]
    if name in CATALOGUE and "debian" in CATALOGUE[name].origins:
        return None
    if was is None or would is None:
        return _Compared(name, {}, False, missing.format(short(after if would is None else before)))
    if not (shared := was.arches & would.arches):
        return _Compared(name, {}, False, OTHER_ARCH)
    arches = shared & was.recorded & would.recorded
    linked: dict[Difference, set[str]] = {}
    for arch, program in sorted({*was.programs, *would.programs}):
        if arch in arches:
            sides = (side.programs.get((arch, program), {}) for side in (was, would))
            for difference in differences(*sides):
                linked.setdefault(difference, set()).add(program)
    lacking = sorted(shared - arches)
    unknown = UNRECORDED.format(", ".join(lacking)) if lacking else ""
    sizes = {arch: _sizes(was.variants[arch], would.variants[arch]) for arch in sorted(shared)}
    return _Compared(name, linked, bool(arches), unknown, sizes)


def _sizes(before: Variant[str, int], after: Variant[str, int]) -> str:
    """Describe the sizes and layers that are known of both variants and differ."""
    found = ((what, before.get(key), after.get(key)) for key, what in SIZES)
    known = ((what, a, b) for what, a, b in found if a != b and type(a) is type(b) is int)
    return ", ".join(
        f"{a} → {b} layers" if what == "layers" else f"{size(a)} → {size(b)} {what}" for what, a, b in known
    )


def _find(ref: str, sources: Sequence[StackOutputs]) -> _Image | None:
    """Image of a pinned reference, from the outputs that know its modules for most architectures.

    None if no outputs mention its digest.
    """
    images: list[_Image] = []
    for outputs in sources:
        try:
            images += _images_of(split_pinned(ref)[1], outputs)
        except (ValueError, LookupError, TypeError, AttributeError):
            continue  # outputs of another program or version
    return max(images, key=lambda image: len(image.recorded), default=None)


def _images_of(digest: str, outputs: StackOutputs) -> Iterator[_Image]:
    for name, tags in (outputs.get("images") or {}).items():
        for entry in tags.values():
            variants = {arch: variant["digest"] for arch, variant in entry["variants"].items()}
            arches = frozenset(
                arch for arch, own_digest in variants.items() if digest in (entry["digest"], own_digest)
            )
            if arches:
                rows = (outputs.get("modules") or {}).get(name) or ()
                yield _Image(
                    name,
                    arches,
                    {
                        (arch, row["program"]): dict(row["modules"])
                        for row in rows
                        for arch in row["variants"]
                        if arch in arches
                    },
                    entry["variants"],
                )


def _combined(compared: Sequence[_Compared | None], publisher: str) -> Iterator[Inside]:
    """Yield the differences of each image, then each reason why modules are unknown."""
    known = [change for change in compared if change is not None]
    origin = f" (from {publisher})" if publisher else ""
    for name in dict.fromkeys(change.name for change in known):
        changes = [change for change in known if change.name == name]
        linked: dict[Difference, set[str]] = {}
        for change in changes:
            for difference, programs in change.linked.items():
                linked.setdefault(difference, set()).update(programs)
        sizes = _all_sizes(changes)
        if any(change.is_known for change in changes):
            yield Inside(
                image=f"{name}{origin}",
                sizes=sizes,
                differences=tuple(
                    sorted(
                        linked,
                        key=lambda difference: (difference.module, difference.before, difference.after),
                    )
                ),
                linked_into={difference: tuple(sorted(programs)) for difference, programs in linked.items()},
            )
            sizes = ()
        for unknown in dict.fromkeys(change.unknown for change in changes if change.unknown):
            yield Inside(image=f"{name}{origin}", unknown=unknown, sizes=sizes)
            sizes = ()


def _all_sizes(changes: Iterable[_Compared]) -> tuple[str, ...]:
    """Describe the sizes of all architectures; equal descriptions are one."""
    arches: dict[str, dict[str, None]] = {}
    for arch, text in (pair for change in changes for pair in change.sizes.items() if pair[1]):
        arches.setdefault(text, {})[arch] = None
    return tuple(f"{', '.join(its)}: {text}" for text, its in arches.items())
