"""`skyinfra review`: a stack's preview as a page of Markdown for a pull request."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, BinaryIO

import click

from clients.git import guarded
from commands.backend import Backend, Choice
from commands.exit_codes import AT_RISK, REFUSED
from commands.options import chosen, examples, with_stack
from display.progress import working
from local.layout import PROJECT
from local.missing_nodes import refuse_missing
from local.stack import copied_stack_file, for_a_look, stack_config
from review.changes import Changes, PreviewError, read_changes
from review.markdown import page, page_without_preview
from review.published import with_presence
from review.risk import Level, risk_of
from wallets.nodes import nodes_of
from wallets.policy import rules_of
from wallets.records import has_records, newest_backup, recorded

EXIT_CODES = {Level.SAFE: 0, Level.RESTARTS: 0, Level.AT_RISK: AT_RISK, Level.REFUSED: REFUSED}


@click.command(
    short_help="Print the page of a pull request.",
    epilog=examples(
        "./skyinfra review -s release",
        "./skyinfra review -s release > page.md",
        "pulumi preview --json --show-sames -s mine | ./skyinfra review -s mine --preview -",
    ),
)
@with_stack
@click.option(
    "--preview",
    "saved",
    type=click.File("rb"),
    help="Output of `pulumi preview --json --show-sames` to read instead of running it; - is standard input.",
)
@click.option(
    "--refresh/--no-refresh", default=True, help="Look at hosts and registries first. Default: yes."
)
def review(stack: str | None, backend: Choice, saved: BinaryIO | None, refresh: bool) -> int:
    """Print what `pulumi up` would rebuild, publish, restart and remove, as Markdown.

    Changes nothing, and leaves no stack behind. The page's first line says the risk, and the exit code: 0
    where it is safe or only restarts, 1 without a preview, 3 where `pulumi up` would be refused, and 5 where
    a wallet, a volume or something published could be lost.
    """
    if saved is not None:
        said = "The input is no preview: give it what `pulumi preview --json --show-sames` prints."
        return _print_page(saved.read(), stack or "of the preview", said)
    found, name = chosen(stack, backend)
    options = ["--refresh", "--run-program"] if refresh else []
    if found.layout is None:
        stack_config(name)  # says where it is no YAML; pulumi names neither the file nor the right line
        with copied_stack_file(name) as file:
            return _preview(name, ["--stack", name, *file, *options], found, look=refresh)
    refuse_missing(found.layout, name)
    with for_a_look(found.layout, name, found.env) as (given, env):
        return _preview(name, [*given, *options], replace(found, env=env), look=refresh)


def _preview(stack: str, options: Sequence[str], backend: Backend, *, look: bool) -> int:
    command = ["pulumi", "preview", "--json", "--show-sames", *options]
    with working(f"preview of the stack {stack}"):
        done = subprocess.run(
            command,
            # Pulumi looks at the checkout with git too.
            env=guarded({**os.environ, **backend.env}),
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    outcome = f"failed with exit code {done.returncode}" if done.returncode else "printed no preview"
    said = f"`{' '.join(command)}` {outcome}: its messages say why."
    failed = done.returncode != 0
    return _print_page(
        done.stdout,
        stack,
        said,
        failed=failed,
        look=look,
        backups=() if failed else _backups(stack, backend),
    )


def _backups(stack: str, backend: Backend) -> list[tuple[str, str]]:
    """Nodes with the newest backup that this machine knows; those of which it knows none only if it must."""
    limit, found = rules_of(stack_config(stack)).backup_age, []
    if limit is None and not has_records(backend.backup_records, stack):
        return []
    for name, node in sorted(nodes_of(stack, backend.resources(stack)).items()):
        said, falls_short = newest_backup(backend.backup_records, node, limit)
        if falls_short or recorded(backend.backup_records, node):
            found.append((name, f"**{said}**" if falls_short else said))
    return found


def _print_page(
    text: bytes,
    stack: str,
    said: str,
    *,
    failed: bool = False,
    look: bool = False,
    backups: Sequence[tuple[str, str]] = (),
) -> int:
    """Print the page of a preview, with a look at registries where that is asked for; the exit code.

    Where it is none, or Pulumi failed without a fault, the page says `said`. Raises PreviewError.
    """
    try:
        changes = _changes(json.loads(text), failed=failed, look=look)
    except (ValueError, LookupError, TypeError, AttributeError, PreviewError):
        click.echo(page_without_preview(stack, said), nl=False)
        raise PreviewError(said) from None
    click.echo(page(changes, stack, backups), nl=False)
    return EXIT_CODES[risk_of(changes).level]


def _changes(preview: Any, *, failed: bool, look: bool) -> Changes:
    changes = read_changes(preview)
    if failed and not changes.faults:
        raise PreviewError("it failed, and has no fault")
    return with_presence(changes) if look else changes
