"""Manifests of images and lists (OCI image-spec 1.1), and their media types."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from clients.errors import RegistryError

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
IMAGES = (MANIFEST, DOCKER_MANIFEST)
ACCEPT = ", ".join((INDEX, MANIFEST, DOCKER_MANIFEST, DOCKER_LIST))


def sha256_of(content: bytes) -> str:
    """Digest as registries write it: `sha256:…`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or a list, byte for byte; its digest is that of `content`."""

    content: bytes
    media_type: str

    @property
    def digest(self) -> str:
        """`sha256:…`."""
        return sha256_of(self.content)

    @property
    def fields(self) -> dict[str, Any]:
        """The JSON document. Raises RegistryError if it is invalid, or an entry has no digest."""
        try:
            document = json.loads(self.content)
            descriptors = [document[key] for key in ("config",) if key in document]
            descriptors += [
                descriptor for key in ("layers", "manifests") for descriptor in document.get(key) or ()
            ]
            if all(isinstance(descriptor["digest"], str) for descriptor in descriptors):
                return {**document}
        except (ValueError, TypeError, AttributeError, KeyError):
            pass
        raise RegistryError(f"{self.digest} is not a manifest: {self.content[:40]!r}")


def type_fault(manifest: Manifest) -> str:
    """Reason why a manifest can't be an entry of a list by its media type; empty if it can.

    The entry's `mediaType` is the Content-Type that the registry sent, so it must be an image's, and the one
    that the manifest itself states.
    """
    served = manifest.media_type
    stated = manifest.fields.get("mediaType", served)
    if served in IMAGES and stated == served:
        return ""
    return (
        f"the registry serves it with the Content-Type {served!r}, and its mediaType is {stated!r}: both "
        f"must be the same, and one of {', '.join(IMAGES)}"
    )
