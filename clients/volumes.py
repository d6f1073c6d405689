"""Volumes on an engine."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from docker.errors import NotFound


def has_volume(api: Any, name: str) -> bool:
    """True if the engine has the volume; a container that mounts a missing one would create it."""
    try:
        api.inspect_volume(name)
    except NotFound:
        return False
    return True


def users(api: Any, name: str, *, writing: bool = False) -> list[Mapping[str, Any]]:
    """List the containers, in any state, that mount a volume; none if there is no volume.

    Some mount the volume's folder on the host, and the engine's own search does not find those. A mount of a
    folder above it does not count: monitors and backups of an entire host have one. With `writing`,
    only mounts that are not read-only count.
    """
    try:
        folder = api.inspect_volume(name).get("Mountpoint")
    except NotFound:
        return []
    return [
        container
        for container in api.containers(all=True)
        if any(
            _is_on(mount, name, folder) and (not writing or mount.get("RW", True))
            for mount in container.get("Mounts") or ()
        )
    ]


def _is_on(mount: Mapping[str, Any], name: str, folder: str | None) -> bool:
    in_folder = folder and PurePosixPath(mount.get("Source") or "/").is_relative_to(folder)
    return bool(mount.get("Name") == name or in_folder)
