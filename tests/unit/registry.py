"""Repositories in memory, with the methods that the skycoin provider uses. A real registry: tests/e2e."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from clients.errors import RegistryError
from clients.manifests import MANIFEST, Manifest, sha256_of

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass
class Repository:
    """One repository; `down` makes requests fail, and `log` lists what was written, in order."""

    name: str
    manifests: dict[str, Manifest] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    down: bool = False

    def _asked(self) -> None:
        if self.down:
            raise RegistryError(f"registry {self.name}: 503")

    def digest_of(self, reference: str) -> str | None:
        self._asked()
        return self.manifests[reference].digest if reference in self.manifests else None

    def manifest(self, reference: str) -> Manifest:
        self._asked()
        return self.manifests[reference]

    def put_manifest(self, reference: str, manifest: Manifest) -> None:
        self._asked()
        self.log.append(reference)
        self.manifests[reference] = self.manifests[manifest.digest] = manifest

    def config(self, manifest: Manifest) -> Any:
        return json.loads(self.blobs[manifest.fields["config"]["digest"]])

    def has_blob(self, digest: str) -> bool:
        self._asked()
        return digest in self.blobs

    @contextmanager
    def blob(self, digest: str, size: int) -> Iterator[IO[bytes]]:
        yield io.BytesIO(self.blobs[digest])

    def put_blob(self, digest: str, file: IO[bytes]) -> None:
        self._asked()
        self.log.append(digest)
        self.blobs[digest] = file.read()

    def tags(self) -> list[str]:
        return [reference for reference in self.manifests if not reference.startswith("sha256:")]

    def remove(self, reference: str) -> bool:
        """Remove a tag, or a digest together with all its tags."""
        found = self.manifests.pop(reference, None)
        if found is not None and reference.startswith("sha256:"):
            self.manifests = {key: one for key, one in self.manifests.items() if one.digest != reference}
        return found is not None

    # Content that tests add.

    def add_blob(self, content: bytes) -> dict[str, Any]:
        self.blobs[sha256_of(content)] = content
        return {"digest": sha256_of(content), "size": len(content)}

    def add_image(
        self,
        config: Mapping[str, Any],
        *layers: Mapping[str, bytes],
        annotations: Mapping[str, str] | None = None,
    ) -> str:
        """Add an image of these layers; return its reference by digest."""
        fields = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.add_blob(json.dumps(config).encode()),
            "layers": [{"mediaType": LAYER, **self.add_blob(layer_of(files))} for files in layers],
            **({"annotations": dict(annotations)} if annotations else {}),
        }
        manifest = Manifest(json.dumps(fields).encode(), MANIFEST)
        self.manifests[manifest.digest] = manifest
        return f"{self.name}@{manifest.digest}"


@dataclass
class Registries:
    """Repositories by name, created on first use."""

    known: dict[str, Repository] = field(default_factory=dict)

    def __call__(self, name: str) -> Repository:
        return self.known.setdefault(name, Repository(name))


def layer_of(files: Mapping[str, bytes]) -> bytes:
    """A gzipped layer with these files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)
