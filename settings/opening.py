"""`open` of a workspace: the host that it runs on, its folder and its user, with checks of a single entry."""

import posixpath
import re
from pathlib import PurePath
from typing import Annotated

from pydantic import AfterValidator, Field

from catalogue.workspaces import MEMORY
from settings.fields import HostName, Port, form
from settings.model import Settings

SYSTEM = (
    *("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys", "usr"),
    "var",  # data of services, such as Docker's
)
"""Top-level folders of the operating system; nothing in them may be opened."""
SHARED = ("home", "media", "mnt", "opt", "root", "srv", "tmp")
"""Top-level folders that may not be opened as a whole; folders in them may."""

_USER = re.compile(r"\d{1,10}:\d{1,10}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def folder_fault(folder: str) -> str | None:
    """Reason why a folder of a host can't be mounted into a workspace, or None."""
    single = folder.startswith("/") and not folder.startswith("//")
    if not single or posixpath.normpath(folder) != folder or _CONTROL.search(folder):
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


def overlap(first: PurePath, second: PurePath) -> bool:
    """True if the folders are the same, or one is inside the other."""
    return first.is_relative_to(second) or second.is_relative_to(first)


def hidden_fault(path: str) -> str | None:
    """Reason why a path can't be hidden inside the folder, or None."""
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
        raise ValueError('a user is UID:GID in quotes, such as "1000:1000" (as `id` shows)')
    return value


class OpenSettings(Settings):
    """The workspace as one running container. Without `user`, it runs as the image's user."""

    host: HostName
    """Host that the workspace runs on."""
    folder: Annotated[
        str, AfterValidator(_folder), form("an absolute path on the host", "/home/me/src/skycoin", "^/")
    ]
    """Folder of the host to mount at `/work`. Refused are system folders and their content, an entire home, a
    hidden folder of a home and, with `engine: local`, a folder that contains this program or is inside it."""
    user: (
        Annotated[
            str,
            AfterValidator(_user),
            form("UID:GID in quotes, as `id` shows", "1000:1000", f"^{_USER.pattern}$"),
        ]
        | None
    ) = None
    """User that the workspace runs as, who owns the files that it creates in the folder. Default: the image's
    user (`skycoin:workspace-user`)."""
    dind: bool = False
    """Run a nested Docker engine, with root's rights over the host ([ADR
    52](adr/0052-an-engine-inside-and-a-node-share-no-engine.md)); refused in a stack that has nodes, and on
    an engine that has a node of any stack."""
    port: Port | None = None
    """Port of the editor's page, on the host's loopback, for a workspace that has one (`vscode`). Default:
    `8080`."""
    memory: Annotated[int, Field(ge=256, examples=[2048], json_schema_extra={"unit": "MiB"})] = MEMORY
    """Limit of the workspace's memory."""
    hide: list[Annotated[str, AfterValidator(_hidden), form("a path in the folder", "secrets")]] = Field(
        default_factory=list
    )
    """Paths in the folder that appear empty in the workspace; they must exist. This is not a protection: a
    program in the workspace can move a folder that contains such a path."""
