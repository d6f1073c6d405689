"""The checkout that a user's set-up belongs to, and copies of its own stacks' files (docs/adr/0047).

The state is in the user's home and outlives the checkout. The files of the machine's own stacks are in the
checkout, ignored by git, because Pulumi reads them there.
"""

import os
import shutil
import sys
from pathlib import Path

from local.machine.layout import PROJECT, Layout, user_state
from local.machine.private_files import write_aside
from local.machine.steps import SetupError
from local.stacks.files import STACK, is_own, stack_file
from local.stacks.states import all_stacks

SALT = "encryptionsalt:"
"""Key in the file of a stack that has a state."""

BEFORE = ".before"
"""Suffix of the copy that a file with another salt, or an emptied one, has replaced."""


def record(state: Path) -> Path:
    """File with the path of the checkout that a state folder belongs to."""
    return state / "checkout"


def copies(layout: Layout) -> Path:
    """Folder with copies of the stacks' files."""
    return layout.state / "stack-files"


def other_checkout(layout: Layout) -> Path | None:
    """Checkout that this user's set-up belongs to, if it is another one; otherwise None.

    A state folder named by SKYCOIN_STATE belongs to the user who set the variable.
    """
    try:
        known = Path(record(layout.state).read_text().strip())
    except OSError:
        return None
    return None if layout.state != user_state() or known == PROJECT else known


def is_there(checkout: Path) -> bool:
    """True if the folder still contains this program."""
    return os.access(checkout / "Pulumi.yaml", os.F_OK)


def refuse_others(layout: Layout) -> None:
    """Raise SetupError if the user's set-up belongs to another checkout, whose settings would conflict."""
    other = other_checkout(layout)
    if other is None:
        return
    if not is_there(other):
        raise SetupError(
            f"The set-up in {layout.state} belongs to the checkout {other}, which is gone. Run `make up` "
            "here to take it over. Nothing was changed."
        )
    raise SetupError(
        f"The set-up in {layout.state} belongs to the checkout {other}: run this there. To take it over, "
        f"remove {record(layout.state)}, and run `make up` here. For a second set-up, set SKYCOIN_STATE, "
        "SKYCOIN_REGISTRY_PORT and SKYCOIN_BUILDER_ROOT (README, “Settings of the set-up”). Nothing was "
        "changed."
    )


def refuse_other_users(layout: Layout) -> None:
    """Raise SetupError if a new set-up would be this checkout's second, or lie in another user's home."""
    if layout.state != user_state():
        return
    user, file = os.geteuid(), stack_file(STACK)
    if file.exists() and (owner := file.stat().st_uid) != user and SALT in file.read_text(errors="replace"):
        raise SetupError(
            f"{file} belongs to a set-up of the user {owner}, and you are the user {user}, who has none: run "
            f"this as user {owner}{' (with sudo)' if owner == 0 else ''}. Nothing was changed."
        )
    above = owner_above(layout.state)
    if user == 0 and above != 0 and os.environ.get("SUDO_UID") == str(above):
        raise SetupError(
            f"{layout.state} would belong to root, in the home of the user {above}: run `make` without "
            "sudo, which it calls itself if necessary, or `sudo -H make`. Nothing was changed."
        )


def refuse_lost_state(layout: Layout) -> None:
    """Raise SetupError if the stack's file belongs to a set-up elsewhere, whose nodes this one would take."""
    file = stack_file(STACK)
    if file.exists() and SALT in file.read_text(errors="replace"):
        raise SetupError(
            f"{file} belongs to a set-up whose state is not in {layout.state}. If XDG_STATE_HOME, HOME or "
            "SKYCOIN_STATE had another value, set it again. A second set-up needs a clone of its own. If the "
            "state is lost, `./skyinfra setup restore FILE` or `./skyinfra setup adopt` recovers its nodes; "
            f"for a new set-up, remove the line `{SALT} …` from the file. Nothing was changed."
        )


def owner_above(path: Path) -> int:
    """Owner of the nearest existing parent folder."""
    return next(folder for folder in path.parents if folder.exists()).stat().st_uid


def claim(layout: Layout) -> None:
    """Record that the user's set-up belongs to this checkout, also if its former checkout is gone.

    Raises SetupError if it belongs to another checkout that exists.
    """
    other = other_checkout(layout)
    if other is not None:
        if is_there(other):
            refuse_others(layout)
        print(
            f"• the set-up in {layout.state} belonged to the checkout {other}, which is gone; now it belongs "
            "to this one"
        )
    if layout.state == user_state() and (other is not None or not record(layout.state).exists()):
        write_aside(record(layout.state), f"{PROJECT}\n")


def keep_stack_files(layout: Layout) -> None:
    """Copy the files of this machine's own stacks into the state folder; a failure is only a warning."""
    for stack in filter(is_own, all_stacks(layout)):
        file, copy = stack_file(stack), copies(layout) / stack_file(stack).name
        try:
            if file.exists() and not (copy.exists() and copy.read_bytes() == file.read_bytes()):
                copy.parent.mkdir(exist_ok=True)
                if copy.exists() and _salt(copy) != _salt(file):
                    # The file is of another state, or was emptied: only the old copy opens this state's
                    # secrets.
                    copy.rename(copy.with_name(f"{copy.name}{BEFORE}"))
                write_aside(copy, file.read_bytes())
        except OSError as error:
            print(f"• stacks/{file.name} has no copy in {copy.parent}: {error.strerror}", file=sys.stderr)


def usable_copy(layout: Layout, stack: str) -> Path | None:
    """Newest copy of a stack's file that has settings; None if there is none.

    A command that ran on an emptied file has moved the previous copy aside.
    """
    last = copies(layout) / stack_file(stack).name
    kept = (file for file in (last, last.with_name(f"{last.name}{BEFORE}")) if file.exists())
    return next((file for file in kept if "skycoin:" in file.read_text(errors="replace")), None)


def _salt(file: Path) -> str:
    lines = file.read_text(errors="replace").splitlines()
    return next((line for line in lines if line.startswith(SALT)), "")


def put_stack_files_back(layout: Layout) -> None:
    """Restore missing files in a checkout: a new clone would otherwise use the example's settings.

    So would a stack whose state was removed together with its file (`pulumi stack rm`).
    """
    with_state = {stack_file(stack).name for stack in filter(is_own, all_stacks(layout))}
    for copy in sorted(copies(layout).glob("*.yaml")):
        file = stack_file(STACK).with_name(copy.name)
        if file.exists():
            continue
        partial = file.with_name(f".{file.name}.{os.getpid()}")
        shutil.copyfile(copy, partial)
        partial.rename(file)
        said = f"• stacks/{file.name} was missing: restored from its last copy"
        if file.name not in with_state:
            said += f". Its stack has no state any more: to start with the example, remove it and {copy}"
        # Standard output may be the result of a command.
        print(said, file=sys.stderr)
