"""`skycoin:images`: the images to build, with their sources and tags."""

from typing import Annotated, Literal

from pydantic import Field

from catalogue.bases import Base
from catalogue.naming import Channel
from settings.fields import (
    ArchName,
    Branch,
    Commit,
    Date,
    DebianPackage,
    Folder,
    GitUrl,
    GoModule,
    RegistryName,
    Repository,
    Tag,
    Version,
)
from settings.model import Settings, each_once

ORIGINS = ("module", "git", "path", "debian")


class SourceSettings(Settings):
    """Source of the software: exactly one of module, git, path, debian."""

    module: GoModule | None = None
    """The image's Go module, at the version that `images/NAME/go.mod` pins. That of `skycoin` is
    [patched](stacks.md#the-nodes-patches)."""
    git: GitUrl | None = None
    """Git repository, for the images `skycoin` and `skywire`; with no login (see `skycoin:build-secrets`).
    With http(s), its URL ends with `.git`: BuildKit takes any other for a file to download. The source gets
    no patch."""
    path: Folder | None = None
    """Working copy, for the images `skycoin` and `skywire`, with a folder `cmd`; relative to the project.
    It gets no patch."""
    debian: DebianPackage | None = None
    """Debian package, for the image `proxy`; built with Debian's newest fixes of `version`."""
    version: Version
    """Version of the software, from which the channel `release` derives tags."""
    commit: Commit | None = None
    """Commit of the software; required with `module` and `git`. With `path` it is that of the working copy,
    which is also the default."""
    branch: Branch = ""
    """Branch that the commit is on, for the image's labels. Default: the working copy's with `path`, else
    none."""
    date: Date | None = None
    """Time of the commit, which becomes the time of all files in the image. Default: that of the working
    copy's last commit with `path`, else 1970."""

    @property
    def origin(self) -> str:
        """Origin of the source: module, git, path or debian."""
        return self._origins[0]

    @property
    def _origins(self) -> list[str]:
        return [name for name in ORIGINS if getattr(self, name) is not None]

    def _has_one_origin(self) -> str | None:
        given = self._origins
        if len(given) == 1:
            return None
        return f"give exactly one of {', '.join(ORIGINS)} (given: {', '.join(given) or 'none'})"

    def _has_commit(self) -> str | None:
        if self.commit is not None or not (self.module or self.git):
            return None
        return f"{self.origin} needs commit, 40 hexadecimal digits; only path and debian don't need it"

    key_rules = (_has_one_origin, _has_commit)


class ImageSettings(Settings):
    """One entry of `skycoin:images`: an image of the catalogue to build and publish."""

    source: SourceSettings
    """Source of the software."""
    arches: Annotated[list[ArchName], Field(min_length=1)]
    """Architectures to build for, each once, among those that the image supports."""
    channel: Annotated[Channel, Field(strict=False)]
    """Kind of tags ([ADR 5](adr/0005-release-tags.md))."""
    feature: Annotated[Tag, Field(examples=["faster-sync"])] | None = None
    """Name that follows `feature-` in the tag; only with channel `feature`."""
    revision: Annotated[int, Field(ge=0, examples=[1])] = 0
    """Number of the rebuild of a published version; above 0 only with channel `release`."""
    registries: Annotated[list[RegistryName], Field(min_length=1)] | None = None
    """Registries to publish to, each once; the image is built in the first, which can't be optional. Default:
    the stack's registry; required if it has several."""
    repository: Repository | None = None
    """Repository in each registry. Default: `skycoin/NAME`."""
    base: Annotated[Base, Field(strict=False)] = Base.BUSYBOX
    """Base image of the final stage ([glibc](../images/glibc/README.md) has a C library)."""
    gui: bool = True
    """Include the web interface's files in the image `skycoin`."""
    layers: Literal[1, 2] = 2
    """Number of layers of the image `skycoin` ([ADR 4](adr/0004-two-layers.md))."""
    build_args: Annotated[dict[str, str], Field(examples=[{"LDFLAGS": "-s"}])] = Field(default_factory=dict)
    """Additional build arguments (`docker build --build-arg`), by name: letters, digits and `_`. They stay in
    the image's history, so none may be a secret. Names that begin with `BUILDKIT_` are refused, because
    BuildKit itself obeys them."""

    def _feature_fits_channel(self) -> str | None:
        if (self.channel is Channel.FEATURE) == (self.feature is not None):
            return None
        return "channel feature needs feature: NAME, and no other channel allows it"

    def _revision_fits_channel(self) -> str | None:
        if not self.revision or self.channel is Channel.RELEASE:
            return None
        return f"revision {self.revision} needs channel release; channel is {self.channel}: remove revision"

    key_rules = (
        each_once("arches"),
        each_once("registries"),
        _feature_fits_channel,
        _revision_fits_channel,
    )
