"""Place of a workspace: this set-up's engine, or that of another machine behind ssh."""

import os
import platform
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from docker.errors import DockerException

from catalogue.folders import data_fault, folder_fault
from clients.engine import connect
from clients.neighbours import beside_nodes, nodes_on
from clients.ssh import Login, ssh_command
from local.engines.engine import engine_version, machine_engine
from local.engines.own_engine import endpoint, own_folder
from local.machine.layout import EngineChoice, Layout
from local.machine.steps import SetupError

SECONDS = 60
"""Seconds in which the machine behind ssh must have answered."""
LOOK = """\
cd -- "$1" && pwd -P && id -u && id -g && stat -c %u:%g . && cd && pwd -P
"""
"""Shell script that prints a folder's real path, the user's ids, the folder's owner and the user's home."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkspacePlace:
    """A folder, its user, and the engine that the workspace runs on."""

    folder: str
    """Absolute path without links."""
    user: str
    """`UID:GID`, the owner of files created in the folder."""
    machine: str
    """Output of `uname -m`."""
    engine: str | None = None
    """`ssh://USER@HOST`; None means the engine of this set-up."""
    ssh_options: tuple[str, ...] = ()


def here(folder: Path) -> WorkspacePlace:
    """Return this machine's own place; `folder` must have passed `checked_folder`."""
    return WorkspacePlace(folder=str(folder), user=person(folder), machine=platform.machine())


def person(folder: Path) -> str:
    """`UID:GID` of the user, or of the user who called sudo; for root, of the folder's owner."""
    if os.geteuid() != 0:
        return f"{os.getuid()}:{os.getgid()}"
    if "SUDO_UID" in os.environ:
        return f"{os.environ['SUDO_UID']}:{os.environ['SUDO_GID']}"
    owner = folder.stat()
    return f"{owner.st_uid}:{owner.st_gid}"


def behind_ssh(engine: str, ssh_options: Sequence[str], folder: str) -> WorkspacePlace:
    """Another machine, which is asked for the folder, the ids of the ssh user, and its processor.

    For root, the ids are those of the folder's owner. Raises SetupError.
    """
    _refuse_folder(folder, engine)
    real, user, group, owner, home = _ask_machine(engine, ssh_options, folder)
    _refuse_folder(real, engine)
    if PurePosixPath(home).is_relative_to(real):
        raise SetupError(
            f"{real} on {engine} is not opened: it contains an entire home folder, keys included ({home}); "
            "give the folder in it that you work on (--folder, or FOLDER= for make)."
        )
    try:
        info = connect(_inputs(engine, ssh_options)).info()
    except (DockerException, OSError) as error:
        raise SetupError(f"{engine} stopped answering: {error}") from error
    _refuse_data(real, info, f" on {engine}")
    return WorkspacePlace(
        folder=real,
        user=owner if user == "0" else f"{user}:{group}",
        machine=info["Architecture"],
        engine=engine,
        ssh_options=tuple(ssh_options),
    )


def refuse_beside_nodes(layout: Layout, place: WorkspacePlace, name: str) -> None:
    """Raise SetupError if a node is on the engine of a workspace with a nested engine.

    An engine of this set-up that does not run yet is passed over: the set-up starts it.
    """
    address = place.engine or _running_engine(layout)
    if address is None:
        return
    try:
        nodes = nodes_on(connect(_inputs(address, place.ssh_options)))
    except (DockerException, OSError) as error:
        raise SetupError(f"{address} stopped answering: {error}") from error
    if nodes:
        raise SetupError(beside_nodes(place.engine or "this machine", nodes, name))


def refuse_engines_data(layout: Layout, place: WorkspacePlace, option: str = "--folder") -> bool:
    """Raise SetupError if the folder has, or is in, the data of an engine that runs on this machine.

    These are the engine of this set-up, and the one that an editor would use. False if that of this set-up
    does not run yet. `behind_ssh` has already checked another machine's engine.
    """
    if place.engine is not None:
        return True
    own = _running_engine(layout)
    other = _answering(machine_engine()) if layout.engine is EngineChoice.OWN else None
    for address in filter(None, dict.fromkeys((own, other))):
        try:
            info = connect(_inputs(address, ())).info()
        except (DockerException, OSError) as error:
            raise SetupError(f"{address} stopped answering: {error}") from error
        _refuse_data(place.folder, info, "", option)
    return own is not None


def _refuse_data(folder: str, info: Mapping[str, Any], where: str, option: str = "--folder") -> None:
    if fault := data_fault(folder, info.get("DockerRootDir")):
        raise SetupError(f"{folder}{where} is not opened: {fault} ({option}, or FOLDER= for make).")


def _running_engine(layout: Layout) -> str | None:
    """Address of this set-up's engine; None if it does not run."""
    own = layout.engine is EngineChoice.OWN
    return _answering(endpoint(own_folder(layout)) if own else machine_engine())


def _answering(address: str) -> str | None:
    return None if engine_version(address) is None else address


def _inputs(address: str, ssh_options: Sequence[str]) -> dict[str, Any]:
    return {"engine": address, "sshOptions": list(ssh_options)}


def _refuse_folder(folder: str, engine: str) -> None:
    if fault := folder_fault(folder):
        raise SetupError(f"{folder} on {engine} is not opened: {fault} (--folder, or FOLDER= for make).")


def _ask_machine(engine: str, ssh_options: Sequence[str], folder: str) -> list[str]:
    """Lines that `LOOK` prints for a folder of another machine. Raises SetupError."""
    command = ssh_command(engine, ssh_options, shlex.join(["sh", "-c", LOOK, "sh", folder]))
    try:
        with Login():
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=SECONDS,
            )
    except subprocess.TimeoutExpired:
        raise SetupError(f"{engine} did not answer in {SECONDS} s.") from None
    lines = done.stdout.splitlines()[-5:]
    if done.returncode or len(lines) != 5:
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise SetupError(
            f"{folder} on {engine} is not opened: {reason}. `ssh` must connect without a question, and the "
            "folder must exist (--folder, or FOLDER= for make)."
        )
    return lines
