#!/usr/bin/env python3
"""quote_pages.py FROM TO: the pages of a fork's stacks as text that a forge shows as it is.

STACKS has the names of the stacks as JSON; other files are not looked at. The fork wrote parts of a page, so
the text is an indented block of code: no mention, link, picture, HTML or heading in it means anything, and
characters that can't be seen are left out.
"""

import json
import os
import sys
import unicodedata
from pathlib import Path

HEAD = """\
## Stack {stack} of a fork, by its files alone

The program of the base made this text from the fork's stack file; names and values in it are the fork's own.

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
    return "".join(one for one in line if unicodedata.category(one) not in UNSEEN)


def main(pages: Path, to: Path) -> None:
    """Write a text for each stack that has a page."""
    to.mkdir()
    for stack in json.loads(os.environ["STACKS"]):
        page = pages / f"{stack}.md"
        # A link in an artifact would bring a file of this job, such as its environment.
        if page.is_file() and not page.is_symlink():
            with page.open("rb") as file:
                text = HEAD.format(stack=stack) + quoted(file.read(READ))
            (to / f"{stack}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
