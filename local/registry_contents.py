"""The local registry's files, as distribution keeps them: what is needed there, and what nothing needs.

A manifest stays where a tag points to it, where its digest is named elsewhere (a state, a stack's file, the
set-up's bases), where a list that stays names it, and where it is about one that stays (`subject` of OCI's
image-spec 1.1). It is read from the files, because the registry's API lists no manifest without a tag.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.steps import SetupError


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """A manifest of a repository that nothing needs."""

    repository: str
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Garbage:
    """Contents of the registry that nothing needs."""

    manifests: tuple[Manifest, ...]
    """Lists before their children."""
    stays: Mapping[str, int]
    """Repository → how many of its manifests stay."""
    size: int
    """Bytes of the blobs that go with them, and of those that an interrupted run has left."""

    @property
    def is_empty(self) -> bool:
        """True if nothing would be removed."""
        return not self.manifests and not self.size


def garbage(data: Path, named: Collection[str]) -> Garbage:
    """Find what nothing needs in the registry's folder; `named` are digests. Raises SetupError."""
    contents = _Contents(data / "docker" / "registry" / "v2")
    live, goes, stays = set[str](), list[Manifest](), dict[str, int]()
    for name in contents.repositories():
        there = contents.revisions(name)
        needed = contents.needed(contents.tagged(name) | (there & {*named}), there) & there
        live |= needed
        stays[name] = len(needed)
        unneeded = sorted(there - needed, key=lambda digest: (not contents.children(digest), digest))
        goes += [Manifest(repository=name, digest=digest) for digest in unneeded]
    blobs = live | {blob for digest in live for blob in contents.blobs_of(digest)}
    size = sum(bytes_ for digest, bytes_ in contents.blobs() if digest not in blobs)
    return Garbage(manifests=tuple(goes), stays=stays, size=size)


class _Contents:
    """Distribution's layout of a file system (registry/storage/paths.go)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def repositories(self) -> list[str]:
        top = self._root / "repositories"
        return sorted(str(path.parent.relative_to(top)) for path in top.glob("**/_manifests"))

    def tagged(self, name: str) -> set[str]:
        """Digests that tags point to now."""
        tags = self._manifests(name) / "tags"
        return {path.read_text().strip() for path in tags.glob("*/current/link")}

    def revisions(self, name: str) -> set[str]:
        """Digests of all manifests."""
        found = (self._manifests(name) / "revisions" / "sha256").glob("*/link")
        return {f"sha256:{path.parent.name}" for path in found}

    def needed(self, seeds: Collection[str], there: Collection[str]) -> set[str]:
        """Manifests of a repository that stay: the seeds, what they name, and what refers to them."""
        about: dict[str, list[str]] = {}
        for digest in there:
            about.setdefault((self._fields(digest).get("subject") or {}).get("digest", ""), []).append(digest)
        found, waiting = set[str](), [*seeds]
        while waiting:
            if (digest := waiting.pop()) not in found:
                found.add(digest)
                waiting += [*self.children(digest), *about.get(digest, ())]
        return found

    def children(self, digest: str) -> list[str]:
        """Manifests that a list names; none for an image."""
        return [one["digest"] for one in self._fields(digest).get("manifests") or ()]

    def blobs_of(self, digest: str) -> list[str]:
        """Configuration and layers that an image names."""
        fields = self._fields(digest)
        parts = [fields.get("config"), *(fields.get("layers") or ()), *(fields.get("blobs") or ())]
        return [one["digest"] for one in parts if one]

    def blobs(self) -> Iterator[tuple[str, int]]:
        """Every blob with its bytes, manifests among them."""
        for path in (self._root / "blobs" / "sha256").glob("*/*/data"):
            yield f"sha256:{path.parent.name}", path.stat().st_size

    def _fields(self, digest: str) -> dict[str, Any]:
        """A manifest; an empty one where its blob is gone, as a pull would find it."""
        path = self._blob(digest)
        if not path.exists():
            return {}
        try:
            return {**json.loads(path.read_bytes())}
        except (ValueError, TypeError):
            raise SetupError(
                f"The local registry's manifest {digest} is damaged ({path}): nothing was removed. "
                "Remove that file, and publish what was in it again with `make up`."
            ) from None

    def _manifests(self, name: str) -> Path:
        return self._root / "repositories" / name / "_manifests"

    def _blob(self, digest: str) -> Path:
        bare = digest.removeprefix("sha256:")
        return self._root / "blobs" / "sha256" / bare[:2] / bare / "data"
