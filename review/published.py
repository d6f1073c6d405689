"""Look up tags that are not in the state, because they may still exist in their registry."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from clients.registry import RegistryError, Repository
from review.changes import Changes
from review.publications import Presence

Ask = Callable[[str], Any]


def with_presence(changes: Changes, repository: Ask = Repository) -> Changes:
    """Add the registries' answers about tags that are not in the state, and warn of failed registries."""
    tags: dict[str, list[str]] = {}
    for publication in changes.publications:
        if publication.presence is Presence.UNASKED:
            tags.setdefault(publication.repository, []).append(publication.tag)
    with ThreadPoolExecutor(max_workers=len(tags) or 1) as pool:
        looks = list(pool.map(lambda name: _read_tags(repository(name), tags[name]), tags))
    presences = {
        (name, tag): presence for name, (known, _) in zip(tags, looks, strict=True) for tag, presence in known
    }
    return replace(
        changes,
        publications=tuple(
            replace(
                publication,
                presence=presences.get((publication.repository, publication.tag), publication.presence),
            )
            for publication in changes.publications
        ),
        warnings=tuple(dict.fromkeys((*changes.warnings, *(problem for _, problem in looks if problem)))),
    )


def _read_tags(repository: Any, tags: Sequence[str]) -> tuple[list[tuple[str, Presence]], str]:
    """Look up tags of one repository; returns their presence, and a sentence if the registry failed."""
    try:
        digests = {tag: repository.digest_of(tag) for tag in tags}
    except RegistryError as error:
        problem = f"{error}. Which of its tags exist is unknown."
        return [(tag, Presence.UNKNOWN) for tag in tags], problem
    return [(tag, Presence.EXISTING if digest else Presence.ABSENT) for tag, digest in digests.items()], ""
