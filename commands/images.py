"""`skyinfra images`: the catalogue as a table, with the images that a stack published."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import click

from catalogue.arch import ARCHES
from catalogue.images import CATALOGUE
from catalogue.stack_outputs import Tag, Tags, Variant
from catalogue.workspaces import WORKSPACES, WorkspaceEntry
from commands.backend import Choice
from commands.options import MALFORMED, NO_OUTPUTS, chosen, examples, with_stack
from display.columns import columns
from display.errors import UserError
from local.stacks.files import stack_config
from release.record import megabytes

HEADS = ("IMAGE", "VARIANT", "PLATFORM", "LAYERS", "TO DOWNLOAD", "UNPACKED", "DIGEST")

_ABSENT = {True: "not published yet", False: "not in this stack"}
"""Words for an image that is not in the outputs, by whether the stack's file has it."""


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
        table = images_table(
            outputs.get("images") or {}, outputs.get("workspaces") or {}, _listed(stack_config(name))
        )
    except MALFORMED:
        raise UserError(NO_OUTPUTS) from None
    click.echo(table)


def _listed(config: Mapping[str, Any]) -> set[str]:
    """Images and workspaces in a stack's file."""
    sections = (config.get(f"skycoin:{name}") for name in ("images", "workspaces"))
    return {str(name) for section in sections if isinstance(section, dict) for name in section}


def images_table(
    images: Mapping[str, Tags], workspaces: Mapping[str, Tags], listed: Collection[str] = ()
) -> str:
    """Table with a line for each variant in the stack's outputs, and for each image or workspace without one.

    `listed` are the images and workspaces in the stack's file, published or not.
    """
    rows: list[Sequence[str]] = [HEADS]
    for name in CATALOGUE:
        # All tags of a publish have the same variants.
        absent = _ABSENT[name in listed]
        rows += _rows(name, next(iter((images.get(name) or {}).values()), None), absent)
    for name, entry in WORKSPACES.items():
        rows += _workspace_rows(entry, workspaces.get(name) or {}, _ABSENT[name in listed])
    return columns(rows)


def _workspace_rows(entry: WorkspaceEntry, tags: Tags, absent: str) -> Iterator[Sequence[str]]:
    """Rows for a workspace, with and without an engine in it.

    An image with several tags is listed once, under the first.
    """
    name, shown = entry.repository.rpartition("/")[2], list[Mapping[str, Variant[str, int]]]()
    if not tags:
        yield from _rows(name, None, absent)
    for tag, published in sorted(tags.items()):
        if published["variants"] not in shown:
            shown.append(published["variants"])
            yield from _rows(f"{name}:{tag}", published, absent)


def _rows(name: str, published: Tag | None, absent: str) -> Iterator[Sequence[str]]:
    if published is None:
        yield (name, absent, *[""] * (len(HEADS) - 2))
        return
    variants = published["variants"]
    for arch in ARCHES:
        if arch in variants:
            variant = variants[arch]
            sizes = (megabytes(size) for size in (variant["size"], variant["unpacked"]))
            yield (name, arch, variant["platform"], str(variant["layers"]), *sizes, variant["digest"])
