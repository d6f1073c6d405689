"""Options that several commands take, and the form of their help."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click

from commands.backend import Backend, Choice, choose
from display.errors import UserError

MALFORMED = (ValueError, LookupError, TypeError, AttributeError, StopIteration)
"""Errors of reading outputs that have another form than this program's."""
NO_OUTPUTS = "these are not the outputs of a stack of this program"

Function = TypeVar("Function", bound=Callable[..., Any])


def with_stack(function: Function) -> Function:
    """Add `--stack` and `--backend`."""
    stack = click.option(
        "-s",
        "--stack",
        metavar="NAME",
        help="Stack. Default: that of the set-up, or the one that `pulumi stack select` chose.",
    )
    backend = click.option(
        "--backend",
        type=click.Choice([choice.value for choice in Choice]),
        default=Choice.AUTO.value,
        envvar="SKYINFRA_BACKEND",
        callback=lambda _context, _option, value: Choice(value),
        help="Where the stack's state is: in the set-up of `make up`, or where `pulumi login` says. Default: "
        "in the set-up, if there is one and PULUMI_BACKEND_URL names no other.",
    )
    return stack(backend(function))


def chosen(stack: str | None, backend: Choice, default: str = "local") -> tuple[Backend, str]:
    """Backend and stack that the options of `with_stack` name. Raises UserError."""
    found = choose(backend)
    return found, found.stack(stack, default)


def with_outputs(function: Function) -> Function:
    """Add `--outputs`."""
    return click.option(
        "--outputs",
        type=click.File("rb"),
        help="Output of `pulumi stack output --json` to read, instead of asking Pulumi; - is standard input.",
    )(function)


def read_outputs(file: BinaryIO) -> dict[str, Any]:
    """Outputs of a stack from a file. Raises UserError where it has none."""
    try:
        outputs = json.load(file)
    except ValueError:
        outputs = None
    if not isinstance(outputs, dict):
        raise UserError("The input has no outputs: give it what `pulumi stack output --json` prints.")
    return outputs


def folder(*names: str, help_text: str, default: Path) -> Callable[[Function], Function]:
    """Add an option that takes a folder."""
    return click.option(
        *names,
        type=click.Path(file_okay=False, path_type=Path),
        default=default,
        show_default=True,
        help=help_text,
    )


def examples(*lines: str) -> str:
    """Epilog of a command: examples as they are typed, a line each."""
    return "\b\n" + "\n".join(["Examples:", *(f"  {line}" for line in lines)])
