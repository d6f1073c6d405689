"""Images of this program that an engine stores, and the unneeded ones among them.

An image is this program's if it is labelled with the title of one of the program's images, was pulled by
digest only, and has names only in the repositories that the caller gives. Any other image, such as one with a
tag, is ignored. An image is unneeded if no container, running or stopped, and no other image is based on it,
and no node's container names it as the last healthy image before its own (docs/adr/0032).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from docker.errors import DockerException, ImageNotFound
from requests.exceptions import RequestException

from catalogue.naming import is_pinned, split_pinned
from catalogue.node_container import LAST_HEALTHY
from catalogue.titles import TITLE, TITLES
from clients.errors import FormError
from clients.foreign import MALFORMED, count, line, word
from clients.pull import digest_names, is_on_loopback
from display.units import size

VERSION = "org.opencontainers.image.version"
"""Label of an image: the version of its software (OCI image-spec 1.1)."""
DIGITS = 12
"""Digits of a digest that are shown, as in Docker's own output."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredImage:
    """An image of this program, as an engine has it."""

    identity: str
    """The engine's id of the image."""
    names: tuple[str, ...]
    """`repo@sha256:…`, in one or more repositories."""
    version: str
    """Version of its software, from its label; empty if it has none."""
    size: int
    """Bytes of all its layers; images may share layers."""

    @property
    def digests(self) -> frozenset[str]:
        """Digests by which the image was pulled."""
        return frozenset(split_pinned(name)[1] for name in self.names)

    @property
    def short(self) -> str:
        """Path of the repository, and the first digits of the digest."""
        repository, digest = split_pinned(self.names[0])
        return f"{repository.partition('/')[2]}@{digest.removeprefix('sha256:')[:DIGITS]}"


def own_images(api: Any, repositories: Collection[str]) -> list[StoredImage]:
    """Images of this program in these repositories. Raises docker's errors, and FormError."""
    with _docker_form():
        return _project_images(api.images(), repositories)


def surplus_images(
    api: Any, repositories: Collection[str], kept: Iterable[str], leaving: str = ""
) -> list[StoredImage]:
    """Images of this program that may be removed; images named in `kept` (`repo@sha256:…`) stay.

    `leaving` is the id of a container that is about to be removed and protects nothing. Raises docker's
    errors, and FormError.
    """
    with _docker_form():
        return _surplus_images(api, repositories, kept, leaving)


@contextmanager
def _docker_form() -> Iterator[None]:
    """Raise FormError if the body reads a list of another form; docker's errors pass."""
    try:
        yield
    except (DockerException, RequestException):
        raise
    except MALFORMED as error:
        said = line(repr(error))
        raise FormError(f"its engine does not list images and containers in Docker's form: {said}") from error


def _surplus_images(
    api: Any, repositories: Collection[str], kept: Iterable[str], leaving: str
) -> list[StoredImage]:
    stored = api.images(all=True)
    containers = [container for container in api.containers(all=True) if container["Id"] != leaving]
    used = {container.get("ImageID") for container in containers} | {
        image.get("ParentId") for image in stored
    }
    last_healthy = [(container.get("Labels") or {}).get(LAST_HEALTHY, "") for container in containers]
    protected = {split_pinned(name)[1] for name in (*last_healthy, *kept) if is_pinned(name)}
    return [
        image
        for image in _project_images(stored, repositories)
        if image.identity not in used and not image.digests & protected
    ]


def remove_image(api: Any, image: StoredImage) -> None:
    """Remove an image by its digests; ignore one that no longer exists. Raises docker's errors.

    It is not removed by id, because that would also remove a tag that someone has just added in the same
    repository. By digest the engine removes that name, and the image with its last name; it refuses if a
    container now uses the image.
    """
    for name in image.names:
        try:
            api.remove_image(name, force=False, noprune=True)
        except ImageNotFound:
            continue


def described(images: Sequence[StoredImage]) -> str:
    """Describe images as part of a sentence: digests, versions and sizes."""
    if len(images) == 1:
        [image] = images
        return f"the older image {image.short} of {image.version or 'no version'} ({size(image.size)})"
    listed = ", ".join(f"{image.short} of {image.version or 'no version'}" for image in images)
    return f"{len(images)} older images ({listed}; {size(sum(image.size for image in images))} at most)"


def repositories_of(references: Iterable[object]) -> frozenset[str]:
    """Repositories of references `repo@sha256:…`; other strings are left out."""
    return frozenset(split_pinned(str(reference))[0] for reference in references if is_pinned(str(reference)))


def _project_images(stored: Iterable[Mapping[str, Any]], repositories: Collection[str]) -> list[StoredImage]:
    images = [
        StoredImage(
            identity=image["Id"],
            names=digest_names(image),
            version=word((image.get("Labels") or {}).get(VERSION, "")),
            size=count(image.get("Size") or 0),
        )
        for image in stored
        if _is_project_image(image, repositories)
    ]
    return sorted(images, key=lambda image: image.names)


def _is_project_image(stored: Mapping[str, Any], repositories: Collection[str]) -> bool:
    names = digest_names(stored)
    has_tag = any(tag != "<none>:<none>" and not is_pinned(tag) for tag in stored.get("RepoTags") or ())
    return (
        (stored.get("Labels") or {}).get(TITLE) in TITLES
        and not has_tag
        and bool(names)
        and all(is_pinned(name) and _is_in(split_pinned(name)[0], repositories) for name in names)
    )


def _is_in(repository: str, repositories: Collection[str]) -> bool:
    """True if `repository` is one of `repositories`.

    After a pull through ssh the name has a port of the host's loopback, so two repositories on loopback are
    compared by their paths alone.
    """
    host, _, path = repository.partition("/")
    return repository in repositories or (
        is_on_loopback(host)
        and any(
            is_on_loopback(known.partition("/")[0]) and known.partition("/")[2] == path
            for known in repositories
        )
    )
