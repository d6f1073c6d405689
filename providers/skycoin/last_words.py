"""Selection of the lines of a container's log that explain why it ended. Pure functions."""

import re
from collections.abc import Sequence

SHOWN = 12
"""Most lines shown."""
_TELLING = re.compile(
    r"\b(error|fatal|panic|fail(ed|ure)?|not defined|invalid|denied|refused|can't|cannot|unable|no space)\b",
    re.IGNORECASE,
)

_NEWER = re.compile(r"newer DB version=\S+ with older software")
"""Message of v0.27.1 (src/skycoin/skycoin.go) about a database that a newer version has written."""
TOO_NEW = (
    "A newer version than this node's has written the chain database. This node changed neither the database "
    "nor the wallet. Keep the newer version, or let the older one download the chain again: docs/wallets.md, "
    "“Back to an older version”."
)


def last_words(log: str, since: str) -> str:
    """Select the first line, the lines with an error, and the last three, in order.

    `log` has a timestamp (RFC 3339 in UTC) before each line; `since` is the time of the last start.
    """
    lines = [
        text for stamp, _, text in (line.partition(" ") for line in log.splitlines()) if stamp >= since[:19]
    ]
    if not lines:
        return "It printed nothing."
    remedy = [TOO_NEW] if any(_NEWER.search(text) for text in lines) else []
    return "\n".join([*_shortened(lines), *remedy])


def _shortened(lines: Sequence[str]) -> list[str]:
    if len(lines) <= SHOWN:
        return ["It printed:", *lines]
    telling = [number for number, text in enumerate(lines) if _TELLING.search(text)]
    selected = sorted({0, *telling[:4], *telling[-4:], *range(len(lines) - 3, len(lines))})
    shown = []
    for before, number in zip([-1, *selected], selected, strict=False):
        if number > before + 1:
            shown.append("…")
        shown.append(lines[number])
    return ["It printed, shortened:", *shown]
