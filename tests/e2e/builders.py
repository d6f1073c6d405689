"""A second builder for the tests, with empty caches, on a disk that can be filled."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from local.builds.builder import builder_service
from local.builds.network import remove_build_network
from local.machine import services
from local.machine.tools import BUILDKIT, tool_path
from tests.e2e.machine import HOME, Machine

NAME = "builder-2"
DISK = 6 << 30
"""Size in bytes; the file is sparse."""
LEFT = 64 << 20
"""Bytes left free on a full disk: fewer than the build base needs."""


@dataclass(frozen=True, slots=True)
class Builder:
    """A running builder, by the name of its buildx instance; its disk is full while `ballast` exists."""

    name: str
    ballast: Path

    def fill(self) -> None:
        """Fill the disk, except for LEFT bytes."""
        free = os.statvfs(self.ballast.parent)
        with self.ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_bsize - LEFT)

    def empty(self) -> None:
        """Free the space again."""
        self.ballast.unlink(missing_ok=True)


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """Mount a new, empty file system on a folder, and remove it afterwards."""
    image = folder.with_suffix(".img")
    if os.path.ismount(folder):  # left by a killed run
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
    image.unlink(missing_ok=True)
    folder.mkdir(exist_ok=True)
    with image.open("wb") as file:
        file.truncate(DISK)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        image.unlink()


@contextmanager
def second_builder(machine: Machine) -> Iterator[Builder]:
    """Run BuildKit with its root on its own small disk."""
    disk = HOME / NAME
    with _disk(disk):
        layout = replace(machine.layout, state=machine.layout.state / NAME, builder_root=disk / "root")
        service = builder_service(layout, tool_path(machine.layout, BUILDKIT))
        services.start(
            machine.layout, replace(service, name=NAME, env={"SSL_CERT_FILE": str(machine.layout.trust)})
        )
        instances = machine.layout.docker_config / "buildx" / "instances"
        [known] = [json.loads(path.read_text()) for path in instances.iterdir() if path.name != NAME]
        node = {**known["Nodes"][0], "Name": f"{NAME}0", "Endpoint": f"unix://{layout.builder_socket}"}
        (instances / NAME).write_text(json.dumps({**known, "Name": NAME, "Nodes": [node]}))
        try:
            yield Builder(NAME, disk / "ballast")
        finally:
            services.stop(machine.layout, NAME)
            remove_build_network(layout)
