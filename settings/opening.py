"""`open` of a workspace: on which host it runs, over which folder, as whom. What one entry shows."""

import posixpath
import re
from typing import Annotated

from pydantic import AfterValidator, Field

from catalogue.workspaces import MEMORY
from settings.fields import Port
from settings.model import Settings

SYSTEM = ("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys")
"""First parts of folders that belong to the machine, with everything below them."""
STATE = ("usr", "var")
"""The same: programs, and what services keep. Docker's own data is there."""
SHARED = ("home", "media", "mnt", "opt", "root", "srv", "tmp")
"""Folders that are too much as a whole; what is in them may be opened."""

_USER = re.compile(r"\d{1,10}:\d{1,10}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def folder_fault(folder: str) -> str | None:
    """Why a folder of a host is not mounted into a workspace, or None."""
    single = folder.startswith("/") and not folder.startswith("//")
    if not single or posixpath.normpath(folder) != folder or _CONTROL.search(folder):
        return "a folder is an absolute path on the host, without '..', '//' or '/' at its end"
    parts = folder.strip("/").split("/")
    if parts[0] in (*SYSTEM, *STATE):
        return "it belongs to the system; give the folder that is worked on"
    if len(parts) == 1 and parts[0] in ("", *SHARED):
        return "it holds more than a workspace may see; give the folder in it that is worked on"
    if len(parts) == 2 and parts[0] == "home":
        return "it is a whole home, keys included; give the folder in it that is worked on"
    return None


def hidden_fault(path: str) -> str | None:
    """Why a path can't be hidden inside the folder, or None."""
    inside = posixpath.normpath(path) == path and not path.startswith(("/", "..")) and path != "."
    if not inside or _CONTROL.search(path):
        return "a path to hide is one inside the folder, relative to it, without '..'"
    return None


def _folder(value: str) -> str:
    if fault := folder_fault(value):
        raise ValueError(fault)
    return value


def _hidden(value: str) -> str:
    if fault := hidden_fault(value):
        raise ValueError(fault)
    return value


def _user(value: str) -> str:
    if not _USER.fullmatch(value):
        raise ValueError('a user is UID:GID in quotes, such as "1000:1000" (what `id` says)')
    return value


class OpenSettings(Settings):
    """The workspace as one running container. `user` left out is the image's own."""

    host: str
    folder: Annotated[str, AfterValidator(_folder)]
    user: Annotated[str, AfterValidator(_user)] | None = None
    dind: bool = False
    port: Port | None = None
    memory: Annotated[int, Field(ge=256)] = MEMORY
    hide: list[Annotated[str, AfterValidator(_hidden)]] = Field(default_factory=list)
