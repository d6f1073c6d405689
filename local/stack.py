"""The stack `local` and the committed ones, as make's targets use them."""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from local.layout import PROJECT, Layout
from local.steps import SetupError, output, run, step

STACK = "local"


def stack_config(layout: Layout) -> dict[str, Any]:
    """Configuration of the stack `local`, empty where there is none yet."""
    if not layout.stack_file.exists():
        return {}
    config: dict[str, Any] = (yaml.safe_load(layout.stack_file.read_text()) or {}).get("config") or {}
    return config


def ensure_stack(layout: Layout, env: Mapping[str, str], machine: Mapping[str, str | None]) -> None:
    """The stack `local`: its settings file from the example, what this machine adds to it, its state.

    A setting of `machine` that is None is removed.
    """
    with step(f"stack {STACK}") as this:
        this.found = f"settings in {layout.stack_file.relative_to(PROJECT)}"
        if not layout.stack_file.exists():
            shutil.copyfile(PROJECT / "stacks" / "local.example.yaml", layout.stack_file)
            this.found += ", made from stacks/local.example.yaml"
        log = layout.logs / "stack.log"
        state_file = layout.state / "backend" / ".pulumi" / "stacks" / "skycoin" / f"{STACK}.json"
        if not state_file.exists():
            _without_salt(layout)
            run(["pulumi", "stack", "init", STACK, "--non-interactive"], log=log, env=env, cwd=PROJECT)
        config = stack_config(layout)
        changed = {path: value for path, value in machine.items() if _current(config, path) != value}
        given = [f"{path}={value}" for path, value in changed.items() if value is not None]
        commands = [["rm", path] for path, value in changed.items() if value is None]
        if given:
            commands.append(["set-all", *(part for pair in given for part in ("--plaintext", pair))])
        for name, *values in commands:
            config_command = ["pulumi", "config", name, "--stack", STACK, "--path", *values]
            run(config_command, log=log, env=env, cwd=PROJECT)
        if changed:
            this.found += f", set {', '.join(sorted(changed))}"


def _without_salt(layout: Layout) -> None:
    """A salt of a state that is gone fits no new passphrase: pulumi would refuse to start."""
    lines = layout.stack_file.read_text().splitlines(keepends=True)
    layout.stack_file.write_text("".join(line for line in lines if not line.startswith("encryptionsalt:")))


def _current(config: Mapping[str, Any], path: str) -> object:
    value: object = config
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def stack_outputs(env: Mapping[str, str]) -> dict[str, dict[str, dict[str, str]]]:
    """Outputs of the stack `local`. Raises SetupError where pulumi can't say them."""
    text = output(["pulumi", "-C", str(PROJECT), "stack", "output", "--json", "--stack", STACK], env=env)
    if text is None:
        raise SetupError("pulumi does not tell the stack's outputs: see `pulumi stack output`.")
    found: dict[str, dict[str, dict[str, str]]] = json.loads(text)
    return found


def with_stack_file(
    layout: Layout, stack: str, env: Mapping[str, str], action: Callable[[Sequence[str]], int]
) -> int:
    """Run a pulumi action with a stack's options.

    A committed stack's file is used as a copy: Pulumi writes a salt into it, even for a preview.
    """
    committed = PROJECT / "stacks" / f"Pulumi.{stack}.yaml"
    if not committed.exists():
        raise SetupError(f"There is no stack {stack!r}: {committed.relative_to(PROJECT)} does not exist.")
    if stack == STACK:
        return action(["--stack", stack])
    copy = layout.state / "stacks" / committed.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(committed, copy)
    listed = output(["pulumi", "-C", str(PROJECT), "stack", "ls", "--json"], env=env)
    if listed is None:
        raise SetupError("pulumi does not answer: run `make up` first.")
    if stack not in [entry["name"] for entry in json.loads(listed)]:
        init_aside(layout, stack, env)
    return action(["--stack", stack, "--config-file", str(copy)])


def init_aside(layout: Layout, stack: str, env: Mapping[str, str]) -> None:
    """Make a stack's state. It takes no --config-file, and would write a salt into the committed one."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(PROJECT / "Pulumi.yaml", Path(folder) / "Pulumi.yaml")
        # Not selected: a plain `pulumi up` must go on meaning the stack that it meant.
        init = ["pulumi", "stack", "init", stack, "--no-select", "--non-interactive"]
        run(init, log=layout.logs / "stack.log", env=env, cwd=Path(folder))
