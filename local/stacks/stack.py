"""Stacks of a set-up: created, and run by pulumi without a change to committed files."""

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from catalogue.naming import bare_name
from local.machine.layout import PROJECT, Layout
from local.machine.steps import SetupError, output, run, step
from local.stacks.files import (
    STACK,
    is_own,
    present_file,
    stack_config,
    stack_file,
    stack_text,
    write_stack_file,
)
from local.stacks.states import state_file

_NO_FIT = "could not create secrets manager"
"""Part of Pulumi's error about a salt that does not fit the passphrase, or is damaged."""


def remove_setting(layout: Layout, stack: str, path: str, env: Mapping[str, str]) -> None:
    """Remove one setting from a stack's file; `path` has the form of `pulumi config rm --path`."""
    command = ["pulumi", "config", "rm", path, "--path", "--stack", stack]
    run(command, log=layout.logs / "stack.log", env=env, cwd=PROJECT)


def ensure_stack(
    layout: Layout, env: Mapping[str, str], machine: Mapping[str, str | None], stack: str = STACK
) -> None:
    """Create what one of this machine's stacks lacks: its settings file, from the example, and its state.

    The settings of `machine` are written into the file; those that are None are removed.
    """
    file, example = stack_file(stack), "local" if stack == STACK else "workspace"
    with step(f"stack {stack}") as this:
        this.found = f"settings in {file.relative_to(PROJECT)}"
        if not file.exists():
            shutil.copyfile(PROJECT / "stacks" / f"{example}.example.yaml", file)
            this.found += f", made from stacks/{example}.example.yaml"
        log = layout.logs / "stack.log"
        if not state_file(layout, stack).exists():
            _init(stack, env, log)
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


def _init(stack: str, env: Mapping[str, str], log: Path) -> None:
    """Create the state of one of this machine's stacks.

    A salt that a deleted state has left in the file is kept if it fits the passphrase, because encrypted
    settings in the file need it; otherwise it is removed.
    """
    # A plain `pulumi up` must keep its selected stack.
    quiet = ["--non-interactive", *([] if stack == STACK else ["--no-select"])]
    init = partial(run, ["pulumi", "stack", "init", stack, *quiet], log=log, env=env, cwd=PROJECT)
    try:
        init()
    except SetupError as error:
        if _NO_FIT not in str(error):
            raise
        _without_salt(stack)
        init()


def _without_salt(stack: str) -> None:
    """Remove a salt of another passphrase, with which pulumi creates no state."""
    text = stack_text(stack)
    kept = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("encryptionsalt:"))
    if kept != text:
        write_stack_file(stack, kept, text)


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
    if bare_name(stack) not in [entry["name"] for entry in json.loads(listed)]:
        init_aside(layout, stack, env)
    return action(["--stack", stack, "--config-file", str(copy)])


@contextmanager
def preview_copy(
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
    """Create a stack's state from a temporary folder.

    `pulumi stack init` has no --config-file, and would write a salt into the committed file.
    """
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(PROJECT / "Pulumi.yaml", Path(folder) / "Pulumi.yaml")
        # Not selected: a plain `pulumi up` must keep its selected stack.
        init = ["pulumi", "stack", "init", stack, "--no-select", "--non-interactive"]
        run(init, log=layout.logs / "stack.log", env=env, cwd=Path(folder))
