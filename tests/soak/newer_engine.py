"""A Docker engine newer than Debian's: the programs of Moby, containerd and runc, built as Go modules."""

import hashlib
import os
import platform
from pathlib import Path

from local.machine.layout import PROJECT, Layout
from local.machine.packages import ensure_packages
from local.machine.steps import run
from local.machine.tools import GO_VERSION, find_go, go_environment

MODULE = PROJECT / "tests" / "soak" / "engine"
"""Go module that pins all of them: versions in go.mod, hashes in go.sum."""
PROGRAMS = (
    "github.com/moby/moby/v2/cmd/dockerd",
    "github.com/moby/moby/v2/cmd/docker-proxy",
    "github.com/containerd/containerd/v2/cmd/containerd",
    "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
)
RUNC = "github.com/opencontainers/runc"
"""Debian 12's runc lacks time namespaces, which this engine gives to each container. It is partly C."""


def newer_engine(layout: Layout) -> Path:
    """Path of its dockerd, next to the programs that it starts; built once into the cache."""
    folder = layout.cache / "tools" / f"engine-{_key()}"
    if folder.exists():
        return folder / "dockerd"
    ensure_packages(layout, "runc", ["gcc", "libc6-dev", "libseccomp-dev", "pkg-config"])
    go, partial = find_go(layout), folder.with_suffix(f".{os.getpid()}")
    build = [go, "build", "-trimpath", "-ldflags", "-s -w"]
    for arguments, cgo in (([*PROGRAMS], "0"), (["-tags", "seccomp", RUNC], "1")):
        run(
            [*build, "-o", f"{partial}/", *arguments],
            log=layout.logs / "build-engine.log",
            env={**go_environment(layout), "CGO_ENABLED": cgo},
            cwd=MODULE,
            doing="building a newer Docker engine",
        )
    partial.rename(folder)
    return folder / "dockerd"


def _key() -> str:
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((MODULE / name).read_bytes())
    digest.update(f"{GO_VERSION} {platform.machine()}".encode())
    return digest.hexdigest()[:16]
