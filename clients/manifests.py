"""Manifests of images and lists (OCI image-spec 1.1), and their media types."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from clients.errors import RegistryError

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
IMAGES = (MANIFEST, DOCKER_MANIFEST)
_DIGEST = re.compile(r"[a-z0-9]+([+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
"""Grammar of digests in OCI's image-spec."""
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
        """The JSON document, without fields that are null.

        Raises RegistryError if it is invalid, or a field that the program uses is not as in OCI's image-spec.
        """
        return _parsed(self.content, _of_manifest, "a manifest")


def config_of(content: bytes) -> dict[str, Any]:
    """JSON of an image's configuration, without null fields. Raises RegistryError if it is invalid."""
    return _parsed(content, _of_config, "an image's configuration")


def platform_of(described: dict[str, Any]) -> dict[str, str]:
    """Platform of an image's configuration, or of a list's entry."""
    return {key: described[key] for key in ("os", "architecture", "variant") if described.get(key)}


def _parsed(
    content: bytes, typed: Callable[[dict[str, Any]], Iterator[tuple[Any, type]]], kind: str
) -> dict[str, Any]:
    try:
        document = json.loads(content, object_pairs_hook=_without_null)
        if all(isinstance(value, wanted) for value, wanted in typed(document)):
            return {**document}
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        pass
    raise RegistryError(f"{sha256_of(content)} is not {kind}: {content[:40]!r}")


def _without_null(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; Go, which engines and registries are written in, takes null for an absent field."""
    return {key: value for key, value in fields if value is not None}


def _of_manifest(document: dict[str, Any]) -> Iterator[tuple[Any, type]]:
    """Yield each value that the program uses, and its type."""
    layers, listed = document.get("layers", ()), document.get("manifests", ())
    blobs = [document[key] for key in ("config",) if key in document]
    yield from ((layer["mediaType"], str) for layer in layers)
    yield from ((blob["size"], int) for blob in (*blobs, *layers))
    # A value that is no digest could name a tag, or another repository.
    yield from (
        (_DIGEST.fullmatch(descriptor["digest"]), re.Match) for descriptor in (*blobs, *layers, *listed)
    )
    for entry in listed:
        yield from ((part, str) for part in platform_of(entry.get("platform", {})).values())
    yield from ((value, str) for value in document.get("annotations", {}).values())


def _of_config(document: dict[str, Any]) -> Iterator[tuple[Any, type]]:
    """Yield each value that the program uses, and its type."""
    yield from ((part, str) for part in platform_of(document).values())
    yield from ((value, str) for value in document.get("config", {}).get("Labels", {}).values())


def type_fault(manifest: Manifest) -> str:
    """Reason why a manifest with this media type can't be an entry of a list; empty if it can.

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
