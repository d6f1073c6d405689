#!/usr/bin/env python3
"""quote_page.py FROM TO: the pages of a fork's stacks, one file, as text that a forge shows as it is.

The fork wrote parts of them, so the text is an indented block of code: no mention, link, picture, HTML or
heading in it means anything, and characters that can't be seen are left out. If the folder `whole` beside
FROM has more, or the text is cut, its end leads to the run, whose artifact it is.
"""

import filecmp
import os
import sys
import unicodedata
from pathlib import Path

HEAD = """\
## Stacks of a fork, by their files alone

The program of the base made this text from the fork's stack files; names and values in it are the fork's own.

"""
CUT = "\nCut here.\n"
WHOLE = "\nThe whole page is `whole/{}` in the artifact `page-{}` of [this run]({}).\n"
LIMIT = 60_000
"""Characters of a comment; GitHub takes 65,536."""
READ = 4 * LIMIT
"""Bytes that are read of a page."""
INDENT = "    "
UNSEEN = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
"""Unicode's categories of characters that turn a line around, end it, or can't be seen."""


def quoted(page: bytes) -> str:
    """A page as a block of code, with CUT at its end if it is cut."""
    lines = page.decode("utf-8", "replace").split("\n")
    text = "\n".join(f"{INDENT}{_seen(line)}".rstrip() for line in lines)
    return text[:LIMIT] + "\n" + CUT * (len(text) > LIMIT or len(page) == READ)


def _seen(line: str) -> str:
    return "".join(character for character in line if unicodedata.category(character) not in UNSEEN)


def _is_page(path: Path) -> bool:
    # A link in an artifact would bring a file of this job, such as its environment.
    return path.is_file() and not path.is_symlink()


def _run() -> str:
    """Address of this run."""
    server, repository, run = (
        os.environ[f"GITHUB_{name}"] for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")
    )
    return f"{server}/{repository}/actions/runs/{run}"


def main(page: Path, to: Path) -> None:
    """Write the text, if there is a page."""
    to.parent.mkdir()
    if not _is_page(page):
        return
    with page.open("rb") as file:
        text = quoted(file.read(READ))
    whole = page.parent / "whole" / page.name
    if text.endswith(CUT) or (_is_page(whole) and not filecmp.cmp(page, whole, shallow=False)):
        text += WHOLE.format(page.name, page.stem, _run())
    to.write_text(HEAD + text, encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
