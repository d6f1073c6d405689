"""Go modules of images, compared by their go.mod in two revisions, for a page by files alone.

The digests in such a preview are invented, so the preview also names the image behind each digest, and the
image's build context.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from catalogue.go_modules import NOT_KNOWN, differences, required
from catalogue.images import SOURCE
from catalogue.naming import variant_of
from catalogue.urns import type_of
from review.inside import Inside, by_image, go_of
from review.options import BUILD
from review.steps import Step, changing_steps

OF_GIT = "unknown: only a build reads its git repository"
ONE_SIDED = "unknown: only one of the revisions has its go.mod"
LONGEST = 1_000_000
"""Maximum length of a go.mod that is read, in characters: a fork may write any."""
TOO_LONG = f"unknown: its go.mod is longer than {LONGEST:,} characters, so it was not read"
NOT_IN_FILES = "unknown: the stack's file names an image by its digest, and no file describes it"

GoMods = Callable[[str], tuple[str, str]]
"""Folder of an image → texts of its go.mod in both revisions, empty without one."""
Context = Mapping[str, Any]


def inside_by_files(preview: Mapping[str, Any], go_mods: GoMods) -> tuple[Inside, ...]:
    """Compare the images of the stack, and those of another stack that containers would change between."""
    return (*_built(preview, go_mods), *_published(preview.get("published") or (), go_mods))


def _built(preview: Mapping[str, Any], go_mods: GoMods) -> Iterator[Inside]:
    """Yield the images that would be built, and those whose go.mod differs."""
    builds = [*_builds(preview.get("steps") or ())]
    changing = {variant_of(step.name)[0] for step in builds if step.op != "same"}
    for image, step in by_image(builds).items():
        would = step.new.get("context") or {}
        was = None if step.op == "create" else step.old.get("context") or {}
        texts = go_mods(_folder(would))
        inside = _compared(image, was, would, texts, of_go=go_of(step, ())[1])
        if inside is None:
            continue
        is_hidden = texts[0] != texts[1] and inside.unknown in (ONE_SIDED, TOO_LONG)
        if image in changing or inside.differences or is_hidden:
            yield inside


def _builds(entries: Sequence[Mapping[str, Any]]) -> Iterator[Step]:
    """Yield the build of each variant, also of those that don't change."""
    changing = {step.urn: step for step in changing_steps(entries)}
    for entry in entries:
        if type_of(entry["urn"]) == BUILD and entry["op"] != "delete":
            new = entry["newState"]["inputs"]
            yield changing.get(entry["urn"]) or Step(op="same", urn=entry["urn"], old=new, new=new)


def _published(entries: Any, go_mods: GoMods) -> Iterator[Inside]:
    """Yield the images of other stacks, which were published from the base revision's go.mod."""
    for entry in entries:
        was, would = entry["before"], entry["after"]
        known = would or was
        name = f"{known['image']} (from {known['stack']})"
        if was is None or would is None:
            yield Inside(image=name, unknown=NOT_IN_FILES)
            continue
        texts = [go_mods(_folder(side["context"]))[0] for side in (was, would)]
        image = _compared(name, was["context"], would["context"], (texts[0], texts[1]))
        if image is not None:
            yield image


def _compared(
    image: str, was: Context | None, would: Context, texts: tuple[str, str], *, of_go: str = ""
) -> Inside | None:
    """Compare one image; None for an image without Go modules."""
    if any(SOURCE in (context.get("named") or {}) for context in (was, would) if context):
        return Inside(image=image, unknown=OF_GIT)
    if not any(texts):
        return None
    if not texts[1] or (was is not None and not texts[0]):
        return Inside(image=image, unknown=ONE_SIDED)
    # A part of it would mislead: modules after the cut would look gone, or new if only the other side is cut.
    if max(map(len, texts)) > LONGEST:
        return Inside(image=image, unknown=TOO_LONG)
    wanted = required(texts[1])
    return Inside(
        image=image,
        differences=tuple(differences({} if was is None else required(texts[0]), wanted)),
        of_go=of_go,
        inexact=tuple(sorted(module for module, version in wanted.items() if version == NOT_KNOWN)),
    )


def _folder(context: Context) -> str:
    return str(context.get("location")).removeprefix("./")
