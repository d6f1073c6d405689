"""Pulumi's plugins of a set-up: official ones, built ones, or this project's stand-in."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from catalogue.builds import DOCKER_BUILD_VERSION
from local.machine.download import reachable, unpacked
from local.machine.layout import PROJECT, Layout, Mode
from local.machine.private_files import write_aside
from local.machine.steps import SetupError, output, run, step
from local.machine.tools import DOCKER_BUILD, ensure_tool

PLUGINS = {"docker": "5.2.0", "docker-build": DOCKER_BUILD_VERSION}
STAND_IN = "pulumi-resource-docker"
"""File name of the stand-in's launcher, as the Pulumi engine expects it."""
OFFICIAL_PLUGIN = "https://get.pulumi.com/releases/plugins/{archive}"
"""Address of an official archive, to which the release workflows of both plugins' repositories upload it."""
CHECKSUMS = PROJECT / "local" / "pulumi" / "plugin-checksums.txt"
"""SHA-256 of official archives, in the form of `sha256sum`; `skyinfra release pin-plugins` writes it."""
DIGEST = "[0-9a-f]{64}"
"""Pattern of a SHA-256 in hexadecimal digits."""
MACHINES = ("amd64", "arm64")
"""Architectures of machines that run Pulumi, in Go's names."""


def archive_name(name: str, machine: str) -> str:
    """File name of the official archive of a plugin."""
    return f"pulumi-resource-{name}-v{PLUGINS[name]}-linux-{machine}.tar.gz"


def recorded_checksums() -> dict[str, str]:
    """File name of an official archive → its recorded SHA-256.

    Raises SetupError for a line that is neither a checksum nor a comment: a checksum that is left out would
    allow any archive.
    """
    recorded: dict[str, str] = {}
    for number, line in enumerate(
        CHECKSUMS.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
    ):
        if not line or line.startswith("#"):
            continue
        if (found := re.fullmatch(rf"({DIGEST}) [ *](\S+)", line)) is None:
            raise SetupError(
                f"{CHECKSUMS.relative_to(PROJECT)}, line {number}, is no checksum as `sha256sum` prints it. "
                "Restore that file with git."
            )
        recorded[found[2]] = found[1]
    return recorded


def plugin_folder(layout: Layout, name: str) -> Path:
    """Folder of an installed plugin; a file ORIGIN in it marks one that is not official."""
    return layout.state / "pulumi" / "plugins" / f"resource-{name}-v{PLUGINS[name]}"


def ensure_plugin(layout: Layout, go: str, env: Mapping[str, str], name: str, mode: Mode) -> bool:
    """Install one plugin: the official one, or else a built one or the stand-in; return True if official.

    `Mode.AUTO` keeps the installed kind; if there is none, it takes the official one if its checksum is
    recorded and its server answers. `Mode.OFFICIAL` downloads it even without a checksum. Raises SetupError
    if a download fails, or has another checksum than the recorded one.
    """
    (layout.state / "backend").mkdir(parents=True, exist_ok=True)
    with step(f"Pulumi plugin {name} {PLUGINS[name]}") as this:
        folder = plugin_folder(layout, name)
        marker = folder / "ORIGIN"
        embedded = marker.exists()
        if is_installed(folder) and not embedded and mode is not Mode.EMBEDDED:
            this.found = "official, installed before"
            return True
        if mode is Mode.OFFICIAL or (mode is Mode.AUTO and not embedded):
            this.found = _official(layout, env, name, mode)
            if this.found:
                _without_origin(folder).unlink(missing_ok=True)
                return True
        folder.parent.mkdir(parents=True, exist_ok=True)
        _without_origin(folder).touch()
        origin = _embedded(layout, go, name, env)
        this.found = f"{origin}, {_reason(layout, name, mode, embedded=embedded)}"
        marker.write_text(this.found)
        _without_origin(folder).unlink()
        return False


def _install(name: str) -> list[str]:
    return ["pulumi", "plugin", "install", "resource", name, PLUGINS[name], "--reinstall"]


def is_installed(folder: Path) -> bool:
    """True if a plugin is complete, and ORIGIN says whether it is official."""
    return folder.is_dir() and not any(mark.exists() for mark in unfinished(folder))


def unfinished(folder: Path) -> tuple[Path, Path]:
    """Paths of the marks for a plugin's folder that is not complete yet.

    Pulumi makes the first while filling the folder, and keeps it on a failure.
    """
    return folder.with_name(f"{folder.name}.partial"), _without_origin(folder)


