"""Older images of a node, left over after a confirmed handover: listed by a preview, then removed.

The running image and the last healthy one are kept, and so is everything that clients/stored_images.py
protects. Only the node's own repositories are searched: containers of other resources may be deleted before
their replacement is created, and their images are then unused for a moment. A failure is a warning, since the
new node is already running.
"""

from collections.abc import Sequence
from typing import Any

from docker.errors import DockerException
from urllib3.exceptions import HTTPError

from catalogue.naming import possible_engine, split_pinned
from clients.errors import FormError, message_of
from clients.stored_images import StoredImage, described, remove_image, repositories_of, surplus_images
from providers.kind import URN, Values
from providers.log import Say, Warn

FAULTS = (DockerException, OSError, HTTPError, FormError, LookupError, TypeError, ValueError)
"""Errors of an engine that refuses, does not answer, or answers in a form other than Docker's."""
_wanted: dict[tuple[str, str], str] = {}
"""(engine, resource) → image that the resource requested in this run; it may have no container yet."""


def protect_image(inputs: Values) -> None:
    """Protect an image requested by a resource: in this run, other resources do not remove it."""
    _wanted[_engine(inputs), URN.get()] = inputs["image"]


class OlderImages:
    """Older images on the hosts of nodes."""

    def __init__(self, say: Say, warn: Warn) -> None:
        self._say = say
        self._warn = warn

    def foresee(self, api: Any, olds: Values, news: Values, kept: Sequence[str], leaving: str) -> None:
        """Report the images that `up` would remove. Raises one of FAULTS."""
        surplus = surplus_images(api, _repositories(olds, news), kept, leaving)
        if surplus:
            self._say(f"host {news['host']}: once the new container is healthy, {_describe_removal(surplus)}")

    def remove(self, api: Any, olds: Values, news: Values) -> None:
        """Remove the images and report them."""
        others = [
            image
            for (engine, urn), image in list(_wanted.items())
            if engine == _engine(news) and urn != URN.get()
        ]
        try:
            surplus = surplus_images(api, _repositories(olds, news), [news["image"], *others])
        except FAULTS as error:
            self._warn(f"host {news['host']}: the search for older images failed: {message_of(error)}")
            return
        removed = [image for image in surplus if self._removed(api, image, news)]
        if removed:
            self._say(f"host {news['host']}: removed {described(removed)}")

    def _removed(self, api: Any, image: StoredImage, news: Values) -> bool:
        try:
            remove_image(api, image)
        except FAULTS as error:
            self._warn(f"host {news['host']}: {described([image])} was not removed: {message_of(error)}")
            return False
        return True


def unbuilt(image: str) -> str:
    """Placeholder for an image of the same repository whose digest a preview doesn't know."""
    return f"{split_pinned(image)[0]}@sha256:{'0' * 64}"


def _describe_removal(images: Sequence[StoredImage]) -> str:
    return f"{described(images)} {'is' if len(images) == 1 else 'are'} removed"


def _repositories(*sides: Values) -> frozenset[str]:
    """Repositories that a node's image is published in or pulled from."""
    images = repositories_of(side.get("image") for side in sides)
    return images | {side["pullFrom"] for side in sides if side.get("pullFrom")}


def _engine(inputs: Values) -> str:
    return possible_engine(inputs.get("engine") or "")
