"""Parts of Markdown: for the release record, and for the page that a reviewer reads."""

import re
from collections.abc import Iterable, Sequence

_MENTION = re.compile(r"(?<!\w)@(?=\w)")
"""An `@` that a forge would take for one; behind a word joiner it is none, also in a code span."""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table; bars and line breaks in a cell are escaped."""
    return [f"| {' | '.join(map(_cell, row))} |" for row in (heads, ["---"] * len(heads), *rows)]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def plain(text: str) -> str:
    """Text of somebody else's: it begins no tag or comment, is no link or picture, and mentions nobody."""
    return _MENTION.sub("@\u2060", text.replace("<", "&lt;").replace("](", "]\u2060("))


def fence(lines: Sequence[str]) -> list[str]:
    """Lines as they are, in a fence that none of them ends."""
    longest = max((len(run) for run in re.findall("`+", "\n".join(lines))), default=0)
    bar = "`" * max(3, longest + 1)
    return [bar, *lines, bar]