def _without_origin(folder: Path) -> Path:
    """Path of the mark for a plugin that is not official, until its ORIGIN is written."""
    return folder.with_name(f"{folder.name}.without-origin")


def _official(layout: Layout, env: Mapping[str, str], name: str, mode: Mode) -> str:
    """Install the official plugin; return which one, or an empty text if it is not available."""
    archive = _archive_here(name)
    sha256 = recorded_checksums().get(archive)
    if sha256 is None:
        if mode is not Mode.OFFICIAL:
            return ""
        _download_unverified(plugin_folder(layout, name), _install(name), env)
        return f"official, not verified: {CHECKSUMS.relative_to(PROJECT)} has no checksum of it"
    url = OFFICIAL_PLUGIN.format(archive=archive)
    if mode is not Mode.OFFICIAL and not reachable(url):
        return ""
    # Other checkouts use the same cache, and may have recorded another checksum.
    content = layout.cache / "tools" / f"{archive.removesuffix('.tar.gz')}-{sha256[:16]}"
    unpacked(url, sha256, content, within=0)
    program = content / f"pulumi-resource-{name}"
    if not program.is_file():
        raise SetupError(
            f"{url} has the recorded SHA-256, but has no file {program.name} at its top. Build the plugin "
            "with SKYCOIN_MODE=embedded."
        )
    # The CLI's own `--checksum` hashes only a part of the archive (tests/e2e/test_plugin_download.py).
    _install_file(layout, env, name, program)
    (plugin_folder(layout, name) / "ORIGIN").unlink(missing_ok=True)
    return "official, with the recorded checksum"


def _archive_here(name: str) -> str:
    """File name of the official archive for this machine."""
    return archive_name(name, "arm64" if os.uname().machine == "aarch64" else "amd64")


def _download_unverified(folder: Path, install: Sequence[str], env: Mapping[str, str]) -> None:
    """Download a plugin with Pulumi's CLI; an incomplete one is removed. Raises SetupError."""
    if output(install, env=env, timeout=300, doing="downloading the plugin") is None:
        partial, _ = unfinished(folder)
        if partial.exists():
            shutil.rmtree(folder, ignore_errors=True)
            partial.unlink()
        raise SetupError(
            f"The official plugin {install[4]} is required (SKYCOIN_MODE=official, or this set-up was "
            f"created with it), but `{' '.join(install)}` fails. Try again where it can be downloaded."
        )


def _install_file(layout: Layout, env: Mapping[str, str], name: str, program: Path) -> None:
    log = layout.logs / "providers.log"
    run([*_install(name), "--file", str(program)], log=log, env=env)


def _embedded(layout: Layout, go: str, name: str, env: Mapping[str, str]) -> str:
    if name == "docker-build":
        _install_file(layout, env, name, ensure_tool(layout, go, DOCKER_BUILD))
        return "built from its Go module"
    _install_file(layout, env, name, _stand_in(layout))
    return "this project's stand-in (providers/docker)"


def _reason(layout: Layout, name: str, mode: Mode, *, embedded: bool) -> str:
    """Reason why a plugin is not the official one; `embedded` if the one installed before was not, either."""
    if layout.mode is Mode.EMBEDDED:
        return f"chosen by SKYCOIN_MODE={layout.mode}"
    if mode is Mode.EMBEDDED or embedded:
        return "as at the first `make up`"
    if _archive_here(name) not in recorded_checksums():
        return "because no checksum of the official one is recorded"
    return "because the official one can't be downloaded"


def _stand_in(layout: Layout) -> Path:
    """Write the stand-in's launcher, which the engine starts outside the virtual environment."""
    launcher = layout.state / STAND_IN
    launcher.write_text(launcher_text())
    launcher.chmod(0o755)
    return launcher


def launcher_text() -> str:
    """Text of the launcher.

    Without `site` it starts in half the time, and imports none of the packages (docs/adr/0033).
    """
    project, python = shlex.quote(str(PROJECT)), shlex.quote(sys.executable)
    return f'#!/bin/sh\nPYTHONPATH={project} exec {python} -S -m providers.docker.launch "$@"\n'


def renew_stand_in(layout: Layout) -> None:
    """Update the launcher of an installed stand-in, since earlier versions kept its code elsewhere."""
    installed = plugin_folder(layout, "docker")
    launcher = installed / STAND_IN
    if (installed / "ORIGIN").exists() and launcher.exists() and launcher.read_text() != launcher_text():
        write_aside(launcher, launcher_text())
        launcher.chmod(0o755)
