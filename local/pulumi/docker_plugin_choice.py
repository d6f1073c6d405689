"""The choice of a set-up's docker plugin, official or stand-in: made once and recorded (docs/adr/0015).

Only SKYCOIN_MODE changes it (docker_plugin_change.py).
"""

from enum import StrEnum
from pathlib import Path

from local.machine.layout import Layout, Mode
from local.machine.private_files import write_aside
from local.pulumi.plugins import is_installed, plugin_folder


class DockerPlugin(StrEnum):
    """Origin of the docker plugin."""

    OFFICIAL = "official"
    STAND_IN = "stand-in"


def requested(layout: Layout) -> DockerPlugin | None:
    """Plugin that SKYCOIN_MODE requires; None if it allows both."""
    return {Mode.AUTO: None, Mode.OFFICIAL: DockerPlugin.OFFICIAL, Mode.EMBEDDED: DockerPlugin.STAND_IN}[
        layout.mode
    ]


def record(layout: Layout, plugin: DockerPlugin) -> None:
    """Record the choice next to the state that the plugin created."""
    write_aside(layout.state / "docker-plugin", f"{plugin}\n")


def recorded(layout: Layout) -> DockerPlugin | None:
    """Recorded plugin of the set-up; without a record, a completely installed one, or None."""
    path = layout.state / "docker-plugin"
    if path.exists():
        return DockerPlugin(path.read_text().strip())
    folder = plugin_folder(layout, "docker")
    return origin(folder) if is_installed(folder) else None


def origin(folder: Path) -> DockerPlugin:
    """Origin of the plugin in a folder."""
    return DockerPlugin.STAND_IN if (folder / "ORIGIN").exists() else DockerPlugin.OFFICIAL
