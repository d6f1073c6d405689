"""`skycoin:workspaces` and `skycoin:workspace-user`: development images to build, and their user."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from settings.fields import ArchName, PythonVersion, RegistryName, UserId
from settings.model import Settings, each_once
from settings.opening import OpenSettings


class WorkspaceSettings(Settings):
    """One entry of `skycoin:workspaces`: a development image to build and publish."""

    arches: Annotated[list[ArchName], Field(min_length=1)]
    """Architectures to build for, each once: `amd64`, `arm64v8`."""
    dind: bool = False
    """Build of a second image, [with a Docker engine inside](../images/dind/README.md)."""
    python: PythonVersion | None = None
    """Version of Python in the workspace `python`. Default: `"3.11"`."""
    registries: Annotated[list[RegistryName], Field(min_length=1)] | None = None
    """Registries to publish to, each once; the image is built in the first, which can't be optional. Default:
    the only one there is; with several it must be given."""
    open: OpenSettings | None = None
    """Container that runs the workspace ([how](stacks.md#opening-a-workspace)). Default: it is only built."""

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        each_once(arches=self.arches, registries=self.registries)
        return self


class WorkspaceUserSettings(Settings):
    """`skycoin:workspace-user`: ids of the user `developer` in the workspaces' images."""

    uid: UserId = 1000
    """User id."""
    gid: UserId = 1000
    """Group id."""
