"""Lookup of tags that are not in the state, because they may still exist in their registry."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from clients.errors import RegistryError
from clients.registry import Repository
from review.changes import Changes
from review.publications import Presence


def with_presence(changes: Changes, repository: Callable[[str], Any] = Repository) -> Changes:
    """Ask the registries about the tags that are not in the state; a failure becomes a warning."""
    tags: dict[str, list[str]] = {}
    for publication in changes.publications:
        if publication.presence is Presence.UNASKED:
            tags.setdefault(publication.repository, []).append(publication.tag)
    with ThreadPoolExecutor(max_workers=len(tags) or 1) as pool:
        answers = list(pool.map(lambda name: _presences(repository(name), tags[name]), tags))
    found = {
        (name, tag): presence
        for name, (presences, _) in zip(tags, answers, strict=True)
        for tag, presence in presences.items()
    }
    publications = (
        replace(each, presence=found.get((each.repository, each.tag), each.presence))
        for each in changes.publications
    )
    problems = (problem for _, problem in answers if problem)
    return replace(
        changes,
        publications=tuple(publications),
        warnings=tuple(dict.fromkeys((*changes.warnings, *problems))),
    )


def _presences(repository: Any, tags: Sequence[str]) -> tuple[dict[str, Presence], str]:
    """Presence of each tag in one repository, and a warning; empty unless its registry failed."""
    try:
        digests = {tag: repository.digest_of(tag) for tag in tags}
    except RegistryError as error:
        return dict.fromkeys(tags, Presence.UNKNOWN), f"{error}. Which of its tags exist is unknown."
    return {tag: Presence.EXISTING if digest else Presence.ABSENT for tag, digest in digests.items()}, ""
