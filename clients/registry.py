"""One repository of a registry: manifests, blobs, tags (OCI distribution-spec 1.1)."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import requests
from urllib3.exceptions import HTTPError

from clients.errors import RegistryError
from clients.manifests import ACCEPT, Manifest, config_of, sha256_of
from clients.registry_login import HUB
from clients.registry_session import PIECE, TRIES, RegistrySession, brief

TAG_PAGES = 1000
"""Maximum number of pages of a list of tags; each has a thousand tags if the registry honours the request."""


def split_name(name: str) -> tuple[str, str]:
    """Split `HOST[:PORT]/PATH` into (host, path). On Docker Hub a path of one part is an official image."""
    host, _, path = name.partition("/")
    return host, f"library/{path}" if host == HUB and "/" not in path else path


class Repository:
    """One repository, given by its full name such as `ghcr.io/skycoin/skycoin`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.host, self.path = split_name(name)
        self._session = RegistrySession(self.host, self.path)

    def digest_of(self, reference: str) -> str | None:
        """Digest that a tag points to, or the given digest if it exists; None if missing.

        Raises RegistryError.
        """
        answer = self._session.ask("HEAD", f"manifests/{reference}", headers={"Accept": ACCEPT}, missing=True)
        if answer is None:
            return None
        digest = answer.headers.get("Docker-Content-Digest")
        return digest or self.manifest(reference).digest

    def manifest(self, reference: str) -> Manifest:
        """Fetch a manifest or list by tag or digest.

        Raises RegistryError if it is missing or its digest differs.
        """
        answer = self._session.ask("GET", f"manifests/{reference}", headers={"Accept": ACCEPT})
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        manifest = Manifest(answer.content, media_type)
        if reference.startswith("sha256:") and manifest.digest != reference:
            raise RegistryError(f"{self.name}@{reference}: the registry answered with {manifest.digest}")
        return manifest

    def put_manifest(self, reference: str, manifest: Manifest) -> None:
        """Write a manifest under a tag or its digest.

        Raises RegistryError, also if the answer does not show that the registry has stored it.
        """
        headers = {"Content-Type": manifest.media_type}
        answer = self._session.ask("PUT", f"manifests/{reference}", headers=headers, data=manifest.content)
        if (status := answer.status_code) != requests.codes.created:
            problem = f"the answer is {status}, not 201 (created)"
            raise RegistryError(f"{self.name}: manifest {reference} is not written: {problem}")
        if (stored := answer.headers.get("Docker-Content-Digest", manifest.digest)) != manifest.digest:
            problem = f"the registry has stored {stored}, not {manifest.digest}"
            raise RegistryError(f"{self.name}: manifest {reference} is not written: {problem}")

    def tags(self) -> list[str]:
        """List all tags, in the registry's order; empty if the repository does not exist.

        Raises RegistryError.
        """
        names: list[str] = []
        path, visited = "tags/list?n=1000", set[str]()
        while path and path not in visited:
            if len(visited) == TAG_PAGES:
                raise RegistryError(
                    f"registry {self.host} ({self.path}): its tags have over {TAG_PAGES} pages"
                )
            visited.add(path)
            answer = self._session.ask("GET", path, missing=True)
            if answer is None:
                return []
            page = self._session.json(answer).get("tags") or []
            if not isinstance(page, list) or not all(isinstance(name, str) for name in page):
                raise RegistryError(
                    f"registry {self.host} ({self.path}): its tags are not a list of names: {page!r:.40}"
                )
            names += page
            path = answer.links.get("next", {}).get("url", "")
        return names

    def remove(self, reference: str) -> bool:
        """Remove a tag, or a manifest by digest with all of its tags; False if it did not exist.

        Raises RegistryError, which says so if the registry has no delete API.
        """
        return self._session.ask("DELETE", f"manifests/{reference}", missing=True) is not None

    def config(self, manifest: Manifest) -> dict[str, Any]:
        """Fetch an image's configuration, as JSON. Raises RegistryError."""
        digest = manifest.fields["config"]["digest"]
        answer = self._session.ask("GET", f"blobs/{digest}")
        if sha256_of(answer.content) != digest:
            raise RegistryError(f"{self.name}: blob {digest} is damaged in the registry")
        return config_of(answer.content)

    def has_blob(self, digest: str) -> bool:
        """True if the registry already has the blob. Raises RegistryError."""
        return self._session.ask("HEAD", f"blobs/{digest}", missing=True) is not None

    @contextmanager
    def blob(self, digest: str, size: int) -> Iterator[IO[bytes]]:
        """Yield a blob as a file on disk, after checking its digest; a lost connection is retried.

        `size` is the descriptor's, in bytes. Raises RegistryError, also for a longer blob.
        """
        with tempfile.TemporaryFile() as file:
            for tries_left in reversed(range(TRIES)):
                try:
                    received = self._download(digest, size, file)
                    break
                except (requests.RequestException, HTTPError) as error:
                    if not tries_left:
                        raise RegistryError(f"{self.name}: blob {digest}: {brief(error)}") from None
            if received != digest:
                raise RegistryError(f"{self.name}: blob {digest} is damaged in the registry")
            file.seek(0)
            yield file

    def put_blob(self, digest: str, file: IO[bytes]) -> None:
        """Upload a blob in one piece; after a passing error the upload starts again at a new address.

        Raises RegistryError.
        """
        for tries_left in reversed(range(TRIES)):
            try:
                start = self._session.ask("POST", "blobs/uploads/")
                if "Location" not in start.headers:
                    raise RegistryError(f"registry {self.host} ({self.path}): an upload without an address")
                file.seek(0)
                self._session.ask(
                    "PUT",
                    self._session.address(start.headers["Location"], start.url),
                    params={"digest": digest},
                    headers={"Content-Type": "application/octet-stream"},
                    data=file,
                )
                return
            except RegistryError as error:
                if not tries_left or not error.passing:
                    raise

    def _download(self, digest: str, size: int, file: IO[bytes]) -> str:
        file.seek(0)
        file.truncate()
        sha256 = hashlib.sha256()
        with self._session.ask("GET", f"blobs/{digest}", stream=True) as answer:
            for piece in answer.iter_content(PIECE):
                sha256.update(piece)
                file.write(piece)
                if file.tell() > size:
                    raise RegistryError(
                        f"{self.name}: blob {digest} is longer than the {size} bytes that its manifest names"
                    )
        return f"sha256:{sha256.hexdigest()}"


def copy_blob(digest: str, size: int, source: Repository, target: Repository) -> int:
    """Copy a blob to another repository; return the bytes sent, 0 if it already existed there."""
    if target.has_blob(digest):
        return 0
    with source.blob(digest, size) as file:
        target.put_blob(digest, file)
        return file.seek(0, os.SEEK_END)
