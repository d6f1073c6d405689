"""Retention: feature builds beyond the newest N are retired from a repository.

The registry must have the distribution API's delete; where it has none, that is said. Not for the
time of a publish: what is published between the look and the removal may go with its old digest.

Only tags that start with `feature-` are ever candidates: releases and moving tags last for ever,
and so does every manifest that a tag that stays points to. Without --delete nothing is removed.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from components.arch import ARCHES
from components.naming import variant_tag
from plugins.repository import RegistryError, Repository

PREFIX = "feature-"
CREATED = "org.opencontainers.image.created"
KEEP = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """A feature build in a registry."""

    tag: str
    created: str
    """ISO 8601 in UTC, which sorts as text; empty where the list doesn't say."""
    digests: tuple[str, ...]
    """Of the list, then of its children."""

    @property
    def tags(self) -> list[str]:
        """Its list's tag and its variants' tags."""
        return [self.tag, *(variant_tag(self.tag, arch) for arch in ARCHES)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What stays and what goes; `untag` and `remove` are what to ask the registry for, in that order."""

    stays: tuple[Build, ...]
    goes: tuple[Build, ...]
    untag: tuple[str, ...]
    """Tags whose manifest stays for another tag's sake."""
    remove: tuple[str, ...]
    """Digests that nothing points to any more, lists before their children."""


def builds(repository: Any, tags: Iterable[str]) -> list[Build]:
    """Every feature build among `tags`, the newest first."""
    found = []
    for tag in tags:
        if tag.startswith(PREFIX) and not tag.endswith(tuple(f"-{arch}" for arch in ARCHES)):
            manifest = repository.manifest(tag)
            fields = manifest.fields
            children = (entry["digest"] for entry in fields.get("manifests", ()))
            created = (fields.get("annotations") or {}).get(CREATED, "")
            found.append(Build(tag=tag, created=created, digests=(manifest.digest, *children)))
    return sorted(found, key=lambda build: (build.created, build.tag), reverse=True)


def plan(repository: Any, keep: int) -> Plan:
    """What retiring all feature builds but the newest `keep` means."""
    found = {tag: repository.digest_of(tag) for tag in repository.tags()}
    points: Mapping[str, str] = {tag: digest for tag, digest in found.items() if digest is not None}
    known = builds(repository, points)
    stays, goes = known[:keep], known[keep:]
    going = {tag for build in goes for tag in build.tags if tag in points}
    live = {digest for tag, digest in points.items() if tag not in going}
    for digest in sorted(live):
        live |= {entry["digest"] for entry in repository.manifest(digest).fields.get("manifests", ())}
    # A variant's tag that somebody moved goes with its build too.
    gone = [*(digest for build in goes for digest in build.digests), *(points[tag] for tag in sorted(going))]
    return Plan(
        stays=tuple(stays),
        goes=tuple(goes),
        untag=tuple(sorted(tag for tag in going if points[tag] in live)),
        remove=tuple(dict.fromkeys(digest for digest in gone if digest not in live)),
    )


def main() -> int:
    """Print the plan; with --delete, do it."""
    parser = argparse.ArgumentParser(prog="python -m release.retention", description=__doc__)
    parser.add_argument("repository", help="such as registry.example/skycoin/skycoin")
    parser.add_argument("--keep", type=int, default=KEEP, help=f"feature builds that stay, default {KEEP}")
    parser.add_argument("--delete", action="store_true", help="remove what goes; otherwise it is only shown")
    given = parser.parse_args()
    if given.keep < 0:
        parser.error(f"--keep {given.keep}: give 0 or more")
    repository = Repository(given.repository)
    try:
        wanted = plan(repository, given.keep)
        for word, found in (("stays", wanted.stays), ("goes", wanted.goes)):
            for build in found:
                print(f"{word:5}  {build.created or 'no date':20}  {build.tag}")
        if not given.delete:
            print(f"{len(wanted.goes)} feature builds would go; --delete removes them")
            return 0
        for reference in (*wanted.untag, *wanted.remove):
            repository.remove(reference)
    except RegistryError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(wanted.goes)} feature builds are gone; the registry's garbage collection frees their space")
    return 0


if __name__ == "__main__":
    sys.exit(main())
