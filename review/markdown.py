"""A preview's changes as a Markdown page, for the comment on a pull request."""

import sys
from collections.abc import Iterable, Sequence

from display.markdown import fence, printable_page
from review.changes import Changes
from review.details import details
from review.first_screen import first_screen
from review.portable import without_places

_REASON = 4000
"""Maximum number of characters in a foreign reason why there is no preview."""
LIMIT = 60_000
"""Maximum number of characters in a page; GitHub allows 65,536 in a comment."""
ENDLESS = sys.maxsize
"""Limit of a page that is a separate file."""


def page(
    changes: Changes,
    stack: str,
    backups: Iterable[Sequence[str]] = (),
    *,
    ending: str = "",
    limit: int = LIMIT,
    whole: str = "",
) -> str:
    """Page without paths of one machine. Its first line names the stack and the risk; `ending` is its end.

    `backups` are (node, description of its newest backup). `whole` names the file of the complete page; empty
    if there is none.
    """
    known = [*backups]
    first = first_screen(changes, stack, known)
    # Two characters for the line breaks between the three parts.
    remaining = limit - len(first.text) - len(ending) - 2
    rest = f"the complete page is the file `{whole}`" if whole else "`--whole FILE` writes the complete page"
    parts = (first.text, details(changes, first.cut, known, remaining, rest), ending)
    return printable_page(without_places("\n".join(part for part in parts if part)))


def page_without_preview(stack: str, reason: str, *, is_foreign: bool = False) -> str:
    """Page of a stack whose preview failed or is invalid.

    A foreign reason is the output of another program: it is shown as a block, cut to _REASON characters.
    """
    shown = reason
    if is_foreign:
        cut = reason if len(reason) <= _REASON else f"{reason[: _REASON - 1]}…"
        shown = "\n".join(["", "", *fence(cut.splitlines())])
    text = f"## Stack {stack}: no preview\n\nNothing is known about this change. {shown}\n"
    return printable_page(without_places(text))
