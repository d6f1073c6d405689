"""`skycoin:workspaces` and `skycoin:workspace-user`: development images to build, and their user."""

from typing import Annotated

from pydantic import Field

from catalogue.arch import in_table_order
from catalogue.workspaces import WORKSPACES
from settings.fields import ArchName, PythonVersion, RegistryName, UserId
from settings.model import Settings, each_once
from settings.opening import OpenSettings

_ARCHES = in_table_order({arch for entry in WORKSPACES.values() for arch in entry.arches})
_Arch = Annotated[ArchName, Field(json_schema_extra={"enum": [arch.name for arch in _ARCHES]})]
"""Architecture that a workspace can be built for."""


class WorkspaceSettings(Settings):
    """One entry of `skycoin:workspaces`: a development image to build and publish."""

    key_rules = (each_once("arches"), each_once("registries"))

    arches: Annotated[list[_Arch], Field(min_length=1)]
    """Architectures to build for, each once."""
    dind: bool = False
    """Build a second image, [with a nested Docker engine](../images/dind/README.md)."""
    python: PythonVersion | None = None
    """Version of Python in the workspace `python`. Default: `"3.11"`."""
    registries: Annotated[list[RegistryName], Field(min_length=1)] | None = None
    """Registries to publish to, each once; the image is built in the first, which can't be optional. Default:
    the stack's registry; required if it has several."""
    open: OpenSettings | None = None
    """Container that runs the workspace ([how](stacks.md#opening-a-workspace)). Default: none, the image is
    only built."""


class WorkspaceUserSettings(Settings):
    """`skycoin:workspace-user`: IDs of the user `developer` in the workspaces' images."""

    uid: UserId = 1000
    """User ID."""
    gid: UserId = 1000
    """Group ID."""
