"""Opens one workspace over a folder, in a stack of its own that also builds the workspace's image."""

import contextlib
import os
import pwd
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from catalogue.arch import native
from catalogue.folders import folder_fault, overlap
from catalogue.stack_outputs import Opened
from catalogue.workspaces import WORKSPACES
from clients.pulumi import stack_outputs
from local.machine.layout import PROJECT, Layout
from local.machine.steps import SetupError
from local.pulumi.bring_up import bring_up
from local.setup import set_up
from local.stacks.files import WORKSPACE, stack_config
from local.workspace_place import WorkspacePlace, refuse_beside_nodes, refuse_engines_data

THERE = "there"
"""Host in a workspace's stack whose engine `--engine` names."""


def open_workspace(layout: Layout, name: str, place: WorkspacePlace, *, dind: bool) -> int:
    """Set up what is missing, build the workspace, open it, and print how to enter.

    Returns pulumi's exit code.
    """
    stack = f"{WORKSPACE}{name}"
    settings = _settings(name, place, _listed_options(stack), dind=dind)
    if dind:
        refuse_beside_nodes(layout, place, name)
    was_asked = refuse_engines_data(layout, place)
    where = f" on {place.engine}" if place.engine else ""
    print(
        f"Opens the workspace {name} over {place.folder}{where}. The first time it sets this machine up and "
        "builds the image: 15 to 20 minutes on 2 cores. Later runs take seconds."
    )
    env = set_up(layout, stack, settings)
    if dind:
        refuse_beside_nodes(layout, place, name)  # its engine may just have been started
    if not was_asked:
        refuse_engines_data(layout, place)
    code = bring_up(layout, stack, env)
    if code == 0:
        _report(stack_outputs(stack, env)["opened"][name], place, env)
    return code


def checked_folder(given: Path, layout: Layout, option: str = "--folder") -> Path:
    """Resolve links in the folder's path, so that the checked folder is the mounted one.

    Raises SetupError if it must not be opened: programs in the workspace could change a program that is later
    run outside, with more privileges. `option` names the command's own option for the folder in messages.
    """
    folder = given.resolve()
    if not folder.is_dir():
        raise SetupError(f"{folder} is not a folder: give one with {option} (FOLDER= for make).")
    if fault := folder_fault(str(folder)) or _own_fault(folder, layout):
        raise SetupError(f"{folder} is not opened: {fault} ({option}, or FOLDER= for make).")
    return folder


def _own_fault(folder: Path, layout: Layout) -> str | None:
    """Reason why a folder can't be opened because of this program or this set-up, or None."""
    own = {
        PROJECT: "this program: you run it outside the workspace",
        layout.state: "the keys of this set-up",
        layout.cache: "programs that this set-up runs",
        layout.builder_root: "layers that images are built from",
    }
    for place, what in own.items():
        if overlap(folder, place.resolve()):
            return f"it contains or is inside {place}, which has {what}; give another folder"
    for home in _homes():
        if home.is_relative_to(folder):
            return (
                f"it contains an entire home folder, keys included ({home}); give the folder in it "
                "that you work on"
            )
    return None


def _homes() -> Iterator[Path]:
    """Homes of the user and of the user who called sudo, as not every home is below /home."""
    for user in (str(os.getuid()), os.environ.get("SUDO_UID", "")):
        with contextlib.suppress(KeyError, ValueError):
            yield Path(pwd.getpwuid(int(user)).pw_dir).resolve()


def _settings(name: str, place: WorkspacePlace, listed: int, *, dind: bool) -> dict[str, str | None]:
    """Settings of the stack that are set here; the rest of its file is the user's.

    `listed` is the number of ssh options in the file. Raises SetupError if the machine is not supported.
    """
    arch = native(place.machine)
    if arch is None or arch.name not in WORKSPACES[name].arches:
        whose = f"the machine at {place.engine}" if place.engine else "this machine"
        raise SetupError(f"{name} does not support {whose} ({place.machine}).")
    base = WORKSPACES[name].base
    settings: dict[str, str | None] = {
        f"skycoin:workspaces.{workspace}.arches[0]": arch.name
        for workspace in (base, name)
        if workspace is not None
    }
    key = f"skycoin:workspaces.{name}"
    return {
        **settings,
        **_host(place, listed),
        f"{key}.dind": "true" if dind else None,
        f"{key}.open.host": THERE if place.engine else "here",
        f"{key}.open.folder": place.folder,
        f"{key}.open.user": place.user,
        f"{key}.open.dind": "true" if dind else None,
        # A setting of an earlier version, which hid paths in folders that are now refused.
        f"{key}.open.hide": None,
    }


def _host(place: WorkspacePlace, listed: int) -> dict[str, str | None]:
    """Settings of the host behind ssh; without one, its entry is removed."""
    key = f"skycoin:hosts.{THERE}"
    if place.engine is None:
        return {key: None}
    options = f"{key}.ssh-options"
    # From the last to the first, because each removal renumbers the options after it.
    gone = {f"{options}[{at}]": None for at in range(listed - 1, len(place.ssh_options) - 1, -1)}
    given = {f"{options}[{at}]": option for at, option in enumerate(place.ssh_options)}
    return {f"{key}.engine": place.engine, **gone, **given}


def _listed_options(stack: str) -> int:
    """Number of ssh options that the stack's file has for the host behind ssh."""
    hosts = stack_config(stack).get("skycoin:hosts")
    entry = hosts.get(THERE) if isinstance(hosts, dict) else None
    return len(entry.get("ssh-options") or ()) if isinstance(entry, dict) else 0


def _report(opened: Opened[str], place: WorkspacePlace, env: Mapping[str, str]) -> None:
    print(f"\nopen over {opened['folder']} (/work inside), as {opened['user']}:")
    enter, sign_in = (_there(opened[command], place) for command in ("enter", "sign_in"))
    if place.engine is None and env["DOCKER_HOST"] != "unix:///var/run/docker.sock":
        print('  eval "$(make -s env)"   # `docker` does not find this engine by default')
    print(f"  {enter}")
    if opened["url"]:
        if place.engine:
            port = urlsplit(opened["url"]).port
            tunnel = f"{_ssh(place)} -N -L {port}:127.0.0.1:{port} {place.engine}"
            print(f"  {tunnel}   # its page is on that machine")
        print(f"  {opened['url']}   the password: {sign_in}")


def _there(command: str, place: WorkspacePlace) -> str:
    """Docker command for the machine of the workspace; `docker -H` takes no ssh options."""
    if place.engine is None:
        return command
    if place.ssh_options:
        return f"{_ssh(place)} -t {place.engine} {command}"
    return command.replace("docker ", f"docker -H {place.engine} ", 1)


def _ssh(place: WorkspacePlace) -> str:
    return shlex.join(["ssh", *place.ssh_options])
