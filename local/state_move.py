"""The one-time move of a set-up's state out of the checkout, where earlier versions kept it (docs/adr/0047).

Containers keep running. If the move is killed, the state is complete in one of the two places, and the next
`make up` continues.
"""

import errno
import os
import shutil
from collections.abc import Collection
from pathlib import Path

from local.builds.builder import SOCKET_LENGTH
from local.builds.network import remove_build_network
from local.engines import own_engine
from local.machine import services
from local.machine.layout import (
    EARLIER,
    LOCK,
    MOVED_FROM,
    PROJECT,
    Layout,
    is_held,
    read_layout,
    user_state,
    was_copied,
)
from local.machine.private_files import write_aside
from local.machine.steps import SetupError, run, step
from local.stacks.checkout import owner_above, record
from local.stacks.lock import exclusive
from local.stacks.states import all_stacks, require_unlocked
from wallets.backups.local_folder import sync

SERVICES = ("buildkitd", "registry")
"""Services that use the state folder. The machine's engine does not, even if `make up` has started it."""


def moved(layout: Layout) -> Layout:
    """Move a state that is still in the checkout, unless SKYCOIN_STATE is set; return the layout to use then.

    If it can't be moved, this prints the reason and the remedy, and continues with the state in its old
    place. Raises SetupError if another command or pulumi is running.
    """
    if os.environ.get("SKYCOIN_STATE"):
        return layout
    if layout.state == EARLIER and (EARLIER / "passphrase").exists():
        _move(layout, user_state())
    elif layout.state == user_state() and was_copied(EARLIER, layout.state):
        with exclusive(layout, "make up"):
            _remove_copied(layout.state)
    return read_layout()


def _move(layout: Layout, target: Path) -> None:
    if obstacle := _obstacle(layout, target):
        _report_unmoved(obstacle)
        return
    try:
        with exclusive(layout, "make up"):
            if (EARLIER / "passphrase").exists():  # otherwise another run has moved it meanwhile
                _stop_and_put(layout, target)
    except FileNotFoundError:
        if is_held(EARLIER):
            raise


def _stop_and_put(layout: Layout, target: Path) -> None:
    for stack in all_stacks(layout):
        require_unlocked(layout, stack)
    for name in SERVICES:
        with step(f"service {name}") as this:
            this.found = "stopped" if services.stop(layout, name) else "was not running"
    remove_build_network(layout)
    layout.builder_socket.unlink(missing_ok=True)
    with step("state of the set-up") as this:
        if failure := _put(layout, target):
            this.found = "not moved"
            _report_unmoved(failure)
            return
        this.found = (
            f"moved from {EARLIER} to {target}; containers keep running. Scripts that name the former "
            'folder, and open shells of `make -s env`, need the new one: `eval "$(make -s env)"`'
        )


def _report_unmoved(reason: str) -> None:
    print(
        "• the state of the set-up stays in the checkout, where `git clean -fdx` would remove its keys: "
        f"{reason}"
    )


def _obstacle(layout: Layout, target: Path) -> str | None:
    """Reason why a state can't be moved, with the remedy, or None. Nothing has been changed yet."""
    if EARLIER.is_symlink():
        return f"{EARLIER} is a link; set SKYCOIN_STATE={EARLIER.resolve()}, and remove the link."
    if own_engine.own_folder(layout).exists():
        return (
            "the engine in it (SKYCOIN_ENGINE=own) uses that path, and has wallets. Back them up; set "
            f"SKYCOIN_STATE={EARLIER} to silence this."
        )
    if is_held(target):
        return (
            f"{target} contains another set-up. Give this one its own folder: `make down`, "
            f"`mv {EARLIER} FOLDER`, and set SKYCOIN_STATE=FOLDER from then on."
        )
    if len(f"{target}/{layout.builder_socket.name}") > SOCKET_LENGTH:
        return f"{target} is too long for the path of a socket. Choose a shorter one: set XDG_STATE_HOME."
    return _foreign_owner(target)


def _foreign_owner(target: Path) -> str | None:
    """Reason why the move would take a state from its owner, or None."""
    owner, user = EARLIER.stat().st_uid, os.geteuid()
    if owner != user:
        return f"it belongs to the user {owner}, and this is {user}. Run `make up` as its owner."
    if (above := owner_above(target)) != user:
        return f"{target} would lie in a folder of the user {above}, and this is {user} (sudo -H sets HOME)."
    return None


def _put(layout: Layout, target: Path) -> str | None:
    """Rename the folder, or copy it to another file system; return the reason for a failure, or None."""
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_aside(record(EARLIER), f"{PROJECT}\n")
        EARLIER.chmod(0o700)
        (target / LOCK).unlink(missing_ok=True)
        if begun := _begun(layout):
            return begun
        EARLIER.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            return f"{target}: {error.strerror}. Fix that, or set XDG_STATE_HOME to another folder."
        return _copy(layout, target)
    sync(target.parent)
    sync(EARLIER.parent)
    return None


def _begun(layout: Layout) -> str | None:
    """Message if pulumi has begun to change a stack since the services were stopped, or None."""
    try:
        for stack in all_stacks(layout):
            require_unlocked(layout, stack)
    except SetupError as error:
        return str(error)
    return None


def _copy(layout: Layout, target: Path) -> str | None:
    """Copy and compare; return why the state was not moved, or None. The last rename makes the copy valid."""
    part, log = target.with_name(f"{target.name}.part"), layout.cache / "logs" / "state-move.log"
    shutil.rmtree(part, ignore_errors=True)
    # Not copied: the files of a build network that no longer exists, which root may own.
    shutil.rmtree(EARLIER / "build-network", ignore_errors=True)
    try:
        run(["cp", "-a", str(EARLIER), str(part)], log=log, doing="copying the state")
        _compare(part, {layout.logs.name}, log)
        write_aside(part / MOVED_FROM, str(EARLIER))
        os.sync()
        if changed := _changed(layout, part, log):
            shutil.rmtree(part)
            return changed
        part.rename(target)
    except (OSError, SetupError):
        shutil.rmtree(part, ignore_errors=True)
        return (
            f"it could not be copied to {target}: {log} shows why. Free some disk space, and run "
            "`make up` again."
        )
    sync(target.parent)
    _remove_copied(target)
    return None


def _compare(part: Path, without: Collection[str], log: Path) -> None:
    """Raise SetupError if a folder or file of the state differs from its copy."""
    for path in sorted(EARLIER.iterdir()):
        if path.name not in without:
            pair = [str(path), str(part / path.name)]
            run(["diff", "-rq", "--no-dereference", *pair], log=log, doing="comparing the copy")


def _changed(layout: Layout, part: Path, log: Path) -> str | None:
    """Message if pulumi has changed the state since it was copied, or has begun to, or None.

    The registry is left out: pulumi does not write to it, and while its gigabytes are compared, a short run
    of pulumi could begin and end.
    """
    try:
        _compare(part, {layout.logs.name, "registry"}, log)
    except SetupError:
        changed = f"it was changed while it was copied: {log} shows where. Run `make up` again."
        return _begun(layout) or changed
    return _begun(layout)


def _remove_copied(target: Path) -> None:
    """Remove the rest of a copied state from the checkout; the next run continues after a kill."""
    try:
        shutil.rmtree(EARLIER)
    except FileNotFoundError:
        pass
    except OSError as error:
        print(
            f"• {error.filename} can't be removed: {error.strerror}. Remove {EARLIER} yourself: it has keys."
        )
        return
    (target / MOVED_FROM).unlink()
