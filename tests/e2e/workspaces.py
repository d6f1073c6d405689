"""Workspaces as users open them: containers of the machine's engine, and a folder of a person."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalogue.workspaces import DIND_CAPABILITIES, DIND_SECURITY, DOCKER_DATA
from local.packages import ensure_packages
from tests.e2e.machine import HOME, Machine, Result
from tests.e2e.plugin import busybox_archive, until

UID, GID = 1234, 1235
"""Nobody's ids: neither the image's nor this machine's."""
MINUTES = 60
PROJECTS = Path("/srv") / f"skycoin-{HOME.name}"
"""Folders that people work on: the tests' own home is hidden, and has the set-up."""
DIND_OPTIONS = (
    *(part for capability in DIND_CAPABILITIES for part in ("--cap-add", capability)),
    *(part for option in DIND_SECURITY for part in ("--security-opt", option)),
)


@dataclass(frozen=True, slots=True)
class Workspace:
    """One published workspace, and a folder that belongs to a person."""

    machine: Machine
    tags: Mapping[str, Any]
    folder: Path

    def run(self, tag: str, *command: str, options: tuple[str, ...] = ()) -> Result:
        """Run a command in a new container, with the folder mounted and without a network."""
        mount = f"type=bind,source={self.folder},target=/work"
        return self.machine.docker(
            "run", "--rm", "--network", "none", "--mount", mount, *options, self.ref(tag), *command
        )  # fmt: skip

    def as_person(self, tag: str, *command: str) -> Result:
        """Run a command in a new container, with the ids of the folder's owner."""
        return self.run(tag, *command, options=("--user", f"{UID}:{GID}"))

    def ref(self, tag: str) -> str:
        """`repo:tag@sha256:…` of a tag's list."""
        return str(self.tags[tag]["ref"])

    def unpacked(self, tag: str, arch: str = "amd64") -> float:
        """Size of all files in MB."""
        return float(self.tags[tag]["variants"][arch]["unpacked"]) / 1e6


def project(name: str, uid: int = UID, gid: int = GID) -> Path:
    """A new folder of a person."""
    made = PROJECTS / name
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    os.chown(made, uid, gid)
    return made


def publish(machine: Machine, workspaces: Mapping[str, Any], timeout: float = 1800) -> Mapping[str, Any]:
    """The stack's output `workspaces` after an `up` with these."""
    machine.change({**machine.settings(), "skycoin:workspaces": dict(workspaces)})
    result = machine.make("up", timeout=timeout)
    assert result.code == 0, result.text
    outputs: Mapping[str, Any] = machine.outputs()["workspaces"]
    return outputs


def open_workspace(machine: Machine, tags: Mapping[str, Any], name: str) -> Workspace:
    """A workspace with a folder of its own, whose owner is a person that this machine does not know.

    Its images are pulled: `docker run` would say so among what a command says.
    """
    for tag in tags.values():
        pulled = machine.docker("pull", "--quiet", tag["ref"])
        assert pulled.code == 0, pulled.text
    folder = machine.layout.state / "workspaces" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.chown(folder, UID, GID)
    return Workspace(machine, tags, folder)


@contextmanager
def started(workspace: Workspace, tag: str, name: str, *options: str) -> Iterator[str]:
    """A container of a sibling with a Docker engine, with a volume for the engine's data."""
    machine, volume = workspace.machine, f"{name}-data"
    result = machine.docker(
        "run", "--detach", "--name", name, "--network", "none", *DIND_OPTIONS,
        "--mount", f"type=volume,source={volume},target={DOCKER_DATA}",
        "--mount", f"type=bind,source={workspace.folder},target=/work",
        *options, workspace.ref(tag), "sleep", "infinity",
    )  # fmt: skip
    try:
        assert result.code == 0, result.text
        until(
            lambda: machine.docker("exec", name, "docker", "version").code == 0,
            f"{name} has an engine ({machine.docker('logs', name).text})",
            seconds=2 * MINUTES,
        )
        yield name
    finally:
        machine.docker("rm", "--force", name)
        machine.docker("volume", "rm", volume)


def load_busybox(machine: Machine, name: str, docker_host: str | None = None) -> Result:
    """An image for the engine inside, from a tar archive: no registry is asked.

    `docker_host` is that of the container's engine; None: the machine's.
    """
    there = {"DOCKER_HOST": docker_host} if docker_host else {}
    ensure_packages(machine.layout, "the tests of workspaces", ["busybox-static"])
    done = subprocess.run(
        ["docker", "exec", "-i", name, "docker", "import", "-", "inside/busybox:1"],
        env={**os.environ, **machine.environment(), **there},
        input=busybox_archive(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    return Result(done.returncode, (done.stdout + done.stderr).decode())
