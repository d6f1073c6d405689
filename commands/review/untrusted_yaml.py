"""Refuse a stack's file, perhaps an untrusted one, that would take too long to read or is not text."""

import yaml
from yaml import Node, SequenceNode

from display.errors import UserError

BYTES = 1_000_000
"""Maximum size of a stack's file, in bytes."""
NODES = 100_000
"""Maximum number of values in a stack's file, including those that aliases repeat."""


def refuse_odd(text: str, name: str) -> None:
    """Raise UserError if a file is not UTF-8, is too large, nested too deeply, or multiplied by aliases."""
    try:
        length = len(text.encode())
        size = 0 if length > BYTES else _size(yaml.compose(text, yaml.SafeLoader), {})
    except UnicodeEncodeError:
        raise UserError(f"{name} is not UTF-8, so it was not read.") from None
    except yaml.YAMLError:
        return  # the preview reports the place
    except RecursionError:
        raise UserError(f"{name} nests its values too deeply, or recursively, so it was not read.") from None
    if length > BYTES:
        raise UserError(f"{name} is longer than {BYTES:,} bytes, so it was not read.")
    if size > NODES:
        raise UserError(
            f"{name} has more than {NODES:,} values, counting those that its aliases repeat, so it was not "
            "read."
        )


def _size(node: Node | None, known: dict[int, int]) -> int:
    """Number of values in a node, including all those that aliases repeat."""
    if node is None or not isinstance(node.value, list):
        return 1
    if id(node) not in known:
        parts = (
            node.value if isinstance(node, SequenceNode) else [part for pair in node.value for part in pair]
        )
        known[id(node)] = 1 + sum(_size(part, known) for part in parts)
    return known[id(node)]
