"""A node that is rolled back, in the words of every run: what it stays at, why, and how that is lifted."""

from collections.abc import Mapping

SHOWN = len("sha256:") + 12
"""Characters of a digest that are shown, as docker does."""


def short(image: str) -> str:
    """Digest of a reference, or a digest, as it is shown."""
    return image.rpartition("@")[2][:SHOWN]


def rolled_back(node: str, stack: str, rollback: Mapping[str, str]) -> str:
    """A sentence such as `node-1 is rolled back to sha256:0123456789ab since …`.

    `rollback` has digest, reason and date.
    """
    digest, reason, date = (rollback[key] for key in ("digest", "reason", "date"))
    return (
        f"{node} is rolled back to {short(digest)} since {date}: {reason.rstrip('.')}. "
        f"`{lifting(node, stack)}` lifts that"
    )


def lifting(node: str, stack: str) -> str:
    """Command that lifts a node's rollback."""
    option = "" if stack == "local" else f" -s {stack}"
    return f"./skyinfra node lift-rollback {node}{option}"
