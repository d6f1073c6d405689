"""`skyinfra review`: a stack's preview as a page of Markdown for a pull request."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import click

from commands.backend import Backend, Choice
from commands.by_files import ByFiles, preview_by_files
from commands.exit_codes import AT_RISK, REFUSED
from commands.known_vulnerabilities import with_vulnerabilities
from commands.options import chosen, examples, with_stack
from commands.previews import REFRESHED, Previewed, approval_of, run_preview
from display.errors import UserError
from display.progress import working
from local.layout import read_layout
from local.missing_nodes import refuse_missing
from local.stack import copied_stack_file, for_a_look, present_file, stack_config, stack_file
from review.approval_words import details, ending, ending_without
from review.causes import Checkout
from review.changes import Changes, PreviewError, read_changes
from review.markdown import ENDLESS, page, page_without_preview
from review.published import with_presence
from review.published_modules import with_published_modules
from review.risk import Level, risk_of
from review.rulebook import rulebook
from review.rules import Rule, broken_rules, wanted
from review.setting_lines import SettingLines
from settings.places import read_stack_file
from wallets.nodes import nodes_of
from wallets.policy import rules_of
from wallets.records import has_records, newest_backup, recorded

EXIT_CODES = {Level.SAFE: 0, Level.RESTARTS: 0, Level.AT_RISK: AT_RISK, Level.REFUSED: REFUSED}
SAVED = "A preview that was saved does not say what it was made from: leave out `--preview`."
STOPS = "`pulumi up` would stop."
UNREFRESHED = "Hosts and registries were not asked: leave out `--no-refresh`."


@click.command(
    short_help="Print the page of a pull request.",
    epilog=examples(
        "./skyinfra review -s release",
        "./skyinfra review -s release > page.md",
        "./skyinfra review -s release --base main",
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
    "--refresh/--no-refresh", default=True, help="Look at hosts and registries first. Default: yes."
)
@click.option(
    "--details",
    "details_file",
    type=click.File("w", lazy=True),
    help="File to write for `apply --details`, which then names resources that differ.",
)
@click.option(
    "--whole",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write for the page without its limit of 60,000 characters.",
)
@click.option(
    "--base",
    metavar="REVISION",
    help="Compare the stack's file in this revision of git with the one here, without a state, an engine, a "
    "registry or a login.",
)
@click.option(
    "--head", metavar="REVISION", help="Revision with the changed file, instead of the one here; with --base."
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

    Changes nothing, and leaves no stack behind. The page's first line says the risk, as does the exit code: 0
    if it is safe or only restarts, 1 without a preview, 3 if `pulumi up` would be refused, and 5 if a wallet,
    a volume or something published could be lost, or a rule does not hold. The page ends with the hash for
    `./skyinfra apply`.
    """
    if head is not None and base is None:
        raise click.UsageError("--head is the other side of --base: give both.")
    rules = rulebook()
    if base is not None:
        if stack is None or saved is not None:
            raise click.UsageError("--base needs --stack, and no --preview.")
        if details_file is not None:
            raise click.UsageError("A page by files alone has no hash: --details has nothing to name.")
        by_files = preview_by_files(stack, base, head)
        return _Page(f"{stack}, by its files alone", rules, whole=whole, by_files=by_files).print(
            by_files.previewed
        )
    if saved is not None:
        said = "The input is not a preview: give it what `pulumi preview --json --show-sames` prints."
        given = Previewed(text=saved.read(), failed=False, said=said)
        return _Page(stack or "of the preview", rules, whole=whole).print(given)
    found, name = chosen(stack, backend)
    options = REFRESHED if refresh else ()
    present_file(name)
    page_of = _Page(name, rules, found, look=refresh, details_file=details_file, whole=whole)
    if found.layout is None:
        stack_config(name)  # raises an error of YAML with its place; pulumi names neither
        with copied_stack_file(name) as file:
            return page_of.print(run_preview(name, ["--stack", name, *file, *options], found.env))
    refuse_missing(found.layout, name)
    with for_a_look(found.layout, name, found.env) as (given_options, env):
        there = replace(page_of, backend=replace(found, env=env))
        return there.print(run_preview(name, [*given_options, *options], env))


