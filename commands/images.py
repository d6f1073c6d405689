"""`skyinfra images`: the catalogue as a table, with the images that a stack published."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from catalogue.arch import ARCHES
from catalogue.images import CATALOGUE
from catalogue.workspaces import WORKSPACES, WorkspaceEntry
from commands.backend import Choice
from commands.options import MALFORMED, NO_OUTPUTS, chosen, examples, with_stack
from display.columns import columns
from display.errors import UserError
from release.record import megabytes

HEADS = ("IMAGE", "VARIANT", "PLATFORM", "LAYERS", "TO DOWNLOAD", "UNPACKED", "DIGEST")


@click.command(
    short_help="List images as a stack published them.",
    epilog=examples("./skyinfra images", "./skyinfra images -s release"),
)
@with_stack
def images(stack: str | None, backend: Choice) -> None:
    """List all images: variants, platforms, layers, sizes and digests as a stack published them."""
    selected, name = chosen(stack, backend)
    outputs = selected.outputs(name)
    try:
        table = images_table(outputs.get("images") or {}, outputs.get("workspaces") or {})
    except MALFORMED:
        raise UserError(NO_OUTPUTS) from None
    click.echo(table)


def images_table(images: Mapping[str, Any], workspaces: Mapping[str, Any]) -> str:
    """Table with a line for each variant in the stack's outputs, and for each image that it doesn't build."""
    rows: list[Sequence[str]] = [HEADS]
    for name in CATALOGUE:
        # All tags of a publish have the same variants.
        rows += _rows(name, next(iter((images.get(name) or {}).values()), None))
    for name, entry in WORKSPACES.items():
        rows += _workspace_rows(entry, workspaces.get(name) or {})
    return columns(rows)


def _workspace_rows(entry: WorkspaceEntry, tags: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    """Rows for a workspace and its sibling; an image with several tags is listed once, under the first."""
    name, shown = entry.repository.rpartition("/")[2], list[Any]()
    if not tags:
        yield from _rows(name, None)
    for tag, published in sorted(tags.items()):
        if published["variants"] not in shown:
            shown.append(published["variants"])
            yield from _rows(f"{name}:{tag}", published)


def _rows(name: str, published: Mapping[str, Any] | None) -> Iterator[Sequence[str]]:
    if published is None:
        yield (name, "not in this stack", *[""] * (len(HEADS) - 2))
        return
    variants = published["variants"]
    for arch in ARCHES:
        if arch in variants:
            variant = variants[arch]
            sizes = (megabytes(variant[key]) for key in ("size", "unpacked"))
            yield (name, arch, variant["platform"], str(variant["layers"]), *sizes, variant["digest"])
