"""The lines of a container's log that say why it ended. Pure."""

import re

SHOWN = 12
"""Lines at most: an error is read, not scrolled."""
_TELLING = re.compile(
    r"\b(error|fatal|panic|fail(ed|ure)?|not defined|invalid|denied|refused|can't|cannot|unable|no space)\b",
    re.IGNORECASE,
)


def last_words(log: str, since: str) -> str:
    """Select the first line, the telling ones and the last three, in their order.

    `log` has a timestamp (RFC 3339 in UTC) before each line; `since` is the time of the last start.
    """
    lines = [
        text for stamp, _, text in (line.partition(" ") for line in log.splitlines()) if stamp >= since[:19]
    ]
    if not lines:
        return "It printed nothing."
    if len(lines) <= SHOWN:
        return "\n".join(["It printed:", *lines])
    telling = [number for number, text in enumerate(lines) if _TELLING.search(text)]
    wanted = sorted({0, *telling[:4], *telling[-4:], *range(len(lines) - 3, len(lines))})
    shown = []
    for before, number in zip([-1, *wanted], wanted, strict=False):
        if number > before + 1:
            shown.append("…")
        shown.append(lines[number])
    return "\n".join(["It printed, shortened:", *shown])
