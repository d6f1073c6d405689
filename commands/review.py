"""`skyinfra review`: a stack's preview as a page of Markdown for a pull request."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import click

from commands.backend import Backend, Choice
from commands.exit_codes import REFUSED
from commands.options import chosen, examples, with_stack
from display.progress import working
from local.layout import PROJECT
from local.missing_nodes import refuse_missing
from local.stack import with_stack_file
from review.changes import PreviewError, read_changes
from review.markdown import page


@click.command(
    short_help="Print the page of a pull request.",
    epilog=examples(
        "skyinfra review -s release",
        "skyinfra review -s release > page.md",
        "pulumi preview --json -s mine | skyinfra review -s mine --preview -",
    ),
)
@with_stack
@click.option(
    "--preview",
    "saved",
    type=click.File(),
    help="Output of `pulumi preview --json` to read, instead of running it; - is standard input.",
)
@click.option(
    "--refresh/--no-refresh", default=True, help="Look at hosts and registries first. Default: yes."
)
def review(stack: str | None, backend: Choice, saved: TextIO | None, refresh: bool) -> int:
    """Print what `pulumi up` would rebuild, publish, restart and remove, as Markdown.

    Changes nothing. The exit code is 3 where `pulumi up` would be refused; the page then says why.
    """
    if saved is not None:
        title = stack or "of the preview"
        said = "The input is no preview: give it what `pulumi preview --json` prints"
        return _print_page(saved.read(), title, said)
    found, name = chosen(stack, backend)
    options = ["--refresh", "--run-program"] if refresh else []
    if found.layout is None:
        return _preview(name, ["--stack", name, *options], found)
    refuse_missing(found.layout, name)
    return with_stack_file(
        found.layout, name, found.env, lambda file: _preview(name, [*file, *options], found)
    )


def _preview(stack: str, options: Sequence[str], backend: Backend) -> int:
    command = ["pulumi", "preview", "--json", *options]
    with working(f"preview of the stack {stack}"):
        done = subprocess.run(
            command,
            env={**os.environ, **backend.env},
            cwd=PROJECT,
            text=True,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    return _print_page(done.stdout, stack, f"`{' '.join(command)}` printed no preview: see above")


def _print_page(text: str, stack: str, said: str) -> int:
    """Print the page of a preview; the exit code. Raises PreviewError that says `said` where it is none."""
    try:
        preview: Mapping[str, Any] = json.loads(text)
        changes = read_changes(preview)
    except (ValueError, KeyError, TypeError, PreviewError):
        raise PreviewError(f"{said}.") from None
    click.echo(page(changes, stack), nl=False)
    return REFUSED if changes.faults else 0
