"""Selection of the lines of a container's log that explain why it ended. Pure functions."""

import re
from collections.abc import Sequence

SHOWN = 12
"""Maximum number of lines shown."""
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

_UNREADABLE = re.compile(
    r"Open boltdb failed, (invalid database|version mismatch|checksum error|file size too small)"
)
"""Message of v0.27.1 (OpenDB in src/visor/db.go) about a file that Bolt v1.3.1 does not take for its own."""
_CRASHED = re.compile(r"panic: |fatal error: |unexpected fault address |\[signal SIG")
_IN_BOLT = re.compile(r"github\.com/boltdb/bolt\.|github\.com/skycoin/skycoin/src/visor")
_CHECKED = re.compile(r"visor\.\w+ failed|CreateBuckets failed")
_FULL = re.compile(r"no space left on device", re.IGNORECASE)
DAMAGED = (
    "The chain database is damaged. It holds no wallet, and the node has changed none. Let the node download "
    "the chain again, by another name for `data-volume` in its entry: docs/wallets.md, “A damaged chain "
    "database”."
)


def last_words(log: str, since: str) -> str:
    """Select the first line, up to eight with an error, and the last three, in order; of a short log, all.

    `log` has a timestamp (RFC 3339 in UTC) before each line; lines before `since`, the last start, are left
    out. A known remedy follows the lines.
    """
    lines = [
        text for stamp, _, text in (line.partition(" ") for line in log.splitlines()) if stamp >= since[:19]
    ]
    if not lines:
        return "It printed nothing."
    return "\n".join([*_shortened(lines), *_remedy(lines)])


def _remedy(lines: Sequence[str]) -> list[str]:
    """Return the remedy for a fault that a node can't mend itself; empty for any other fault."""

    def said(form: re.Pattern[str]) -> bool:
        return any(form.search(text) for text in lines)

    if said(_NEWER):
        return [TOO_NEW]
    if said(_FULL):
        return []
    is_damaged = said(_UNREADABLE) or said(_CHECKED) or (said(_CRASHED) and said(_IN_BOLT))
    return [DAMAGED] if is_damaged else []


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
