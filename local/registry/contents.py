"""The local registry's files in distribution's layout, and which manifests in it are needed.

A manifest is kept if a tag points to it, if its digest is named elsewhere (in a state, a stack's file, or the
set-up's bases), if a kept list names it, or if it refers to a kept one (`subject` in OCI's image-spec 1.1).
The files are read because the registry's API lists no untagged manifests.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.machine.steps import SetupError


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """An unneeded manifest of a repository."""

    repository: str
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Garbage:
    """The registry's unneeded content."""

    manifests: tuple[Manifest, ...]
    """Unneeded manifests, lists before their children."""
    kept_counts: Mapping[str, int]
    """Repository → number of manifests that are kept."""
    size: int
    """Bytes of blobs that are removed with the manifests, and of others to which nothing refers."""

    @property
    def is_empty(self) -> bool:
        """True if nothing would be removed."""
        return not self.manifests and not self.size


def garbage(data: Path, named: Collection[str]) -> Garbage:
    """Find unneeded content in the registry's folder; `named` are digests to keep. Raises SetupError."""
    contents = _Contents(data / "docker" / "registry" / "v2")
    live, manifests, kept_counts = set[str](), list[Manifest](), dict[str, int]()
    for name in contents.repositories():
        present = contents.revisions(name)
        needed = contents.needed(contents.tagged(name) | (present & {*named}), present) & present
        live |= needed
        kept_counts[name] = len(needed)
        unneeded = sorted(present - needed, key=lambda digest: (not contents.children(digest), digest))
        manifests += [Manifest(repository=name, digest=digest) for digest in unneeded]
    blobs = live | {blob for digest in live for blob in contents.blobs_of(digest)}
    size = sum(bytes_ for digest, bytes_ in contents.blobs() if digest not in blobs)
    return Garbage(manifests=tuple(manifests), kept_counts=kept_counts, size=size)


class _Contents:
    """Distribution's layout on a file system (registry/storage/paths.go)."""

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
        links = (self._manifests(name) / "revisions" / "sha256").glob("*/link")
        return {f"sha256:{path.parent.name}" for path in links}

    def needed(self, seeds: Collection[str], manifests: Collection[str]) -> set[str]:
        """Manifests of a repository to keep: the seeds, those they name, and those that refer to them."""
        referrers: dict[str, list[str]] = {}
        for digest in manifests:
            referrers.setdefault((self._fields(digest).get("subject") or {}).get("digest", ""), []).append(
                digest
            )
        reached, waiting = set[str](), [*seeds]
        while waiting:
            if (digest := waiting.pop()) not in reached:
                reached.add(digest)
                waiting += [*self.children(digest), *referrers.get(digest, ())]
        return reached

    def children(self, digest: str) -> list[str]:
        """Manifests that a list names; empty for an image."""
        return [manifest["digest"] for manifest in self._fields(digest).get("manifests") or ()]

    def blobs_of(self, digest: str) -> list[str]:
        """Configuration and layers that an image names."""
        fields = self._fields(digest)
        parts = [fields.get("config"), *(fields.get("layers") or ()), *(fields.get("blobs") or ())]
        return [part["digest"] for part in parts if part]

    def blobs(self) -> Iterator[tuple[str, int]]:
        """Every blob with its size in bytes, manifests included."""
        for path in (self._root / "blobs" / "sha256").glob("*/*/data"):
            yield f"sha256:{path.parent.name}", path.stat().st_size

    def _fields(self, digest: str) -> dict[str, Any]:
        """Parse a manifest; empty if its blob is gone, which a pull would notice too."""
        path = self._blob(digest)
        if not path.exists():
            return {}
        try:
            return {**json.loads(path.read_bytes())}
        except (ValueError, TypeError):
            raise SetupError(
                f"The local registry's manifest {digest} is damaged ({path}): nothing was removed. "
                "Remove that file, and publish its image again with `make up`."
            ) from None

    def _manifests(self, name: str) -> Path:
        return self._root / "repositories" / name / "_manifests"

    def _blob(self, digest: str) -> Path:
        bare = digest.removeprefix("sha256:")
        return self._root / "blobs" / "sha256" / bare[:2] / bare / "data"
