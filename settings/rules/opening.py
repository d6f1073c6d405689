"""Rules over opened workspaces: their hosts, folders, nested engines and editor pages."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from catalogue.folders import overlap
from catalogue.workspaces import WORKSPACES, WorkspaceEntry
from settings.names import opened_workspaces
from settings.opening import OpenSettings
from settings.stack import StackSettings
from settings.words import not_built_for, not_listed
from settings.workspace import WorkspaceSettings

PROGRAM = Path(__file__).resolve().parents[2]
_LOOPBACK = re.compile(r"(.+\.)?localhost\.?|127(\.\d+){1,3}|::1")


def opening_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors of opened workspaces, except for names, ports and volumes that are already taken."""
    for name, opening in opened_workspaces(settings):
        entry = WORKSPACES.get(name)
        if entry is not None:  # workspace_faults reports it
            yield from _own_faults(f"skycoin:workspaces.{name}", entry, settings.workspaces[name], opening)
        yield from _host_faults(f"skycoin:workspaces.{name}", settings, name, opening)
        if opening.dind and settings.nodes:
            yield (
                f"skycoin:workspaces.{name}.open.dind: a nested engine has root's rights over the host, and "
                f"this stack has nodes ({', '.join(settings.nodes)}): open it in a stack without nodes, on "
                "an engine without nodes"
            )


def _own_faults(
    key: str, entry: WorkspaceEntry, workspace: WorkspaceSettings, opening: OpenSettings
) -> Iterator[str]:
    if opening.port is not None and entry.ide_port is None:
        pages = ", ".join(name for name, listed in WORKSPACES.items() if listed.ide_port is not None)
        yield f"{key}.open.port: {entry.name} has no page; this key is allowed in {pages}"
    if opening.dind and not workspace.dind:
        yield f"{key}.open.dind: true needs dind: true next to open (the image with a nested engine)"


def _is_here(engine: str) -> bool:
    """True if an engine is on this machine: local, a socket, or behind ssh to a loopback address."""
    return not engine.startswith("ssh://") or _LOOPBACK.fullmatch(urlsplit(engine).hostname or "") is not None


def _host_faults(key: str, settings: StackSettings, name: str, opening: OpenSettings) -> Iterator[str]:
    host = settings.hosts.get(opening.host)
    if host is None:
        yield f"{key}.open.host: {not_listed(opening.host, 'hosts', settings.hosts)}"
        return
    if _is_here(host.engine) and overlap(PurePosixPath(opening.folder), PROGRAM):
        yield (
            f"{key}.open.folder: {opening.folder} contains this program ({PROGRAM}) or is inside it, and "
            "programs inside could change what you run; give a folder of your work outside it"
        )
    arches = settings.workspaces[name].arches
    if host.variant is not None and host.variant not in arches:
        fault = not_built_for(opening.host, host.variant, "the workspace", arches)
        yield f"{key}.open.host: {fault}, if it supports that"
