"""The sentence about a rolled-back node: its digest, the reason, and how to lift the rollback."""

from collections.abc import Mapping

from display.command_lines import skyinfra

SHOWN = len("sha256:") + 12
"""Characters of a digest that are shown: the algorithm, and as many digits as docker shows of an id."""


def short(image: str) -> str:
    """Short form of a digest, or of a reference's digest."""
    return image.rpartition("@")[2][:SHOWN]


def rolled_back(node: str, stack: str, rollback: Mapping[str, str]) -> str:
    """Sentence such as `node-1 has been rolled back to sha256:0123456789ab since …`.

    `rollback` has digest, reason and date.
    """
    digest, reason, date = (rollback[key] for key in ("digest", "reason", "date"))
    return (
        f"{node} has been rolled back to {short(digest)} since {date}: {reason.rstrip('.')}. "
        f"`{lifting(node, stack)}` lifts that"
    )


def lifting(node: str, stack: str) -> str:
    """Command that lifts a node's rollback."""
    return skyinfra(stack, "node lift-rollback", node)
