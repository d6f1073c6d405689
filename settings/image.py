"""`skycoin:images`: which images are built, from which source, under which tags."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from catalogue.bases import Base
from catalogue.naming import Channel
from settings.fields import ArchName, Commit, Date, GitUrl, Repository, Tag, Version
from settings.model import Settings, each_once

ORIGINS = ("module", "git", "path")


class SourceSettings(Settings):
    """Where the software comes from: exactly one of module, git, path."""

    module: str | None = None
    git: GitUrl | None = None
    path: str | None = None
    version: Version
    commit: Commit | None = None
    branch: str = ""
    date: Date | None = None

    @property
    def origin(self) -> str:
        """Which of module, git and path it is."""
        return next(name for name in ORIGINS if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [name for name in ORIGINS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of module, git, path (given: {', '.join(given) or 'none'})")
        if self.path is None and self.commit is None:
            raise ValueError(f"{given[0]} needs commit: 40 hexadecimal digits; a path's is read from it")
        return self


class ImageSettings(Settings):
    """One entry of `skycoin:images`: an image of the catalogue, for these architectures."""

    source: SourceSettings
    arches: Annotated[list[ArchName], Field(min_length=1)]
    channel: Annotated[Channel, Field(strict=False)]
    feature: Tag | None = None
    revision: Annotated[int, Field(ge=0)] = 0
    registries: Annotated[list[str], Field(min_length=1)] | None = None
    repository: Repository | None = None
    base: Annotated[Base, Field(strict=False)] = Base.BUSYBOX
    gui: bool = True
    layers: Literal[1, 2] = 2
    build_args: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        each_once(arches=self.arches, registries=self.registries)
        return self

    @model_validator(mode="after")
    def _channel_fits(self) -> Self:
        if (self.channel is Channel.FEATURE) != (self.feature is not None):
            raise ValueError("channel feature needs feature: NAME, and no other channel takes it")
        if self.revision and self.channel is not Channel.RELEASE:
            raise ValueError("revision belongs to channel release")
        return self
