"""`open` of a workspace: the host that it runs on, its folder and its user, with checks of a single entry."""

import posixpath
import re
from typing import Annotated

from pydantic import AfterValidator, Field

from catalogue.folders import CONTROL, folder_fault
from catalogue.node_container import LARGEST_ID
from catalogue.workspaces import MEMORY
from settings.fields import HostName, Port, form
from settings.model import Settings

_USER = re.compile(r"[0-9]{1,10}:[0-9]{1,10}")


def hidden_fault(path: str) -> str | None:
    """Reason why a path can't be hidden inside the folder, or None."""
    inside = posixpath.normpath(path) == path and not path.startswith(("/", "..")) and path != "."
    if not inside or CONTROL.search(path):
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
    if not _USER.fullmatch(value) or max(map(int, value.split(":"))) > LARGEST_ID:
        raise ValueError('a user is UID:GID in quotes, such as "1000:1000" (from `id -u` and `id -g`)')
    return value


class OpenSettings(Settings):
    """The workspace as one running container. Without `user`, it runs as the image's user."""

    host: HostName
    """Host that the workspace runs on."""
    folder: Annotated[
        str, AfterValidator(_folder), form("an absolute path on the host", "/home/me/src/skycoin", "^/")
    ]
    """Folder of the host to mount at `/work`. Refused are system folders and their content, a top-level
    folder such as `/mnt`, an entire home, a hidden folder of a home, a folder that contains the engine's data
    or is inside it and, on this machine, a folder that contains this program or is inside it."""
    user: (
        Annotated[
            str,
            AfterValidator(_user),
            form("UID:GID in quotes, from `id -u` and `id -g`", "1000:1000", f"^{_USER.pattern}$"),
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
    """Paths in the folder that appear empty in the workspace; they must exist, as folders. This is not a
    protection: a program in the workspace can move a folder that contains such a path."""
