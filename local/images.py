"""The catalogue as a table: what each image is, and what the stack `local` published of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.arch import ARCHES
from release.record import megabytes
from stacks.catalogue import CATALOGUE

HEADS = ("image", "variant", "platform", "layers", "to download", "unpacked", "digest")


def images_table(images: Mapping[str, Any]) -> str:
    """One line a variant, from the stack's output `images`; images that it doesn't build are named too."""
    rows = [HEADS, *(row for name in CATALOGUE for row in _rows(name, images.get(name)))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _rows(name: str, tags: Mapping[str, Any] | None) -> Iterator[Sequence[str]]:
    if not tags:
        yield (name, "not in this stack", *[""] * (len(HEADS) - 2))
        return
    # Every tag of one publish is over the same variants.
    variants = next(iter(tags.values()))["variants"]
    for arch in ARCHES:
        if arch in variants:
            one = variants[arch]
            sizes = (megabytes(one[key]) for key in ("size", "unpacked"))
            yield (name, arch, one["platform"], str(one["layers"]), *sizes, one["digest"])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
