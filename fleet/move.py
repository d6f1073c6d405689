"""Move a node to another host: the change in the stack's file, and the image for that host."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from catalogue.naming import pinned, split_pinned
from display.errors import UserError
from fleet.rollback_file import SECTION, entry_of

KEY = "host"


def with_host(text: str, file: str, node: str, host: str) -> str:
    """Set another host for a node in the text of a stack's file; every other character stays.

    Raises UserError, with the lines to write by hand, if this can't edit the way in which the file is
    written.
    """
    wanted = yaml.safe_load(text)
    try:
        nodes = wanted["config"][SECTION]
        # It needs a separate mapping: an alias shares its value with the anchor.
        nodes[node] = {**nodes[node], KEY: host}
    except (LookupError, TypeError):
        raise UserError(f"{node!r} has no entry in {SECTION} of {file}") from None
    entry = entry_of(text, node)
    value = next((value for key, value in entry.value if key.value == KEY), None) if entry else None
    if value is not None:
        written = host if _is(host, host) else json.dumps(host)
        edited = text[: value.start_mark.index] + written + text[value.end_mark.index :]
        if _is(edited, wanted):
            return edited
    raise UserError(
        f"{file} is not changed: {node} is written there in a way that this command can't edit. Write "
        f"`{KEY}: {host}` into its entry in {SECTION} by hand, then run the same command again."
    )


def _is(text: str, wanted: Any) -> bool:
    """True if a string is YAML for a value."""
    try:
        return bool(yaml.safe_load(text) == wanted)
    except yaml.YAMLError:
        return False


def image_for(variant: str | None, image: str, outputs: Mapping[str, Any]) -> str | None:
    """Reference of the same image (`repo@sha256:…`) for another architecture; None if it is unknown.

    `outputs` are those of the stack that publishes it. `variant` None means the manifest list.
    """
    digest = split_pinned(image)[1]
    for tags in (outputs.get("images") or {}).values():
        for entry in tags.values():
            variants = {name: str(published["ref"]) for name, published in entry["variants"].items()}
            whole = pinned(entry["ref"])
            if digest in {split_pinned(reference)[1] for reference in (whole, *variants.values())}:
                return whole if variant is None else variants.get(variant)
    return None
