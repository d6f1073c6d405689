"""Opening of one workspace over a folder, in a stack of its own that also builds it."""

import contextlib
import os
import platform
import pwd
from collections.abc import Iterator, Mapping
from pathlib import Path

from catalogue.workspaces import WORKSPACES
from clients.pulumi import stack_outputs
from local.bring_up import bring_up
from local.layout import PROJECT, Layout
from local.setup import set_up
from local.stack import WORKSPACE, stack_config
from local.steps import SetupError
from settings.opening import folder_fault, overlap

ARCHES = {"x86_64": "amd64", "aarch64": "arm64v8"}
"""`uname -m` → variant of the workspace, which runs where it is built."""


def open_workspace(layout: Layout, name: str, folder: Path, *, dind: bool) -> int:
    """Set up what is missing, build the workspace, open it, and print how to enter.

    `folder` must come from `checked_folder`. Returns pulumi's exit code.
    """
    settings = _settings(name, folder, dind=dind)
    print(
        f"Opens the workspace {name} over {folder}. The first time it sets this machine up and builds the "
        "image: 15 to 20 minutes on 2 cores. With everything there, it takes seconds."
    )
    if dind and stack_config().get("skycoin:nodes"):
        print("An engine inside can own this machine: whoever is in it can read the nodes' wallets.")
    stack = f"{WORKSPACE}{name}"
    env = set_up(layout, stack, settings)
    code = bring_up(layout, stack, env)
    if code == 0:
        _report(stack_outputs(stack, env)["opened"][name], env)
    return code


def person(folder: Path) -> str:
    """`UID:GID` of the user, or of the user who called sudo; for root, of the folder's owner."""
    if os.geteuid() != 0:
        return f"{os.getuid()}:{os.getgid()}"
    if "SUDO_UID" in os.environ:
        return f"{os.environ['SUDO_UID']}:{os.environ['SUDO_GID']}"
    owner = folder.stat()
    return f"{owner.st_uid}:{owner.st_gid}"


def checked_folder(given: Path, layout: Layout) -> Path:
    """Resolve links in the folder's path, so that the checked folder is the mounted one. Raises SetupError.

    Programs in the workspace could change a program that is later run outside, with more rights.
    """
    folder = given.resolve()
    if not folder.is_dir():
        raise SetupError(f"{folder} is not a folder: give one with --folder (FOLDER= of make).")
    if fault := folder_fault(str(folder)) or _own_fault(folder, layout):
        raise SetupError(f"{folder} is not opened: {fault} (--folder; FOLDER= of make).")
    return folder


def _own_fault(folder: Path, layout: Layout) -> str | None:
    """Reason why a folder can't be opened because of this program or this set-up, or None."""
    own = {
        PROJECT: "this program, which you run outside",
        layout.state: "the keys of this set-up",
        layout.cache: "programs that this set-up runs",
        layout.builder_root: "layers that images are built from",
    }
    for place, what in own.items():
        if overlap(folder, place.resolve()):
            return f"it has {what} ({place}); give a folder of your work"
    for home in _homes():
        if home.is_relative_to(folder):
            return f"it has a whole home, keys included ({home}); give the folder in it that is worked on"
    return None


def _homes() -> Iterator[Path]:
    """Homes of the user and of the user who called sudo, as not every home is below /home."""
    for user in (str(os.getuid()), os.environ.get("SUDO_UID", "")):
        with contextlib.suppress(KeyError, ValueError):
            yield Path(pwd.getpwuid(int(user)).pw_dir).resolve()


def _settings(name: str, folder: Path, *, dind: bool) -> dict[str, str | None]:
    """Settings of the stack that `make` sets; the rest of its file is the user's."""
    arch = ARCHES.get(platform.machine())
    if arch not in WORKSPACES[name].arches:
        raise SetupError(f"{name} is not made for this machine, a {platform.machine()}.")
    base = WORKSPACES[name].base
    settings: dict[str, str | None] = {
        f"skycoin:workspaces.{one}.arches[0]": arch for one in (base, name) if one is not None
    }
    key = f"skycoin:workspaces.{name}"
    return {
        **settings,
        f"{key}.dind": "true" if dind else None,
        f"{key}.open.host": "here",
        f"{key}.open.folder": str(folder),
        f"{key}.open.user": person(folder),
        f"{key}.open.dind": "true" if dind else None,
        # An earlier version hid paths in folders that are refused now.
        f"{key}.open.hide": None,
    }


def _report(opened: Mapping[str, str], env: Mapping[str, str]) -> None:
    print(f"\nopen over {opened['folder']} (/work inside), as {opened['user']}:")
    if env["DOCKER_HOST"] != "unix:///var/run/docker.sock":
        print('  eval "$(make -s env)"   # its engine is not the one that docker finds by itself')
    print(f"  {opened['enter']}")
    if opened["url"]:
        print(f"  {opened['url']}   the password: {opened['sign_in']}")
