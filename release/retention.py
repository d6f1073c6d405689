"""Retention: which feature and develop builds of a repository to remove: all but the newest N of each kind.

The registry must support the distribution API's delete; otherwise retention fails with a message. Do not run
it during a publish: an image that is published between listing and removal may be removed too.

Only `feature-NAME` and `develop-COMMIT` are ever candidates (docs/adr/0013). Releases and moving tags stay
forever, and so does every manifest that a kept tag points to. The build that `develop` points to stays,
however old its source. So do a build that a stack runs or names by digest, because a board that loses its
disk pulls it again, a build that shares a variant with such a list, and a build without a date, whose age is
unknown. Without --delete nothing is removed.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from catalogue.arch import ARCHES
from catalogue.naming import COMMIT_DIGITS, Channel, variant_tag
from clients.manifests import IMAGES

KINDS: Mapping[Channel, re.Pattern[str]] = MappingProxyType(
    {
        Channel.FEATURE: re.compile(r"feature-.+"),
        Channel.DEVELOP: re.compile(rf"develop-[0-9a-f]{{{COMMIT_DIGITS}}}"),
    }
)
"""Kind of build → pattern of its lists' tags. Only these builds are ever removed."""
VARIANTS = tuple(f"-{arch}" for arch in ARCHES)
CREATED = "org.opencontainers.image.created"
KEEP = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """A build in a registry that may be retired."""

    tag: str
    kind: Channel
    created: str
    """ISO 8601 in UTC, which sorts as text; empty if the list doesn't state it."""
    digests: tuple[str, ...]
    """Digests of the list, then of its children; none if an interrupted removal took only the list."""

    @property
    def tags(self) -> list[str]:
        """Tags of its list and of its variants."""
        return [self.tag, *(variant_tag(self.tag, arch) for arch in ARCHES)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Builds to keep and builds to remove; what `untag` names must be removed before what `remove` names."""

    kept_builds: tuple[Build, ...]
    removed_builds: tuple[Build, ...]
    untag: tuple[str, ...]
    """Tags whose manifest stays because another tag needs it."""
    remove: tuple[str, ...]
    """Digests that nothing refers to any more, lists before their children."""


def kind_of(tag: str) -> Channel | None:
    """Kind of build that a tag names, or None: other tags are never removed."""
    if tag.endswith(VARIANTS):
        return None
    return next((kind for kind, pattern in KINDS.items() if pattern.fullmatch(tag)), None)


def builds(repository: Any, tags: Collection[str]) -> list[Build]:
    """All builds among `tags` that may be removed, newest first."""
    listed = [
        Build(tag=tag, kind=kind, created="", digests=())
        for tag in {tag.removesuffix(suffix) for suffix in VARIANTS for tag in tags if tag.endswith(suffix)}
        if tag not in tags and (kind := kind_of(tag)) is not None
    ]
    for tag in tags:
        if (kind := kind_of(tag)) is not None:
            manifest = repository.manifest(tag)
            fields = manifest.fields
            children = (entry["digest"] for entry in fields.get("manifests", ()))
            created = (fields.get("annotations") or {}).get(CREATED, "")
            digests = (manifest.digest, *children)
            listed.append(Build(tag=tag, kind=kind, created=created, digests=digests))
    return sorted(listed, key=lambda build: (build.created, build.tag), reverse=True)


def plan(repository: Any, keep: int, deployed: Collection[str] = ()) -> Plan:
    """Plan to remove all builds except the newest `keep` of each kind and those of `deployed` digests.

    A build whose list states no date stays too, beyond that number: it may be the newest. So does the build
    that `develop` points to.
    """
    digests = {tag: repository.digest_of(tag) for tag in repository.tags()}
    points: Mapping[str, str] = {tag: digest for tag, digest in digests.items() if digest is not None}
    known = builds(repository, points)
    undated = [build for build in known if build.digests and not build.created]
    dated = [build for build in known if build not in undated]
    newest = [build for kind in KINDS for build in [build for build in dated if build.kind is kind][:keep]]
    present = [digest for digest in sorted({*deployed}) if repository.digest_of(digest) is not None]
    protected = {*_digests_of(repository, present), *filter(None, [points.get(Channel.DEVELOP)])}
    stays = [build for build in known if build in (*undated, *newest) or _has_any(build, protected, points)]
    removed = [build for build in known if build not in stays]
    removed_tags = {tag for build in removed for tag in build.tags if tag in points}
    live_digests = _digests_of(repository, (points[tag] for tag in points if tag not in removed_tags))
    # Tags of variants that were moved by hand are removed with their build too.
    candidates = [digest for build in removed for digest in build.digests]
    candidates += [points[tag] for tag in sorted(removed_tags)]
    return Plan(
        kept_builds=tuple(stays),
        removed_builds=tuple(removed),
        untag=tuple(sorted(tag for tag in removed_tags if points[tag] in live_digests)),
        remove=tuple(dict.fromkeys(digest for digest in candidates if digest not in live_digests)),
    )


def _has_any(build: Build, digests: Collection[str], points: Mapping[str, str]) -> bool:
    """True if a build, one of its variants, or one of its tags is one of `digests`."""
    return not {*digests}.isdisjoint((*build.digests, *(points[tag] for tag in build.tags if tag in points)))


def _digests_of(repository: Any, manifests: Iterable[str]) -> set[str]:
    """Digests of manifests, and of those that they list, at any depth."""
    live, waiting = set[str](), sorted({*manifests})
    while waiting:
        if (digest := waiting.pop()) in live:
            continue
        live.add(digest)
        for entry in repository.manifest(digest).fields.get("manifests") or ():
            if entry.get("mediaType") in IMAGES:
                live.add(entry["digest"])
            else:
                waiting.append(entry["digest"])
    return live
