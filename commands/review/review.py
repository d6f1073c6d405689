"""`skyinfra review`: a stack's preview as a page of Markdown for a pull request."""

from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, TextIO

import click

from commands.backend import Choice
from commands.options import chosen, examples, with_stack
from commands.review.by_files import review_by_files
from commands.review.pages import SavedPage, StatePage
from commands.review.previews import Previewed, run_preview
from local.stacks.files import copied_stack_file, present_file, stack_config
from local.stacks.missing_nodes import refreshing, refuse_missing
from local.stacks.stack import preview_copy
from review.rulebook import rulebook

NO_PREVIEW = "The input is not a preview: give it the output of `pulumi preview --json --show-sames`."


@click.command(
    short_help="Show what `pulumi up` would change, as a page for a pull request.",
    epilog=examples(
        "./skyinfra review -s release",
        "./skyinfra review -s release > page.md",
        "./skyinfra review --base main",
        "./skyinfra review -s release --whole whole.md > page.md",
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
    "--refresh/--no-refresh", default=True, help="Read the state of hosts and registries first. Default: yes."
)
@click.option(
    "--details",
    "details_file",
    type=click.File("w", lazy=True),
    help="File to write for `apply --details`, which uses it to name the resources that differ.",
)
@click.option(
    "--whole",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write the page to without its limit of 60,000 characters.",
)
@click.option(
    "--base",
    metavar="REVISION",
    help="Compare stacks' files here with those at the merge base with this revision of git, without a "
    "state, an engine, a registry or a login. Without --stack: a page for each stack that differs.",
)
@click.option(
    "--head", metavar="REVISION", help="Revision with the changed files, instead of those here; with --base."
)
def review(
    stack: str | None,
    backend: Choice,
    saved: BinaryIO | None,
    refresh: bool,
    details_file: TextIO | None,
    base: str | None,
    head: str | None,
    whole: Path | None,
) -> int:
    """Print what `pulumi up` would rebuild, publish, restart and remove, as Markdown.

    Changes nothing, and leaves no stack behind. The page's first line gives the risk, as does the exit code:
    0 if it is safe or only restarts, 1 without a preview, 3 if `pulumi up` would be refused, and 5 if a
    wallet, a volume or something published could be lost, or a rule is broken. The page ends with the hash
    for `./skyinfra apply`.
    """
    if head is not None and base is None:
        raise click.UsageError("--head requires --base.")
    if base is not None:
        if saved is not None or details_file is not None:
            raise click.UsageError("--base can't be combined with --preview or --details.")
        return review_by_files(stack, base, head, rulebook(), whole)
    if saved is not None:
        name = stack or "of the preview"
        given = Previewed(text=saved.read(), failed=False, message=NO_PREVIEW)
        return SavedPage(stack=name, title=name, rules=rulebook()).print(given, whole)
    selected, name = chosen(stack, backend)
    page = StatePage(
        stack=name, title=name, rules=rulebook(), backend=selected, look=refresh, details_file=details_file
    )
    return _review_state(page, whole)


def _review_state(page: StatePage, whole: Path | None) -> int:
    """Preview a stack over its state, and print its page; return the exit code."""
    name, backend = page.stack, page.backend
    present_file(name)
    options = refreshing(name, backend.resources) if page.look else ()
    if backend.layout is None:
        stack_config(name)  # raises an error of YAML with its place; pulumi names neither
        with copied_stack_file(name) as file:
            return page.print(run_preview(name, ["--stack", name, *file, *options], backend.env), whole)
    refuse_missing(backend.layout, name)
    with preview_copy(backend.layout, name, backend.env) as (given_options, env):
        copied_page = replace(page, backend=replace(backend, env=env))
        return copied_page.print(run_preview(name, [*given_options, *options], env), whole)
