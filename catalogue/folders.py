"""Folders of a host that a container may get, and those that belong to its system or hold an entire home."""

import posixpath
import re
from pathlib import PurePath, PurePosixPath

SYSTEM = (
    *("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys", "usr"),
    "var",  # data of services, such as Docker's
)
"""Top-level folders of the operating system; nothing in them may be opened."""
SHARED = ("home", "media", "mnt", "opt", "root", "srv", "tmp")
"""Top-level folders that may not be opened as a whole; folders in them may."""

CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def folder_fault(folder: str) -> str | None:
    """Reason why a folder of a host can't be mounted into a workspace, or None."""
    single = folder.startswith("/") and not folder.startswith("//")
    if not single or posixpath.normpath(folder) != folder or CONTROL.search(folder):
        return "a folder is an absolute path on the host, without '..', '//' or '/' at its end"
    parts = folder.strip("/").split("/")
    if parts[0] in SYSTEM:
        return "it belongs to the system; give the folder that you work on"
    if len(parts) == 1 and parts[0] in ("", *SHARED):
        return "it holds more than a workspace may see; give the folder in it that you work on"
    if len(parts) == 2 and parts[0] == "home":
        return "it is an entire home folder, keys included; give the folder in it that you work on"
    in_home = parts[2:] if parts[0] == "home" else parts[1:] if parts[0] == "root" else []
    if in_home and in_home[0].startswith("."):
        return "a hidden folder of a home has keys and settings of programs; give a folder that you work on"
    return None


def data_fault(folder: str, data: str | None) -> str | None:
    """Reason why a folder can't be mounted into a workspace if the engine's data is in `data`, or None.

    Root could read all volumes in `data`, which is None if the engine does not say where its data is.
    """
    if data is None:
        return "the Docker engine does not say where its data is, so wallets may be in that folder"
    if not overlap(PurePosixPath(folder), PurePosixPath(data)):
        return None
    return (
        f"it contains or is inside {data}, which has the volumes of that Docker engine, wallets included; "
        "give another folder"
    )


def overlap(first: PurePath, second: PurePath) -> bool:
    """True if the folders are the same, or one is inside the other."""
    return first.is_relative_to(second) or second.is_relative_to(first)
