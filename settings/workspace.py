"""`skycoin:workspaces`: which development images are built, and for whom."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from settings.fields import ArchName, PythonVersion, UserId
from settings.model import Settings, each_once
from settings.opening import OpenSettings


class WorkspaceSettings(Settings):
    """One entry of `skycoin:workspaces`: a development image, for these architectures."""

    arches: Annotated[list[ArchName], Field(min_length=1)]
    dind: bool = False
    python: PythonVersion | None = None
    registries: Annotated[list[str], Field(min_length=1)] | None = None
    open: OpenSettings | None = None

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        each_once(arches=self.arches, registries=self.registries)
        return self


class WorkspaceUserSettings(Settings):
    """`skycoin:workspace-user`: ids of the user `developer` in the workspaces' images."""

    uid: UserId = 1000
    gid: UserId = 1000
