"""A preview's changes as a page of Markdown: what a pull request's comment shows."""

import sys
from collections.abc import Iterable, Sequence

from display.markdown import fence
from review.changes import Changes
from review.details import details
from review.first_screen import first_screen
from review.portable import without_places

_REASON = 4000
"""Characters of the reason why there is no preview."""
LIMIT = 60_000
"""Characters of a page; GitHub takes 65,536 in a comment."""
ENDLESS = sys.maxsize
"""Limit of a page that is a file of its own."""


def page(
    changes: Changes,
    stack: str,
    backups: Iterable[Sequence[str]] = (),
    *,
    ending: str = "",
    limit: int = LIMIT,
    whole: str = "",
) -> str:
    """A page, without paths of one machine; the first line says it all, and `ending` is the last.

    `backups` are (node, word on its newest backup); `whole` is the name of a file that has what is cut here.
    """
    known = [*backups]
    first = first_screen(changes, stack, known)
    # Two for the line breaks between the three.
    room = limit - len(first.text) - len(ending) - 2
    rest = f"the whole is the file `{whole}`" if whole else "`pulumi preview --diff` shows the rest"
    parts = (first.text, details(changes, first.cut, known, room, rest), ending)
    return without_places("\n".join(part for part in parts if part))


def page_without_preview(stack: str, reason: str, *, is_foreign: bool = False) -> str:
    """Page of a stack whose preview failed, or whose preview is none; a foreign reason is shown as it is."""
    said = reason
    if is_foreign:
        cut = reason if len(reason) <= _REASON else f"{reason[: _REASON - 1]}…"
        said = "\n".join(["", "", *fence(cut.splitlines())])
    return without_places(f"## Stack {stack}: no preview\n\nNothing is known of this change. {said}\n")
