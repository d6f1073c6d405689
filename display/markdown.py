"""Building blocks of Markdown, for the release record and the review page."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

FEW = 6
"""Maximum number of texts in one line; of more texts, half this number is shown and the rest is counted."""
TILDE = "&#126;"
"""A tilde that Markdown never takes for strikethrough."""
_WIDTH = 100
"""Maximum number of characters in a line of a block: a forge's window shows no more, and does not wrap it."""
_WORD = re.compile(r"(?:`[^`]*`|\S)+")
"""Matches what stays on one line: a word, or `code` with its spaces."""
JOINER = "\u2060"
"""A word joiner, which the eye does not see."""
_KEPT = f"\n\t{JOINER}"
_COMMANDS = ("Cc", "Cf", "Cs")
"""Unicode's categories: control characters, invisible ones that turn text around, and half characters."""
_MENTION = re.compile(r"(?<!\w)@(?=\w)")
"""Matches an `@` that a forge would make a mention; a word joiner after it prevents that, even in code."""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table; in a cell, bars are escaped, and line breaks become spaces."""
    return [f"| {' | '.join(map(_cell, row))} |" for row in (heads, ["---"] * len(heads), *rows)]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def plain(text: str) -> str:
    """Escape foreign text.

    The result starts no tag or comment, contains no link or image, strikes nothing out, and mentions nobody.
    """
    safe = _MENTION.sub(f"@{JOINER}", text.replace("<", "&lt;").replace("](", f"]{JOINER}("))
    parts = safe.split("`")
    parts[::2] = [part.replace("~", TILDE) for part in parts[::2]]  # the others are code
    return "`".join(parts)


def one_line(text: str) -> str:
    """Escape foreign text and put it on one line: line breaks in a file's name could produce headings."""
    return plain(" ".join(text.split()))


def printable_page(page: str) -> str:
    """Page that commands no terminal, with a question mark for each character that could.

    No character is simply left out, because the text before and after it could together be Markdown.
    """
    return "".join(
        "?" if letter not in _KEPT and unicodedata.category(letter) in _COMMANDS else letter
        for letter in page
    )


def few(texts: Sequence[str], separator: str = ", ", limit: int | None = FEW) -> str:
    """Join texts, or half of `limit` if there are more, with the number of the others; None joins all."""
    if limit is None or len(texts) <= limit:
        return separator.join(texts)
    shown = limit // 2
    return f"{separator.join(texts[:shown])} and {len(texts) - shown} more"


def wrapped(line: str) -> list[str]:
    """Break a long line of text between words, but not in `code`; an indented line stays as it is."""
    if len(line) <= _WIDTH or line[0].isspace():
        return [line]
    lines = [""]
    for word in _WORD.findall(line):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > _WIDTH:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".lstrip()
    return lines


def fence(lines: Sequence[str]) -> list[str]:
    """Put lines unchanged into a code fence that none of them can close."""
    longest = max((len(run) for run in re.findall("`+", "\n".join(lines))), default=0)
    bar = "`" * max(3, longest + 1)
    return [bar, *lines, bar]
