"""The base image of embedded builds: a Debian root file system with Go, built by mmdebstrap.

It replaces golang:1.26-bookworm as the image of build stages; only Debian's CA bundle from it is shipped. The
cache keeps it as a tarball, and crane pushes it to the local registry.
"""

import hashlib
import json
import os
import platform
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from catalogue.arch import native
from local.machine.layout import Layout
from local.machine.private_files import write_aside
from local.machine.steps import SetupError, as_root, output, run, step
from local.machine.tools import GO_VERSION, go_environment

SUITE = "bookworm"
PACKAGES = "ca-certificates,git,xz-utils"
REPOSITORY = "base/build"
MACHINES = ("x86_64", "aarch64")
"""Machines that can build images, as `uname -m` calls them."""


def _recipe() -> str:
    text = f"{SUITE} {PACKAGES} go{GO_VERSION} {platform.machine()}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _architecture() -> str:
    machine = platform.machine()
    if machine not in MACHINES or (arch := native(machine)) is None:
        raise SetupError(f"Images are built on {', '.join(MACHINES)}; this machine is {machine}.")
    return arch.debian_port


def ensure_base(layout: Layout, go: str, crane: Path) -> str:
    """Reference of the base in the local registry, by the digest that this set-up has pushed.

    A base is pushed from the cache if it has no recorded digest, whatever the registry has under its tag, or
    if the registry lacks it. Raises SetupError if the registry has another digest than the recorded one.
    """
    name = f"{REPOSITORY}:{SUITE}-go{GO_VERSION}-{_recipe()}"
    tag = f"{layout.registry}/{name}"
    env = {"SSL_CERT_FILE": str(layout.trust), "DOCKER_CONFIG": str(layout.docker_config)}
    with step(f"base image: Debian {SUITE} with Go {GO_VERSION}") as this:
        kept, pushed = _pushed_digests(layout).get(name), output([str(crane), "digest", tag], env=env)
        if kept is None or pushed is None:
            kept = _push(layout, crane, _ensure_tarball(layout, go), tag, env)
            write_aside(layout.bases, json.dumps({**_pushed_digests(layout), name: kept}))
            this.found = f"pushed {tag}"
        elif pushed != kept:
            raise SetupError(
                f"{tag} is {pushed} in the registry, but this set-up has pushed {kept}: someone else with "
                "the registry's login has overwritten it. Nothing is built on it. Create another login "
                f"(`./skyinfra setup rotate login`), then remove {layout.bases}: the next `make up` pushes "
                f"the base from {layout.cache} again."
            )
        else:
            this.found = "in the local registry, with the digest that was pushed"
        return f"{tag}@{kept}"


def _push(layout: Layout, crane: Path, tarball: Path, tag: str, env: Mapping[str, str]) -> str:
    """Push an image made from the tarball; return its digest. Equal tarballs give equal digests."""
    log = layout.logs / "base.log"
    append = [str(crane), "append", "-f", str(tarball), "-t", tag, "--oci-empty-base"]
    run(append, log=log, env=env, doing="pushing the base image")
    mutate = [str(crane), "mutate", tag, "--set-platform", f"linux/{_architecture()}", "-t", tag]
    run(mutate, log=log, env=env)
    digest = output([str(crane), "digest", tag], env=env)
    if digest is None:
        raise SetupError(f"{tag} was pushed, but the registry does not show it. Log: {log}")
    return digest


def _pushed_digests(layout: Layout) -> dict[str, str]:
    """Digests of the bases that this set-up has pushed, by repository and tag."""
    try:
        kept = json.loads(layout.bases.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _ensure_tarball(layout: Layout, go: str) -> Path:
    """Tarball in the cache with the base's only layer, gzipped."""
    tarball = layout.cache / "base" / f"{SUITE}-{_recipe()}.tar.gz"
    if tarball.exists():
        return tarball
    go_root = output([go, "env", "GOROOT"], env=go_environment(layout), timeout=300, doing="fetching Go")
    if not go_root:
        raise SetupError(
            f"Go {GO_VERSION} could not be fetched by {go}: see `GOTOOLCHAIN=go{GO_VERSION} go version`."
        )
    tarball.parent.mkdir(parents=True, exist_ok=True)
    root = tarball.with_name(f"{tarball.name}.{os.getpid()}.tar")
    run(
        as_root(
            ["mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", f"--architectures={_architecture()}"]
            + ["--customize-hook", 'mkdir -p "$1/usr/local/go"']
            + ["--customize-hook", f'cp -r {shlex.quote(go_root)}/. "$1/usr/local/go/"']
            # Files of the module cache are read-only. A Go from elsewhere also has its own tests.
            + ["--customize-hook", 'chmod -R u+w "$1/usr/local/go" && rm -rf "$1/usr/local/go/test"']
            + [SUITE, str(root)]
        ),
        log=layout.logs / "base.log",
        doing="building a Debian root file system",
    )
    # Written next to its place and renamed, so that an interrupted run leaves no partial base.
    run(["gzip", "-1", "--force", str(root)], log=layout.logs / "base.log", doing="compressing it")
    root.with_name(f"{root.name}.gz").rename(tarball)
    return tarball


def free_gigabytes(path: Path) -> float:
    """Free space in GB on the file system that will hold `path`."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free / 1e9
