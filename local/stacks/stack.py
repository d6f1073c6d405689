"""The machine's own stacks (`local`, and one per opened workspace) and the committed ones."""

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

from local.machine.layout import PROJECT, Layout
from local.machine.steps import SetupError, output, run, step

STACK = "local"
NETWORK = "docker:index/network:Network"
WORKSPACE = "workspace-"
"""Prefix of the names of stacks that open one workspace."""


def is_own(stack: str) -> bool:
    """True for a stack of this machine, whose file is copied from an example and ignored by git."""
    name = _bare(stack)
    return name == STACK or name.startswith(WORKSPACE)


def stack_file(stack: str) -> Path:
    """Settings file of a stack; like Pulumi, without organization and project in its name."""
    return PROJECT / "stacks" / f"Pulumi.{_bare(stack)}.yaml"


def stack_text(stack: str) -> str:
    """Text of a stack's settings file, with its line endings as they are."""
    return stack_file(stack).read_bytes().decode()


def refuse_edited(stack: str, before: str) -> None:
    """Raise SetupError if a stack's settings file no longer has the text that was read before."""
    if stack_file(stack).read_bytes() != before.encode():
        raise SetupError(
            f"{stack_file(stack)} was edited since this command read it, and was not changed. Run the same "
            "command again, which starts with the edited file."
        )


def write_stack_file(stack: str, text: str, before: str) -> None:
    """Write a stack's settings completely or not at all, keeping the mode.

    A symbolic link is kept; its target is written. Raises SetupError, also if the file was edited since
    `before` was read.
    """
    file = stack_file(stack).resolve()
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with partial.open("wb") as stream:
            os.fchmod(stream.fileno(), stat.S_IMODE(file.stat().st_mode))
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())
        refuse_edited(stack, before)
        partial.replace(file)
    except OSError as error:
        raise SetupError(f"{file} can't be written, and is unchanged: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def _bare(stack: str) -> str:
    """Last part of a qualified name such as `organization/skycoin/fleet`."""
    return stack.rpartition("/")[2]


def own_stacks(layout: Layout) -> list[str]:
    """The machine's own stacks that have resources."""
    existing = [stack for stack in all_stacks(layout) if is_own(stack) and stack_file(stack).exists()]
    return sorted(stack for stack in existing if _holds_anything(state_file(layout, stack)))


def _holds_anything(state: Path) -> bool:
    """True if a state has resources: to destroy an empty stack, Pulumi runs the program, and fails."""
    return bool(deployment(state).get("resources"))


def has_pending_creates(layout: Layout, stack: str) -> bool:
    """True if a killed run was creating something, about which every later run would warn."""
    state = state_file(layout, stack)
    return state.exists() and bool(deployment(state).get("pending_operations"))


def resources(layout: Layout, stack: str) -> list[dict[str, Any]]:
    """All resources in a stack's state; empty if it has no state."""
    state = state_file(layout, stack)
    listed: list[dict[str, Any]] = (deployment(state).get("resources") or []) if state.exists() else []
    return listed


def all_stacks(layout: Layout) -> list[str]:
    """Every stack with a state on this set-up's backend, committed ones included."""
    return sorted(path.stem for path in state_file(layout, "*").parent.glob("*.json"))


def refuse_while_locked(layout: Layout, stack: str) -> None:
    """Raise SetupError if a pulumi running on this machine holds the stack's lock (file backend)."""
    folder = layout.state / "backend" / ".pulumi" / "locks" / "organization" / "skycoin" / _bare(stack)
    for path in folder.glob("*.json"):
        try:
            holder = json.loads(path.read_text())
            os.kill(int(holder["pid"]), 0)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # released, or left by a killed run: pulumi then explains what to do
        raise SetupError(
            f"pulumi (process {holder['pid']} of {holder.get('username', 'another user')}) is changing the "
            f"stack {stack}. Nothing was changed: wait for it to end, then run this again."
        )


def remove_setting(layout: Layout, stack: str, path: str, env: Mapping[str, str]) -> None:
    """Remove one setting from a stack's file; `path` has the form of `pulumi config rm --path`."""
    command = ["pulumi", "config", "rm", path, "--path", "--stack", stack]
    run(command, log=layout.logs / "stack.log", env=env, cwd=PROJECT)


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
    """State file of a stack on the set-up's backend."""
    return layout.state / "backend" / ".pulumi" / "stacks" / "skycoin" / f"{_bare(stack)}.json"


def stack_config(stack: str = STACK) -> dict[str, Any]:
    """Configuration of one of this machine's stacks; empty if it does not exist yet.

    Raises SetupError with the line if its file is not YAML.
    """
    file = stack_file(stack)
    if not file.exists():
        return {}
    try:
        with file.open() as stream:  # the error then names the file
            whole = yaml.safe_load(stream) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SetupError(f"{file.relative_to(PROJECT)} is not valid YAML: {error}") from None
    config = whole.get("config") or {} if isinstance(whole, dict) else None
    if not isinstance(config, dict):
        raise SetupError(f"{file.relative_to(PROJECT)}: `config:` with one line for each setting is missing.")
    return config


def ensure_stack(
    layout: Layout, env: Mapping[str, str], machine: Mapping[str, str | None], stack: str = STACK
) -> None:
    """Create one of this machine's stacks: its settings file, from the example and `machine`, and its state.

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
            # A plain `pulumi up` must keep its selected stack.
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
    """Remove a salt of a deleted state: it fits no new passphrase, and pulumi would refuse to start."""
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith("encryptionsalt:")))


def _current(config: Mapping[str, Any], path: str) -> str | None:
    """Value at a path such as `a.b[0].c`, in the form of `pulumi config set --path`; None if missing."""
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
    """Yield options of pulumi to use another text as a stack's file, from a temporary file."""
    with tempfile.TemporaryDirectory(prefix="skyinfra-") as folder:
        file = Path(folder) / stack_file(stack).name
        file.write_text(text)
        yield ["--config-file", str(file)]


@contextmanager
def copied_stack_file(stack: str) -> Iterator[list[str]]:
    """Yield options of pulumi to use a temporary copy of a stack's file; none if there is no file.

    An installed Pulumi writes a salt into the given file, even for a preview.
    """
    file = stack_file(stack)
    if not file.exists():
        yield []
        return
    with aside(stack, file.read_text()) as options:
        yield options


def present_file(stack: str) -> Path:
    """A stack's existing file.

    Raises SetupError without one, since Pulumi would treat it as empty and delete everything.
    """
    file = stack_file(stack)
    if not file.exists():
        raise SetupError(f"There is no stack {stack!r}: {file.relative_to(PROJECT)} does not exist.")
    return file


def with_stack_file(
    layout: Layout, stack: str, env: Mapping[str, str], action: Callable[[Sequence[str]], int]
) -> int:
    """Run a pulumi action with a stack's options.

    For a committed stack a copy of its file is used, because Pulumi writes a salt into it, even for a
    preview.
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
    """Options and environment for a preview, which leaves nothing behind.

    Pulumi previews no stack without a state, so such a stack gets one in a copy of the backend, together with
    the stacks that it refers to. The copy is always removed after the body.
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
    """Create a stack's state.

    The command has no --config-file, and would write a salt into the committed file.
    """
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(PROJECT / "Pulumi.yaml", Path(folder) / "Pulumi.yaml")
        # Not selected: a plain `pulumi up` must keep its selected stack.
        init = ["pulumi", "stack", "init", stack, "--no-select", "--non-interactive"]
        run(init, log=layout.logs / "stack.log", env=env, cwd=Path(folder))
