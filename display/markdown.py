"""Parts of Markdown: for the release record, and for the page that a reviewer reads."""

import re
from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Its lines; a cell's own bars and line breaks don't end it."""
    return [f"| {' | '.join(map(_cell, row))} |" for row in (heads, ["---"] * len(heads), *rows)]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def plain(text: str) -> str:
    """Text of somebody else's, whose `<` begins no tag or comment that would hide what follows."""
    return text.replace("<", "&lt;")


def fence(lines: Sequence[str]) -> list[str]:
    """Lines as they are, in a fence that none of them ends."""
    longest = max((len(run) for run in re.findall("`+", "\n".join(lines))), default=0)
    bar = "`" * max(3, longest + 1)
    return [bar, *lines, bar]
