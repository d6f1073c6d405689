"""A stack of its own that builds one workspace and opens it over a folder."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

from catalogue.workspaces import WORKSPACES
from clients.pulumi import stack_outputs
from local.bring_up import bring_up
from local.layout import PROJECT, Layout
from local.setup import set_up
from local.stack import WORKSPACE, stack_config
from local.steps import SetupError
from settings.opening import folder_fault

ARCHES = {"x86_64": "amd64", "aarch64": "arm64v8"}
"""`uname -m` → the workspace's variant: it runs where it is built."""

OWN_FOLDER = (
    "This folder holds the program itself: whoever is in the workspace can change what you run later, and "
    "can get at the set-up's keys. Give a folder of your work: --folder /path/of/a/folder."
)


def open_workspace(layout: Layout, name: str, folder: Path, *, dind: bool) -> int:
    """Set up what is missing, build the workspace, open it, and print how to enter. Exit code of pulumi.

    `folder` is one that `checked_folder` has returned.
    """
    settings = _settings(layout, name, folder, dind=dind)
    print(
        f"Opens the workspace {name} over {folder}. The first time it sets this machine up and builds the "
        "image: 15 to 20 minutes on 2 cores. With everything there, it takes seconds."
    )
    if PROJECT.is_relative_to(folder) or folder.is_relative_to(PROJECT):
        print(OWN_FOLDER)
    if dind and stack_config().get("skycoin:nodes"):
        print("An engine inside can own this machine: whoever is in it can read the nodes' wallets.")
    stack = f"{WORKSPACE}{name}"
    env = set_up(layout, stack, settings)
    code = bring_up(layout, stack, env)
    if code == 0:
        _report(stack_outputs(stack, env)["opened"][name], env)
    return code


def person(folder: Path) -> str:
    """`UID:GID` of whoever called: of who called sudo, for root itself of the folder's owner."""
    if os.geteuid() != 0:
        return f"{os.getuid()}:{os.getgid()}"
    if "SUDO_UID" in os.environ:
        return f"{os.environ['SUDO_UID']}:{os.environ['SUDO_GID']}"
    owner = folder.stat()
    return f"{owner.st_uid}:{owner.st_gid}"


def checked_folder(given: Path, layout: Layout) -> Path:
    """The folder itself, links followed: what is checked is what is mounted. Raises SetupError."""
    folder = given.resolve()
    if not folder.is_dir():
        raise SetupError(f"{folder} is no folder: give one with --folder.")
    state = layout.state.resolve()
    if folder.is_relative_to(state):
        raise SetupError(f"{folder} is not opened: it holds this set-up's keys (--folder).")
    if fault := folder_fault(str(folder)):
        raise SetupError(f"{folder} is not opened: {fault} (--folder).")
    return folder


def _settings(layout: Layout, name: str, folder: Path, *, dind: bool) -> dict[str, str | None]:
    """What `make` decides of the stack; the rest of its file is whoever's edits it."""
    arch = ARCHES.get(platform.machine())
    if arch not in WORKSPACES[name].arches:
        raise SetupError(f"{name} is not made for this machine, a {platform.machine()}.")
    base = WORKSPACES[name].base
    settings: dict[str, str | None] = {
        f"skycoin:workspaces.{one}.arches[0]": arch for one in (base, name) if one is not None
    }
    key = f"skycoin:workspaces.{name}"
    keys = _keys(layout, folder)
    return {
        **settings,
        f"{key}.dind": "true" if dind else None,
        f"{key}.open.host": "here",
        f"{key}.open.folder": str(folder),
        f"{key}.open.user": person(folder),
        f"{key}.open.dind": "true" if dind else None,
        **({f"{key}.open.hide[0]": keys} if keys else {f"{key}.open.hide": None}),
    }


def _keys(layout: Layout, folder: Path) -> str | None:
    """The set-up's own keys and sockets, where they lie in the folder: kept out of sight, no more."""
    state = layout.state.resolve()
    return str(state.relative_to(folder)) if state.is_relative_to(folder) and state != folder else None


def _report(opened: Mapping[str, str], env: Mapping[str, str]) -> None:
    print(f"\nopen over {opened['folder']} (/work inside), as {opened['user']}:")
    if env["DOCKER_HOST"] != "unix:///var/run/docker.sock":
        print('  eval "$(make -s env)"   # its engine is not the one that docker finds by itself')
    print(f"  {opened['enter']}")
    if opened["url"]:
        print(f"  {opened['url']}   the password: {opened['sign_in']}")
