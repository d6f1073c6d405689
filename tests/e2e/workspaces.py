"""Workspaces as users open them: containers on the machine's engine, with a person's folder."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalogue.workspaces import DIND_CAPABILITIES, DIND_SECURITY, DOCKER_DATA
from local.machine.packages import ensure_packages
from tests.e2e.machine import HOME, Machine, Result
from tests.e2e.plugin import busybox_archive, until

UID, GID = 1234, 1235
"""Ids that exist neither in the image nor on this machine."""
MINUTES = 60
PROJECTS = Path("/srv") / f"skycoin-{HOME.name}"
"""Folders that people work on; outside the tests' own home, which is hidden and holds the set-up."""
DIND_OPTIONS = (
    *(part for capability in DIND_CAPABILITIES for part in ("--cap-add", capability)),
    *(part for option in DIND_SECURITY for part in ("--security-opt", option)),
)


@dataclass(frozen=True, slots=True)
class Workspace:
    """A published workspace, and a folder that belongs to a person."""

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
        """Reference of a tag's list, `repo:tag@sha256:…`."""
        return str(self.tags[tag]["ref"])

    def unpacked(self, tag: str, arch: str = "amd64") -> float:
        """Unpacked size in MB."""
        return float(self.tags[tag]["variants"][arch]["unpacked"]) / 1e6


def project(name: str, uid: int = UID, gid: int = GID) -> Path:
    """Create a new folder that belongs to a person."""
    made = PROJECTS / name
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    os.chown(made, uid, gid)
    return made


def publish(machine: Machine, workspaces: Mapping[str, Any], timeout: float = 1800) -> Mapping[str, Any]:
    """Run `up` with these workspaces; return the stack's output `workspaces`."""
    machine.change({**machine.settings(), "skycoin:workspaces": dict(workspaces)})
    result = machine.make("up", timeout=timeout)
    assert result.code == 0, result.text
    outputs: Mapping[str, Any] = machine.outputs()["workspaces"]
    return outputs


def open_workspace(machine: Machine, tags: Mapping[str, Any], name: str) -> Workspace:
    """Prepare a workspace with a folder whose owner is a person that this machine does not know.

    Its images are pulled beforehand; otherwise `docker run` would report that in a command's output.
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
    """Run a container of a sibling with a Docker engine, with a volume for the engine's data."""
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
    """Load an image into the nested engine from a tar archive, without a registry.

    `docker_host` is the engine that runs the container; None: the machine's.
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
