"""Docker engines newer than Debian 12's: their programs, containerd's and runc, built as Go modules."""

import hashlib
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local.machine.layout import PROJECT, Layout
from local.machine.packages import ensure_packages
from local.machine.steps import run
from local.machine.tools import GO_VERSION, find_go, go_environment

MODULES = PROJECT / "tests" / "soak" / "engines"
"""One Go module for each engine, which pins its programs: versions in go.mod, hashes in go.sum."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A release of Docker's engine."""

    module: str
    """Folder in MODULES, and name of the release."""
    package: str
    version: str
    """Version that the engine reports."""

    @property
    def folder(self) -> Path:
        """Folder of its Go module."""
        return MODULES / self.module


MOBY_2 = Release(module="moby-2.0", package="github.com/moby/moby/v2", version="2.0")
"""The newest one, with containerd's image store, as new installations of Docker 29 have."""
DOCKER_28 = Release(module="docker-28", package="github.com/docker/docker", version="28.5.2")
"""The last one before that store; get.docker.com installed it until the end of 2025."""
DOCKER_27 = Release(module="docker-27", package="github.com/docker/docker", version="27.5.0")
DOCKER_26 = Release(module="docker-26", package="github.com/docker/docker", version="26.1.5")
"""The one of Debian 13."""

CONTAINERD = (
    "github.com/containerd/containerd/v2/cmd/containerd",
    "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
)
TAGS = ("-tags", "exclude_graphdriver_btrfs,seccomp")
"""No storage driver that needs a library in C; seccomp is runc's."""
RUNC = "github.com/opencontainers/runc"
"""Debian 12's runc lacks time namespaces, which Moby 2.0 gives to each container. It is partly C."""


def newer_engine(layout: Layout, release: Release) -> Path:
    """Path of a release's dockerd, next to the programs that it starts; built once into the cache."""
    folder = layout.cache / "tools" / f"engine-{release.module}-{_key(release)}"
    if folder.exists():
        return folder / "dockerd"
    ensure_packages(layout, "runc", ["gcc", "libc6-dev", "libseccomp-dev", "pkg-config"])
    partial = folder.with_suffix(f".{os.getpid()}")
    programs = [f"{release.package}/cmd/{name}" for name in ("dockerd", "docker-proxy")]
    _build(layout, release, partial, programs)
    _build(layout, MOBY_2, partial, CONTAINERD)
    _build(layout, MOBY_2, partial, [RUNC], cgo=True)
    partial.rename(folder)
    return folder / "dockerd"


def _build(
    layout: Layout, release: Release, folder: Path, arguments: Sequence[str], *, cgo: bool = False
) -> None:
    """Build programs of a release's module into a folder."""
    flags = f"-s -w -X {release.package}/dockerversion.Version={release.version}"
    run(
        [find_go(layout), "build", "-trimpath", *TAGS, "-ldflags", flags, "-o", f"{folder}/", *arguments],
        log=layout.logs / "build-engine.log",
        env={**go_environment(layout), "CGO_ENABLED": "1" if cgo else "0"},
        cwd=release.folder,
        doing=f"building the engine {release.module}",
    )


def _key(release: Release) -> str:
    digest = hashlib.sha256()
    for folder in (release.folder, MOBY_2.folder):
        for name in ("go.mod", "go.sum"):
            digest.update((folder / name).read_bytes())
    digest.update(f"{GO_VERSION} {platform.machine()}".encode())
    return digest.hexdigest()[:16]
