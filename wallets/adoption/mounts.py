"""Comparison of mounts: which containers share files of a host. Pure functions."""

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any


def is_below(path: str, folder: str) -> bool:
    """True if a path is below a folder, or the folder itself; both begin at the root."""
    path, folder = (posixpath.normpath(f"/{place.lstrip('/')}") for place in (path, folder))
    return posixpath.commonpath((path, folder)) == folder


def overlap(first: str, second: str) -> bool:
    """True if one of two paths is below the other, or equal to it."""
    return is_below(first, second) or is_below(second, first)


def writes(container: Any, mounts: Sequence[Mapping[str, Any]]) -> bool:
    """True if a container may write to files that are in `mounts` too."""
    return shares([mount for mount in container.attrs["Mounts"] if mount["RW"]], mounts)


def shares(own: Sequence[Mapping[str, Any]], mounts: Sequence[Mapping[str, Any]]) -> bool:
    """True if two containers have files of the host in common, by their mounts."""
    return any(is_same(first, second) for first in own for second in mounts)


def is_same(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """True for mounts of one volume, and of nested or equal folders of the host."""
    if first.get("Name") and first.get("Name") == second.get("Name"):
        return True
    sources = first.get("Source"), second.get("Source")
    return all(str(source).startswith("/") for source in sources) and overlap(*map(str, sources))
