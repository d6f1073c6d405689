"""The machine's own stacks (`local`, one for each opened workspace) and the committed ones."""

import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from local.layout import PROJECT, Layout
from local.steps import SetupError, output, run, step

STACK = "local"
NETWORK = "docker:index/network:Network"
WORKSPACE = "workspace-"
"""Prefix of the names of stacks that open one workspace."""


def is_own(stack: str) -> bool:
    """True if a stack is this machine's: its file is copied from an example and ignored by git."""
    name = _bare(stack)
    return name == STACK or name.startswith(WORKSPACE)


def stack_file(stack: str) -> Path:
    """Settings of a stack, which are named without organization and project, as Pulumi names them."""
    return PROJECT / "stacks" / f"Pulumi.{_bare(stack)}.yaml"


def write_stack_file(stack: str, text: str) -> None:
    """Write a stack's settings whole or not at all, with the mode that they have. Raises SetupError.

    A link stays one: what it leads to is written.
    """
    file = stack_file(stack).resolve()
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with partial.open("wb") as stream:
            os.fchmod(stream.fileno(), stat.S_IMODE(file.stat().st_mode))
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
    except OSError as error:
        raise SetupError(f"{file} can't be written, and is as it was: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def _bare(stack: str) -> str:
    """Last part of a qualified name such as `organization/skycoin/fleet`."""
    return stack.rpartition("/")[2]


def own_stacks(layout: Layout) -> list[str]:
    """The machine's own stacks that hold anything."""
    there = [stack for stack in all_stacks(layout) if is_own(stack) and stack_file(stack).exists()]
    return sorted(stack for stack in there if _holds_anything(state_file(layout, stack)))


def _holds_anything(state: Path) -> bool:
    """Pulumi destroys an empty stack by running the program, and fails."""
    return bool(deployment(state).get("resources"))


def has_pending_creates(layout: Layout, stack: str) -> bool:
    """True if a killed run was creating something: every later run would warn of it."""
    state = state_file(layout, stack)
    return state.exists() and bool(deployment(state).get("pending_operations"))


def resources(layout: Layout, stack: str) -> list[dict[str, Any]]:
    """All resources in a stack's state; none where there is no such state."""
    state = state_file(layout, stack)
    found: list[dict[str, Any]] = (deployment(state).get("resources") or []) if state.exists() else []
    return found


def all_stacks(layout: Layout) -> list[str]:
    """Every stack that has a state on this set-up's backend, committed ones included."""
    return sorted(path.stem for path in state_file(layout, "*").parent.glob("*.json"))


def refuse_while_locked(layout: Layout, stack: str) -> None:
    """Raise SetupError where a pulumi that runs on this machine has the stack's lock (file backend)."""
    folder = layout.state / "backend" / ".pulumi" / "locks" / "organization" / "skycoin" / _bare(stack)
    for path in folder.glob("*.json"):
        try:
            holder = json.loads(path.read_text())
            os.kill(int(holder["pid"]), 0)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # given back, or left by one that was killed: pulumi says what to do then
        raise SetupError(
            f"pulumi (process {holder['pid']} of {holder.get('username', 'another user')}) is changing the "
            f"stack {stack}. Nothing was changed: wait for it to end, then run this again."
        )


def remove_setting(layout: Layout, stack: str, path: str, env: Mapping[str, str]) -> None:
    """Take one setting out of a stack's file; `path` is as `pulumi config rm --path` takes it."""
    command = ["pulumi", "config", "rm", path, "--path", "--stack", stack]
    run(command, log=layout.logs / "stack.log", env=env, cwd=PROJECT)


def deployment(state: Path) -> dict[str, Any]:
    """The deployment in a state file. Raises SetupError where the file is damaged."""
    try:
        found: dict[str, Any] = json.loads(state.read_text())["checkpoint"].get("latest") or {}
    except (ValueError, KeyError, TypeError):
        raise SetupError(
            f"The state {state} is damaged. Its last copy is next to it: cp {state}.bak {state}"
        ) from None
    return found


def state_file(layout: Layout, stack: str) -> Path:
    """State of a stack on the set-up's backend."""
    return layout.state / "backend" / ".pulumi" / "stacks" / "skycoin" / f"{_bare(stack)}.json"


def stack_config(stack: str = STACK) -> dict[str, Any]:
    """Configuration of one of this machine's stacks, empty where there is none yet.

    Raises SetupError where its file is no YAML, with the line.
    """
    file = stack_file(stack)
    if not file.exists():
        return {}
    try:
        with file.open() as stream:  # the error names the file then
            whole = yaml.safe_load(stream) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SetupError(f"{file.relative_to(PROJECT)} is no YAML: {error}") from None
    config = whole.get("config") or {} if isinstance(whole, dict) else None
    if not isinstance(config, dict):
        raise SetupError(f"{file.relative_to(PROJECT)}: `config:` with one line a setting is missing.")
    return config


def ensure_stack(
    layout: Layout, env: Mapping[str, str], machine: Mapping[str, str | None], stack: str = STACK
) -> None:
    """One of this machine's stacks: its settings file from the example, what is added to it, its state.

    A setting of `machine` that is None is removed.
    """
    file, example = stack_file(stack), "local" if stack == STACK else "workspace"
    with step(f"stack {stack}") as this:
        this.found = f"settings in {file.relative_to(PROJECT)}"
        if not file.exists():
            shutil.copyfile(PROJECT / "stacks" / f"{example}.example.yaml", file)
            this.found += f", made from stacks/{example}.example.yaml"
        log = layout.logs / "stack.log"
        if not state_file(layout, stack).exists():
            _without_salt(file)
            # A plain `pulumi up` goes on meaning the stack that it meant.
            quiet = ["--non-interactive", *([] if stack == STACK else ["--no-select"])]
            run(["pulumi", "stack", "init", stack, *quiet], log=log, env=env, cwd=PROJECT)
        config = stack_config(stack)
        changed = {path: value for path, value in machine.items() if _current(config, path) != value}
        given = [f"{path}={value}" for path, value in changed.items() if value is not None]
        commands = [["rm", path] for path, value in changed.items() if value is None]
        if given:
            commands.append(["set-all", *(part for pair in given for part in ("--plaintext", pair))])
        for name, *values in commands:
            config_command = ["pulumi", "config", name, "--stack", stack, "--path", *values]
            run(config_command, log=log, env=env, cwd=PROJECT)
        if changed:
            this.found += f", set {', '.join(sorted(changed))}"


def _without_salt(file: Path) -> None:
    """A salt of a state that is gone fits no new passphrase: pulumi would refuse to start."""
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith("encryptionsalt:")))


