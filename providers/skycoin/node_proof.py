"""Checks of a node's new container, before the old one is given up.

The new node must report the version in its image's label, and a chain at least as high as the old node's. The
height is read from the database, so it is available at once, with or without peers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError, ImageNotFound
from requests.exceptions import RequestException

from catalogue.node_container import HEALTH
from clients.stored_images import VERSION
from providers.kind import ProviderError

TRIES = 3
# Without -T: the static busybox of Debian 12 crashes (segmentation fault) with it.
_ASK = ("wget", "-q", "-O", "-", HEALTH)


@dataclass(frozen=True, slots=True)
class Answer:
    """The compared parts of a node's health."""

    version: str
    height: int


def ask_node(api: Any, container: str) -> Answer | None:
    """Ask the node inside a container for its health; None if it does not answer.

    An incomplete answer is asked for again: an engine can lose the end of a command's output.
    """
    for _ in range(TRIES):
        try:
            begun = api.exec_create(container, list(_ASK))
            health: Mapping[str, Any] = json.loads(api.exec_start(begun["Id"]))
            return Answer(str(health["version"]["version"]), int(health["blockchain"]["head"]["seq"]))
        except (ValueError, LookupError, TypeError):
            continue
        except (APIError, RequestException):
            break
    return None


def refuse_unverified(api: Any, container: str, image: str, before: Answer | None) -> None:
    """Raise ProviderError if a node's version differs from its image's, or if it has lost blocks.

    `before` is the answer of the node that it replaces; None if it was not running. If the image's label
    states no version, nothing is checked.
    """
    version = version_of(api, image)
    if not version:
        return
    answer = ask_node(api, container)
    if answer is None:
        raise ProviderError(f"the new node is healthy, but does not answer at {HEALTH} in its container")
    if answer.version != version:
        raise ProviderError(f"the new node reports version {answer.version}; its image's label is {version}")
    if before is not None and answer.height < before.height:
        raise ProviderError(
            f"the new node's chain ends at block {answer.height}, and the old node's at {before.height}: it "
            "has lost blocks. To let it download them again, first stop the old node: `docker stop -t 60 "
            "CONTAINER`"
        )


def version_of(api: Any, image: str) -> str:
    """Version in an image's label, without `v`; empty if the image has none, or the engine has no image."""
    try:
        labels = (api.inspect_image(image).get("Config") or {}).get("Labels") or {}
    except ImageNotFound:
        return ""
    return str(labels.get(VERSION) or "").removeprefix("v")
