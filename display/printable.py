"""Foreign text for a terminal, which control characters could command to reset or to fill the clipboard."""

import re

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters of ASCII and of its extension (C1), except tabs and line feeds."""


def printable(text: str) -> str:
    """Text of several lines without control characters other than tabs and line feeds."""
    return _CONTROLS.sub("", text)


def printable_line(text: str) -> str:
    """Text on one line, with a question mark for each character that a terminal can't print."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
