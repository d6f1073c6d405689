"""States of stacks on the set-up's backend."""

import json
import os
import pwd
import socket
from pathlib import Path
from typing import Any

from catalogue.naming import bare_name
from local.machine.layout import Layout
from local.machine.steps import BusyError, SetupError
from local.stacks.files import is_own, stack_file

COMPRESSED = (".gz", ".zst")
"""Endings that pulumi adds to the names of compressed states (pulumi/pulumi `sdk/go/common/encoding`)."""


def own_stacks(layout: Layout) -> list[str]:
    """The machine's own stacks that have resources and a settings file."""
    existing = [stack for stack in all_stacks(layout) if is_own(stack) and stack_file(stack).exists()]
    return sorted(stack for stack in existing if _holds_anything(state_file(layout, stack)))


def _holds_anything(state: Path) -> bool:
    """True if a state has resources: to destroy an empty stack, Pulumi runs the program, and fails."""
    return bool(deployment(state).get("resources"))


def has_pending_creates(layout: Layout, stack: str) -> bool:
    """True if a killed run has left pending operations, about which every later run would warn."""
    state = state_file(layout, stack)
    return state.exists() and bool(deployment(state).get("pending_operations"))


def resources(layout: Layout, stack: str) -> list[dict[str, Any]]:
    """All resources in a stack's state; empty if it has no state."""
    state = state_file(layout, stack)
    listed: list[dict[str, Any]] = (deployment(state).get("resources") or []) if state.exists() else []
    return listed


def all_stacks(layout: Layout) -> list[str]:
    """Every stack with a state on this set-up's backend, committed ones included.

    Raises SetupError for a compressed state, which no command can read.
    """
    for ending in COMPRESSED:
        for path in _states(layout).glob(f"*.json{ending}"):
            _refuse_compressed(path)
    return sorted(path.stem for path in _states(layout).glob("*.json"))


def _refuse_compressed(state: Path) -> None:
    """Raise SetupError for a state that pulumi wrote in a shell with another environment."""
    stack = state.name.partition(".json")[0]
    raise SetupError(
        f"pulumi has compressed the state {state}, because a variable such as PULUMI_DIY_BACKEND_GZIP was "
        "set. Nothing was changed. Let pulumi write it without compression, then run this again: "
        f'eval "$(make -s env)"; pulumi stack export -s {stack} | pulumi stack import -s {stack}'
    )


def require_unlocked(layout: Layout, stack: str) -> None:
    """Raise BusyError if a running pulumi holds a stack's lock, SetupError if this user can't read it.

    A pulumi on another machine, or in a container, counts as running, because its process can't be seen here.
    Removes the lock of a pulumi that was killed on this machine; pulumi itself asks for `pulumi cancel`.
    """
    here = socket.gethostname()
    folder = layout.state / "backend" / ".pulumi" / "locks" / "organization" / "skycoin" / bare_name(stack)
    for path in folder.glob("*.json"):
        try:
            holder = json.loads(path.read_text())
            process, host = int(holder["pid"]), holder.get("hostname") or here
            if host == here and not _is_running(process, holder.get("username")):
                if holder.get("hostname"):
                    path.unlink(missing_ok=True)
                    print(f"• the lock of a pulumi that was killed (process {process}) is removed")
                continue
        except PermissionError:
            raise SetupError(
                f"A pulumi of another user may be changing the stack {stack}: its lock {path} can't be read. "
                "Nothing was changed: wait for it to end. If none is running, remove that file."
            ) from None
        except (OSError, ValueError, KeyError, TypeError):
            continue  # released, or damaged: pulumi then explains what to do
        place, remedy = ("", "") if host == here else (f" on {host}", _if_killed(stack, host))
        raise BusyError(
            f"pulumi (process {process} of {holder.get('username', 'another user')}{place}) is changing the "
            f"stack {stack}. Nothing was changed: wait for it to end, then run this again.{remedy}"
        )


def _if_killed(stack: str, host: str) -> str:
    """Remedy for the lock of a pulumi that may have been killed elsewhere, or here under a former name."""
    return (
        f" If it was killed on {host}, or on this machine while that was its name, remove its lock: "
        f'eval "$(make -s env)"; pulumi cancel -s {stack}'
    )


def _is_running(process: int, user: object) -> bool:
    """True if a process with this number is running and may belong to `user`, which is a name."""
    try:
        os.kill(process, 0)
    except PermissionError:
        # Another user's process has the number: if `user` is this user, their own process has ended.
        try:
            return user != pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            return True
    except ProcessLookupError:
        return False
    return True


def deployment(state: Path) -> dict[str, Any]:
    """The deployment in a state file. Raises SetupError if the file is damaged."""
    try:
        latest: dict[str, Any] = json.loads(state.read_text())["checkpoint"].get("latest") or {}
    except (ValueError, KeyError, TypeError):
        raise SetupError(
            f"The state {state} is damaged. Its last copy is next to it: cp {state}.bak {state}"
        ) from None
    return latest


def state_file(layout: Layout, stack: str) -> Path:
    """State file of a stack on the set-up's backend. Raises SetupError if it is compressed."""
    state = _states(layout) / f"{bare_name(stack)}.json"
    for ending in COMPRESSED:
        if (compressed := state.with_name(f"{state.name}{ending}")).exists():
            _refuse_compressed(compressed)
    return state


def _states(layout: Layout) -> Path:
    return layout.state / "backend" / ".pulumi" / "stacks" / "skycoin"
