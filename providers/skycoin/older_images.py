"""Older images of a node, left over by its confirmed handover: shown by a preview, then removed.

The running and the last healthy one stay, and whatever clients/stored_images.py says. Looked at are the
repositories of the node alone: only its own containers never lack one for a moment. A failure is a warning,
for the new node runs.
"""

from collections.abc import Sequence
from typing import Any

from docker.errors import DockerException
from urllib3.exceptions import HTTPError

from catalogue.naming import engine_name, split_pinned
from clients.stored_images import StoredImage, described, remove_image, repositories_of, surplus_images
from providers.base import URN, Values
from providers.log import Say, Warn

FAULTS = (DockerException, OSError, HTTPError, LookupError, TypeError, ValueError)
"""Every way in which an engine refuses, does not answer, or answers in another form than Docker's."""
_wanted: dict[tuple[str, str], str] = {}
"""Engine and resource of this run → image that it has asked for, and may have no container of yet."""


def want(inputs: Values) -> None:
    """Keep an image that a resource asks for from the removals of others in this run."""
    _wanted[_engine(inputs), URN.get()] = inputs["image"]


class OlderImages:
    """Older images on the hosts of nodes."""

    def __init__(self, say: Say, warn: Warn) -> None:
        self._say = say
        self._warn = warn

    def foresee(self, api: Any, olds: Values, news: Values, kept: Sequence[str], leaving: str) -> None:
        """Say which images would go. Raises docker's errors."""
        found = surplus_images(api, _repositories(olds, news), kept, leaving)
        if found:
            self._say(f"host {news['host']}: once the new container is healthy, {_go(found)}")

    def remove(self, api: Any, olds: Values, news: Values) -> None:
        """Remove them, and say what went."""
        others = [
            image
            for (engine, urn), image in list(_wanted.items())
            if engine == _engine(news) and urn != URN.get()
        ]
        try:
            found = surplus_images(api, _repositories(olds, news), [news["image"], *others])
        except FAULTS as error:
            self._warn(f"host {news['host']}: older images were not looked for: {_reason(error)}")
            return
        gone = [one for one in found if self._removed(api, one, news)]
        if gone:
            self._say(f"host {news['host']}: removed {described(gone)}")

    def _removed(self, api: Any, image: StoredImage, news: Values) -> bool:
        try:
            remove_image(api, image)
        except FAULTS as error:
            self._warn(f"host {news['host']}: {described([image])} was not removed: {_reason(error)}")
            return False
        return True


def unbuilt(image: str) -> str:
    """Name that stands for an image of the same repository whose digest no preview knows."""
    return f"{split_pinned(image)[0]}@sha256:{'0' * 64}"


def _go(found: Sequence[StoredImage]) -> str:
    return f"{described(found)} {'goes' if len(found) == 1 else 'go'}"


def _repositories(*sides: Values) -> frozenset[str]:
    """Repositories that a node's image is of, or is pulled from."""
    images = repositories_of(side.get("image") for side in sides)
    return images | {side["pullFrom"] for side in sides if side.get("pullFrom")}


def _engine(inputs: Values) -> str:
    return engine_name(inputs.get("engine") or "")


def _reason(error: Exception) -> str:
    return str(getattr(error, "explanation", None) or error)
