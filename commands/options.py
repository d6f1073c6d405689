"""Options that several commands share, and the format of their help."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import click

from catalogue.stack_outputs import StackOutputs
from commands.backend import Backend, Choice, choose
from display.errors import UserError

MALFORMED = (ValueError, LookupError, TypeError, AttributeError, StopIteration)
"""Errors that occur when outputs do not have the form of this program's outputs."""
NO_OUTPUTS = "these are not the outputs of a stack of this program"

Function = TypeVar("Function", bound=Callable[..., Any])


def with_stack(function: Function) -> Function:
    """Add `--stack` and `--backend`."""
    return click.option(
        "-s",
        "--stack",
        metavar="NAME",
        help="Name of the stack. Default in a set-up: local (for a workspace: workspace-NAME); elsewhere: "
        "the selected stack.",
    )(with_backend(function))


def with_backend(function: Function) -> Function:
    """Add `--backend`."""
    return click.option(
        "--backend",
        type=click.Choice([choice.value for choice in Choice]),
        default=Choice.AUTO.value,
        envvar="SKYINFRA_BACKEND",
        callback=lambda _context, _option, value: Choice(value),
        help="Backend that has the stack. set-up: that of `make up`. pulumi: the one that Pulumi is logged "
        "in to. auto (default): the set-up of this checkout if there is one, unless PULUMI_BACKEND_URL "
        "names another backend.",
    )(function)


def chosen(stack: str | None, backend: Choice) -> tuple[Backend, str]:
    """Backend and stack for the values of the options of `with_stack`. Raises UserError."""
    selected = choose(backend)
    return selected, selected.stack(stack)


def with_outputs(function: Function) -> Function:
    """Add `--outputs`."""
    return click.option(
        "--outputs",
        type=click.File("rb"),
        help="Output of `pulumi stack output --json` to read, instead of asking Pulumi; - is standard input.",
    )(function)


def read_outputs(file: BinaryIO) -> StackOutputs:
    """Read a stack's outputs from a file. Raises UserError if it has none."""
    try:
        outputs = json.load(file)
    except (ValueError, RecursionError):
        outputs = None
    if not isinstance(outputs, dict):
        raise UserError("The input has no outputs: give it the output of `pulumi stack output --json`.")
    return cast("StackOutputs", outputs)


def folder(*names: str, help_text: str, default: Path) -> Callable[[Function], Function]:
    """Add an option whose value is a folder."""
    return click.option(
        *names,
        type=click.Path(file_okay=False, path_type=Path),
        default=default,
        show_default=True,
        help=help_text,
    )


def examples(*lines: str) -> str:
    """Epilog of a command's help: examples as they are typed, one on each line."""
    return "\b\n" + "\n".join(["Examples:", *(f"  {line}" for line in lines)])
