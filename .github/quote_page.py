#!/usr/bin/env python3
"""quote_page.py FROM TO: the pages of a fork's stacks, one file, as text that a forge shows as it is.

The fork wrote parts of them, so the text is an indented block of code: no mention, link, picture, HTML or
heading in it means anything, and characters that can't be seen are left out.
"""

import sys
import unicodedata
from pathlib import Path

HEAD = """\
## Stacks of a fork, by their files alone

The program of the base made this text from the fork's stack files; names and values in it are the fork's own.

"""
CUT = "\n\nCut here: the artifact of the run has all of it."
LIMIT = 60_000
"""Characters of a comment; GitHub takes 65,536."""
READ = 4 * LIMIT
"""Bytes that are read of a page."""
INDENT = "    "
UNSEEN = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
"""Unicode's categories of characters that turn a line around, end it, or can't be seen."""


def quoted(page: bytes) -> str:
    """A page as a block of code, and a note where it is cut."""
    lines = page.decode("utf-8", "replace").split("\n")
    text = "\n".join(f"{INDENT}{_seen(line)}".rstrip() for line in lines)
    return text[:LIMIT] + CUT * (len(text) > LIMIT or len(page) == READ) + "\n"


def _seen(line: str) -> str:
    return "".join(character for character in line if unicodedata.category(character) not in UNSEEN)


def main(page: Path, to: Path) -> None:
    """Write the text, if there is a page."""
    to.parent.mkdir()
    # A link in an artifact would bring a file of this job, such as its environment.
    if page.is_file() and not page.is_symlink():
        with page.open("rb") as file:
            to.write_text(HEAD + quoted(file.read(READ)), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
