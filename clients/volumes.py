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

    Some mount the volume's folder on the host, or another volume with that folder or on the same device; the
    engine's own search does not find those. A mount of a folder above that folder does not count: monitors
    and backups of a whole host have one. With `writing`, only mounts that are not read-only count.
    """
    try:
        volume = api.inspect_volume(name)
    except NotFound:
        return []
    device = _device(volume)
    folders = [folder for folder in (volume.get("Mountpoint"), device[0]) if folder and "/" in folder]
    names = {name}
    for other in api.volumes()["Volumes"] or ():
        at = _device(other)
        # tmpfs and the like name no device
        if (at == device and "/" in at[0]) or (at[0].startswith("/") and _is_in(at[0], folders)):
            names.add(other["Name"])
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

    Each is empty if the volume has none.
    """
    options = volume.get("Options") or {}
    servers = (part for part in options.get("o", "").split(",") if part.startswith("addr="))
    return options.get("device", ""), next(servers, "")


def _is_on(mount: Mapping[str, Any], names: Collection[str], folders: Iterable[str]) -> bool:
    return mount.get("Name") in names or _is_in(mount.get("Source") or "/", folders)


def _is_in(path: str, folders: Iterable[str]) -> bool:
    return any(PurePosixPath(path).is_relative_to(folder) for folder in folders)
