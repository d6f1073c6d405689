"""Proof that a node's new container is what was asked for, before the old one is given up.

It has the version that its image's label names, and a chain as high as the old one had: the height is in the
database, and is there at once, whether the node has found peers or not.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError, ImageNotFound
from requests.exceptions import RequestException

from catalogue.node_container import HEALTH
from providers.base import ProviderError

VERSION = "org.opencontainers.image.version"
TRIES = 3
# Without -T: the static busybox of Debian 12 ends with a segmentation fault where it is given.
_ASK = ("wget", "-q", "-O", "-", HEALTH)


@dataclass(frozen=True, slots=True)
class Answer:
    """A node's health, as far as it is compared."""

    version: str
    height: int


def answer(api: Any, container: str) -> Answer | None:
    """Health of the node in a container, asked inside; None where it does not answer.

    It is asked again where the answer is not whole: an engine can lose the end of what a command printed.
    """
    for _ in range(TRIES):
        try:
            begun = api.exec_create(container, list(_ASK))
            said: Mapping[str, Any] = json.loads(api.exec_start(begun["Id"]))
            return Answer(str(said["version"]["version"]), int(said["blockchain"]["head"]["seq"]))
        except (ValueError, LookupError, TypeError):
            continue
        except (APIError, RequestException):
            break
    return None


def refuse_unproved(api: Any, container: str, image: str, before: Answer | None) -> None:
    """Raise ProviderError where a node is of another version than its image, or has lost blocks.

    `before` is the answer of the node that it takes over from; None: it did not run.
    """
    wanted = version_of(api, image)
    if not wanted:
        return
    now = answer(api, container)
    if now is None:
        raise ProviderError(f"the new node is healthy, and does not answer at {HEALTH} in its container")
    if now.version != wanted:
        raise ProviderError(f"the new node says that it is version {now.version}; its image says {wanted}")
    if before is not None and now.height < before.height:
        raise ProviderError(
            f"the new node's chain ends at block {now.height}, and the old one's at {before.height}: it has "
            "lost blocks. Where it may load them anew, stop the old one first: `docker stop -t 60 CONTAINER`"
        )


def version_of(api: Any, image: str) -> str:
    """Version that an image's label names; empty where it has none."""
    try:
        labels = (api.inspect_image(image).get("Config") or {}).get("Labels") or {}
    except ImageNotFound:
        return ""
    return str(labels.get(VERSION) or "").removeprefix("v")
