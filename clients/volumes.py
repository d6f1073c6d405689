"""Volumes on an engine."""

from typing import Any

from docker.errors import NotFound


def has_volume(client: Any, name: str) -> bool:
    """True if the engine has the volume; a container that mounts a missing one would create it."""
    try:
        client.api.inspect_volume(name)
    except NotFound:
        return False
    return True