def _current(config: Mapping[str, Any], path: str) -> str | None:
    """The value at a path such as `a.b[0].c` as `pulumi config set --path` takes it, or None."""
    value: Any = config
    for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and index:
            value = value[int(index)] if int(index) < len(value) else None
        else:
            return None
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


@contextmanager
def aside(stack: str, text: str) -> Iterator[list[str]]:
    """Options that name another text in place of a stack's file; it is removed after the body."""
    with tempfile.TemporaryDirectory(prefix="skyinfra-") as folder:
        file = Path(folder) / stack_file(stack).name
        file.write_text(text)
        yield ["--config-file", str(file)]


@contextmanager
def copied_stack_file(stack: str) -> Iterator[list[str]]:
    """Options that name a copy of a stack's file, removed after the body; empty if there is no file.

    For an installed Pulumi, which writes a salt into the file that it is given, even for a preview.
    """
    file = stack_file(stack)
    if not file.exists():
        yield []
        return
    with aside(stack, file.read_text()) as options:
        yield options


def present_file(stack: str) -> Path:
    """A stack's file. Raises SetupError without one: Pulumi would take it for empty, and want nothing."""
    file = stack_file(stack)
    if not file.exists():
        raise SetupError(f"There is no stack {stack!r}: {file.relative_to(PROJECT)} does not exist.")
    return file


def with_stack_file(
    layout: Layout, stack: str, env: Mapping[str, str], action: Callable[[Sequence[str]], int]
) -> int:
    """Run a pulumi action with a stack's options.

    A committed stack's file is used as a copy: Pulumi writes a salt into it, even for a preview.
    """
    committed = present_file(stack)
    if is_own(stack):
        return action(["--stack", stack])
    copy = layout.state / "stacks" / committed.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(committed, copy)
    listed = output(["pulumi", "-C", str(PROJECT), "stack", "ls", "--json"], env=env)
    if listed is None:
        raise SetupError("pulumi does not answer: run `make up` first.")
    if _bare(stack) not in [entry["name"] for entry in json.loads(listed)]:
        init_aside(layout, stack, env)
    return action(["--stack", stack, "--config-file", str(copy)])


@contextmanager
def for_a_look(
    layout: Layout, stack: str, env: Mapping[str, str]
) -> Iterator[tuple[Sequence[str], Mapping[str, str]]]:
    """Options and environment of a preview, which leaves nothing behind.

    A stack without a state gets one on a copy of the backend, which is always removed after the
    body: Pulumi previews no stack without one. Stacks that it refers to are in the copy too.
    """
    committed = present_file(stack)
    with tempfile.TemporaryDirectory(dir=layout.state, prefix="look-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / committed.name
        shutil.copyfile(committed, copy)
        given = ["--stack", stack, *([] if is_own(stack) else ["--config-file", str(copy)])]
        if state_file(layout, stack).exists():
            yield given, env
            return
        if (backend := layout.state / "backend" / ".pulumi").exists():
            unread = shutil.ignore_patterns("*.bak", "backups", "history", "locks")
            shutil.copytree(backend, Path(folder) / ".pulumi", ignore=unread)
        aside = {**env, "PULUMI_BACKEND_URL": f"file://{folder}"}
        init_aside(layout, stack, aside)
        yield ["--stack", stack, "--config-file", str(copy)], aside


def init_aside(layout: Layout, stack: str, env: Mapping[str, str]) -> None:
    """Make a stack's state. It takes no --config-file, and would write a salt into the committed one."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(PROJECT / "Pulumi.yaml", Path(folder) / "Pulumi.yaml")
        # Not selected: a plain `pulumi up` must go on meaning the stack that it meant.
        init = ["pulumi", "stack", "init", stack, "--no-select", "--non-interactive"]
        run(init, log=layout.logs / "stack.log", env=env, cwd=Path(folder))