@dataclass(frozen=True, slots=True)
class _Page:
    """Page of a stack or, without a backend, of a saved preview or of files alone."""

    stack: str
    rules: Sequence[Rule]
    backend: Backend | None = None
    look: bool = False
    """True if hosts and registries are asked."""
    details_file: TextIO | None = None
    by_files: ByFiles | None = None
    whole: Path | None = None
    """File for the page without a limit on its length."""

    def print(self, done: Previewed) -> int:
        """Print the page; returns the exit code.

        Raises PreviewError if there is no preview, or Pulumi failed without an error; the page then says so.
        """
        try:
            preview = done.read()
            changes = self._changes(preview, failed=done.failed)
        except (ValueError, LookupError, TypeError, AttributeError, PreviewError):
            foreign = self.by_files is not None
            click.echo(page_without_preview(self.stack, done.said, is_foreign=foreign), nl=False)
            raise PreviewError(done.said) from None
        backups = () if done.failed or self.backend is None else _backups(self.stack, self.backend)
        made = partial(page, stack=self.stack, backups=backups, ending=self._ending(changes, preview))
        if self.whole is not None:
            rebuilds = tuple(replace(one, names_all=True) for one in changes.rebuilds)
            everything = made(replace(changes, rebuilds=rebuilds), limit=ENDLESS)
            self.whole.write_text(everything, encoding="utf-8")
        click.echo(made(changes, whole=self.whole.name if self.whole else ""), nl=False)
        return EXIT_CODES[risk_of(changes).level]

    def _changes(self, preview: Any, *, failed: bool) -> Changes:
        changes = read_changes(preview, self._checkout)
        if failed and not changes.faults:
            raise PreviewError("it failed, and has no fault")
        changes = replace(changes, broken=broken_rules(wanted(preview), self.rules))
        if self.by_files is not None:
            return replace(changes, unjudged=self.by_files.unjudged)
        changes = with_published_modules(changes, preview, self.backend.outputs if self.backend else None)
        changes = with_vulnerabilities(changes, read_layout())
        return with_presence(changes) if self.look else changes

    @property
    def _checkout(self) -> Checkout:
        """Files of this checkout; a saved preview gets none, as it may have been made from others."""
        if self.by_files is not None:
            return Checkout(SettingLines(self.by_files.file))
        if self.backend is None:
            return Checkout()
        return Checkout(SettingLines(read_stack_file(stack_file(self.stack))), has_files=True)

    def _ending(self, changes: Changes, preview: Any) -> str:
        if self.backend is None:
            return ending_without(self.by_files.said if self.by_files else SAVED)
        if changes.faults:
            return ending_without(STOPS)
        if not self.look:
            return ending_without(UNREFRESHED)
        try:
            with working("the hash of the review"):
                approval = approval_of(self.stack, self.backend, preview, changes)
        except UserError as error:
            return ending_without(str(error))
        if self.details_file is not None:
            self.details_file.write(details(approval))
        return ending(self.stack, approval.token)


def _backups(stack: str, backend: Backend) -> list[tuple[str, str]]:
    """(node, newest backup that this machine knows); nodes without one only if the stack limits the age."""
    limit, found = rules_of(stack_config(stack)).backup_age, []
    if limit is None and not has_records(backend.backup_records, stack):
        return []
    for name, node in sorted(nodes_of(stack, backend.resources(stack)).items()):
        said, falls_short = newest_backup(backend.backup_records, node, limit)
        if falls_short or recorded(backend.backup_records, node):
            found.append((name, f"**{said}**" if falls_short else said))
    return found
