"""Volumes on an engine."""

from collections.abc import Collection, Iterable, Mapping
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

    Some mount the folder that the volume is on its host, or another volume of the same device, and the
    engine's own search does not find those. A mount of a folder above it does not count: monitors and backups
    of a whole host have one. With `writing`, only mounts that are not read-only count.
    """
    try:
        volume = api.inspect_volume(name)
    except NotFound:
        return []
    names, folders = {name}, [volume.get("Mountpoint")]
    device = _device(volume)
    if "/" in device[0]:  # tmpfs and the like name no device
        names |= {other["Name"] for other in api.volumes()["Volumes"] or () if _device(other) == device}
        folders.append(device[0])
    return [
        container
        for container in api.containers(all=True)
        if any(
            _is_on(mount, names, folders) and (not writing or mount.get("RW", True))
            for mount in container.get("Mounts") or ()
        )
    ]


def _device(volume: Mapping[str, Any]) -> tuple[str, str]:
    """Device of a volume of the driver `local` (`--opt device=…`), and the server of an NFS export.

    Both are empty if the volume has none.
    """
    options = volume.get("Options") or {}
    servers = (part for part in options.get("o", "").split(",") if part.startswith("addr="))
    return options.get("device", ""), next(servers, "")


def _is_on(mount: Mapping[str, Any], names: Collection[str], folders: Iterable[str | None]) -> bool:
    source = PurePosixPath(mount.get("Source") or "/")
    return mount.get("Name") in names or any(source.is_relative_to(folder) for folder in folders if folder)
