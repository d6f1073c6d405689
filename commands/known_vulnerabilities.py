"""Known vulnerabilities that images gain and lose, looked up for pages in Go's pinned database."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from catalogue.go_modules import NOT_KNOWN, Difference, Modules
from commands.options import MALFORMED
from display.errors import UserError
from display.markdown import plain
from local.machine.layout import Layout
from local.machine.vulnerability_database import fetched_database
from release.vulnerabilities import Index, by_module, entries, gained_and_gone
from review.changes import Changes
from review.inside import Inside, Vulnerability

NOT_FETCHED = "the database is not in the cache here; `./skyinfra release audit --fetch-only` fetches it"
ODD = "the database has an entry that can't be read"
_LONGEST = 300
"""Maximum length of a reason on a page, in characters."""


class NotLookedUpError(UserError):
    """Raised if the database can't be used; the message gives the reason."""


def read_known(layout: Layout) -> tuple[Index, str]:
    """Read the database and its date, without fetching anything. Raises NotLookedUpError."""
    try:
        database = fetched_database(layout)
    except UserError as error:
        raise NotLookedUpError(str(error)) from None
    if database is None:
        raise NotLookedUpError(NOT_FETCHED)
    known = by_module(entries(database.folder))
    if not known:
        raise NotLookedUpError("the database has no entry")
    return known, str(database.day)


@contextmanager
def malformed_as_errors() -> Iterator[None]:
    """Turn errors from malformed entries of the database into NotLookedUpError, so that they stop no page."""
    try:
        yield
    except (*MALFORMED, OSError):
        raise NotLookedUpError(ODD) from None


def with_vulnerabilities(changes: Changes, layout: Layout) -> Changes:
    """Add the vulnerabilities that images gain and lose; the database is read only if modules differ."""
    if not any(contents.differences for contents in changes.inside):
        return changes
    try:
        with malformed_as_errors():
            return judged(changes, *read_known(layout))
    except NotLookedUpError as error:
        return replace(changes, looked_up=no_lookup_note(error))


def judged(changes: Changes, known: Index, day: str) -> Changes:
    """Add the vulnerabilities that these entries of the database have for modules that differ."""
    if not any(contents.differences for contents in changes.inside):
        return changes
    vulnerabilities = tuple(each for contents in changes.inside for each in _vulnerabilities(contents, known))
    is_whole = not any(contents.unknown or contents.of_go or contents.inexact for contents in changes.inside)
    return replace(
        changes,
        vulnerabilities=vulnerabilities,
        looked_up=lookup_note(day, vulnerabilities, is_whole=is_whole),
    )


def lookup_note(day: str, vulnerabilities: Sequence[object], *, is_whole: bool = True) -> str:
    """Sentences about the database and its limits; `is_whole` is False if some modules are unknown."""
    by = "" if is_whole else " by the modules that are known to differ"
    none = "" if vulnerabilities else f"No known vulnerability is gained or lost{by}. "
    return (
        f"{none}Vulnerabilities are those that Go's database knew on {day}, by versions of modules: a "
        "program might not call the vulnerable code."
    )


def no_lookup_note(error: NotLookedUpError) -> str:
    """Reason why vulnerabilities were not looked up, on one line even if the error has several."""
    reason = (str(error).splitlines() or [""])[0][:_LONGEST].rstrip(". ")
    return f"Known vulnerabilities were not looked up: {plain(reason)}."


def _vulnerabilities(image: Inside, known: Index) -> Iterator[Vulnerability]:
    exact = (each for each in image.differences if NOT_KNOWN not in (each.before, each.after))
    judged_ones = [(each, gained_and_gone(known, *_sides(each))) for each in exact]
    for side, is_gained in enumerate((True, False)):
        for each, sides in judged_ones:
            yield from (
                Vulnerability(image=image.image, difference=each, gained=is_gained, finding=finding)
                for finding in sides[side]
            )


def _sides(difference: Difference) -> tuple[Modules, Modules]:
    """Module with its version before and after, each empty if there is none."""
    before, after = (
        {difference.module: version} if version else {} for version in (difference.before, difference.after)
    )
    return before, after
