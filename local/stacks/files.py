"""Settings files of stacks: the machine's own (`local`, and one per opened workspace), and committed ones."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from catalogue.naming import bare_name
from display.command_lines import DEFAULT_STACK
from local.machine.layout import PROJECT
from local.machine.steps import SetupError
from settings.places import yaml_fault
from settings.pulumi_yaml import YamlMismatchError, pulumi_values

STACK = DEFAULT_STACK
WORKSPACE = "workspace-"
"""Prefix of the names of stacks that open one workspace."""


def is_own(stack: str) -> bool:
    """True for a stack of this machine, whose file is copied from an example and ignored by git."""
    name = bare_name(stack)
    return name == STACK or name.startswith(WORKSPACE)


def stack_file(stack: str) -> Path:
    """Settings file of a stack; like Pulumi, without organization and project in its name."""
    return PROJECT / "stacks" / f"Pulumi.{bare_name(stack)}.yaml"


def stack_text(stack: str) -> str:
    """Text of a stack's settings file, with its line endings; raises SetupError if it is not UTF-8."""
    file = stack_file(stack)
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise SetupError(f"{file.relative_to(PROJECT)} is not valid YAML: {error}") from None


def refuse_edited(stack: str, before: str) -> None:
    """Raise SetupError if a stack's settings file no longer has the text that was read before."""
    if stack_file(stack).read_bytes() != before.encode():
        raise SetupError(
            f"{stack_file(stack)} was edited since this command read it, and was not changed. Run the same "
            "command again, which starts with the edited file."
        )


def write_stack_file(stack: str, text: str, before: str) -> None:
    """Write a stack's settings completely or not at all, keeping the mode.

    A symbolic link is kept; its target is written. Raises SetupError if that fails, or if the file
    was edited since `before` was read.
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


def stack_config(stack: str = STACK) -> dict[str, Any]:
    """Configuration in a stack's file; empty if there is no file.

    Raises SetupError, with the line, if Pulumi would not read the file, or would read it differently.
    """
    return config_in(stack, stack_text(stack)) if stack_file(stack).exists() else {}


def config_in(stack: str, text: str) -> dict[str, Any]:
    """Configuration in a text of a stack's file. Raises SetupError as `stack_config` does."""
    name = stack_file(stack).relative_to(PROJECT)
    try:
        whole = pulumi_values(text) or {}
    except YamlMismatchError as error:
        raise SetupError(f"{name}: {error}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise SetupError(yaml_fault(str(name), text, error)) from None
    config = whole.get("config") or {} if isinstance(whole, dict) else None
    if not isinstance(config, dict):
        raise SetupError(f"{name} has no mapping `config:`, which contains the settings.")
    return config


@contextmanager
def temporary_stack_file(stack: str, text: str) -> Iterator[list[str]]:
    """Yield options with which pulumi uses another text as a stack's file, from a temporary file."""
    with tempfile.TemporaryDirectory(prefix="skyinfra-") as folder:
        file = Path(folder) / stack_file(stack).name
        file.write_text(text)
        yield ["--config-file", str(file)]


@contextmanager
def copied_stack_file(stack: str) -> Iterator[list[str]]:
    """Yield options with which pulumi uses a temporary copy of a stack's file; none if there is no file.

    Pulumi writes a salt into the given file, even for a preview. Raises SetupError if it is not UTF-8.
    """
    if not stack_file(stack).exists():
        yield []
        return
    with temporary_stack_file(stack, stack_text(stack)) as options:
        yield options


def present_file(stack: str) -> Path:
    """A stack's existing file.

    Raises SetupError without one, since Pulumi would treat it as empty and delete everything.
    """
    file = stack_file(stack)
    if not file.exists():
        raise SetupError(f"There is no stack {stack!r}: {file.relative_to(PROJECT)} does not exist.")
    return file
