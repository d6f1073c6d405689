"""Known vulnerabilities that images gain and lose, for pages: looked up in the pinned database of Go."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from typing import Any

from display.errors import UserError
from local.layout import Layout
from local.tools import find_go
from local.vulnerability_database import ensure_database
from release.vulnerabilities import entries, gained_and_gone
from review.changes import Changes
from review.inside import Inside, Vulnerability

NO_SET_UP = "a set-up of `make up` has the Go that fetches the database, and none is here"


class NotLookedUpError(UserError):
    """The database could not be asked; the message says why."""


def read_known(layout: Layout | None) -> tuple[list[Mapping[str, Any]], str]:
    """Entries of the database, and its day; standard output stays empty. Raises NotLookedUpError."""
    if layout is None:
        raise NotLookedUpError(NO_SET_UP)
    try:
        with redirect_stdout(sys.stderr):  # which the steps of a set-up print to
            database = ensure_database(layout, find_go(layout))
    except UserError as error:
        raise NotLookedUpError(str(error)) from None
    known = [*entries(database.folder)]
    if not known:
        raise NotLookedUpError("the database has no entry")
    return known, str(database.day)


def with_vulnerabilities(changes: Changes, layout: Layout | None) -> Changes:
    """The changes, with what their modules gain and lose; no database is read if no module differs."""
    if not any(one.differences for one in changes.inside):
        return changes
    try:
        known, day = read_known(layout)
    except NotLookedUpError as error:
        return replace(changes, looked_up=not_looked_up(error))
    return judged(changes, known, day)


def judged(changes: Changes, known: Sequence[Mapping[str, Any]], day: str) -> Changes:
    """The changes, with what these entries of the database say of modules that differ."""
    if not any(one.differences for one in changes.inside):
        return changes
    found = tuple(each for one in changes.inside for each in _vulnerabilities(one, known))
    return replace(changes, vulnerabilities=found, looked_up=looked_up(day, found))


def looked_up(day: str, found: Sequence[object]) -> str:
    """Sentence on the database, and on what a version says."""
    none = "" if found else "No known vulnerability comes or goes. "
    return (
        f"{none}Vulnerabilities are those that Go's database knew on {day}, by versions of modules: a "
        "program may not use what is faulty."
    )


def not_looked_up(error: NotLookedUpError) -> str:
    """Sentence on the reason why nothing is known of vulnerabilities."""
    return f"Known vulnerabilities were not looked up: {str(error).rstrip('.')}."


def _vulnerabilities(one: Inside, known: Sequence[Mapping[str, Any]]) -> Iterator[Vulnerability]:
    before = {each.module: each.before for each in one.differences if each.before}
    after = {each.module: each.after for each in one.differences if each.after}
    for is_gained, its in zip((True, False), gained_and_gone(known, before, after), strict=True):
        yield from (Vulnerability(image=one.image, gained=is_gained, finding=each) for each in its)
