"""A page of a preview: its text, its exit code, and the facts that each kind of preview adds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import click

from catalogue.exit_codes import AT_RISK, FAILED, REFUSED
from clients.deployed_nodes import nodes_of
from commands.backend import Backend
from commands.known_vulnerabilities import with_vulnerabilities
from commands.review.previews import Previewed, approval_of
from display.errors import UserError
from display.progress import working
from local.machine.layout import read_layout
from local.stacks.files import stack_config, stack_file
from review.approval_words import details, ending, ending_without
from review.causes import Checkout
from review.changes import Changes, read_changes
from review.complete import IncompletePreviewError, PreviewError
from review.markdown import ENDLESS, LIMIT, page, page_without_preview
from review.published import with_presence
from review.published_modules import with_published_modules
from review.recipients import other_recipients
from review.risk import Level, risk_of
from review.rules import Rule, broken_rules, wanted
from review.setting_lines import SettingLines
from settings.places import read_stack_file
from wallets.backups.policy import rules_of
from wallets.backups.records import has_records, newest_backup, recorded

EXIT_CODES = {Level.SAFE: 0, Level.RESTARTS: 0, Level.AT_RISK: AT_RISK, Level.REFUSED: REFUSED}
SAVED = "A saved preview does not show which files it was created from: omit `--preview`."
STOPS = "`pulumi up` would stop."
UNREFRESHED = "Hosts and registries were not asked: leave out `--no-refresh`."
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, PreviewError)
"""Errors raised while something that is not a preview is read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RenderedPage:
    """A rendered page and its exit code."""

    text: str
    code: int
    """Exit code of `skyinfra review` for this page alone."""
    whole: str = ""
    """The page without a limit on its length, if a file was named for it."""
    reason: str = ""
    """Reason why there is no preview; otherwise empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Base class of pages; each subclass adds the facts that its kind of preview provides."""

    stack: str
    title: str
    rules: Sequence[Rule]
    is_foreign: bool = False
    """True if the reason for a failed preview may be untrusted text."""

    @property
    def checkout(self) -> Checkout:
        """Files of this checkout that the preview was created from."""
        return Checkout()

    @property
    def shows_sames(self) -> bool:
        """True if the preview must have the steps of unchanged resources."""
        return True

    def with_extra_facts(self, changes: Changes, preview: Any) -> Changes:
        """Add facts that are not in the preview."""
        raise NotImplementedError

    def backups(self) -> Iterable[Sequence[str]]:
        """(node, newest backup that this machine knows)."""
        return ()

    def last_lines(self, changes: Changes, preview: Any) -> str:
        """Last lines of the page."""
        raise NotImplementedError

    def render(self, done: Previewed, *, whole: str = "", limit: int = LIMIT) -> RenderedPage:
        """Render the page, with at most `limit` characters; `whole` names the file for its complete text."""
        try:
            preview = done.read()
            changes = self._changes(preview, failed=done.failed)
        except UNREADABLE as error:
            # If the preview failed, that is why something is missing.
            is_cut = isinstance(error, IncompletePreviewError) and not done.failed
            reason = str(error) if is_cut else done.message
            text = page_without_preview(self.title, reason, is_foreign=self.is_foreign)
            return RenderedPage(text=text, whole=text, code=FAILED, reason=reason)
        backups = () if done.failed else [*self.backups()]
        written = partial(page, stack=self.title, backups=backups, ending=self.last_lines(changes, preview))
        rebuilds = tuple(replace(rebuild, names_all=True) for rebuild in changes.rebuilds)
        return RenderedPage(
            text=written(changes, whole=whole, limit=limit),
            code=EXIT_CODES[risk_of(changes).level],
            whole=written(replace(changes, rebuilds=rebuilds), limit=ENDLESS) if whole else "",
        )

    def print(self, done: Previewed, whole: Path | None) -> int:
        """Print the page; return the exit code. Raises PreviewError if there is no preview."""
        made = self.render(done, whole=whole.name if whole else "")
        if made.reason:
            click.echo(made.text, nl=False)
            raise PreviewError(made.reason)
        if whole is not None:
            whole.write_text(made.whole, encoding="utf-8")
        click.echo(made.text, nl=False)
        return made.code

    def _changes(self, preview: Any, *, failed: bool) -> Changes:
        changes = read_changes(preview, self.checkout, shows_sames=self.shows_sames)
        if failed and not changes.faults:
            raise PreviewError("the preview failed without an error message")
        broken = broken_rules(wanted(preview), self.rules)
        return self.with_extra_facts(replace(changes, broken=broken), preview)


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedPage(Page):
    """A page of a saved preview, which may have been made from other files than those here."""

    @property
    def shows_sames(self) -> bool:
        """False: it may have been made without `--show-sames`, and the page says so."""
        return False

    def with_extra_facts(self, changes: Changes, preview: Any) -> Changes:
        """Add the modules of published images, without asking their stack."""
        return with_vulnerabilities(with_published_modules(changes, preview, None), read_layout())

    def last_lines(self, changes: Changes, preview: Any) -> str:
        """Explain why there is no hash."""
        return ending_without(SAVED)


@dataclass(frozen=True, kw_only=True, slots=True)
class StatePage(Page):
    """A page of a preview that was made here, from the stack's state."""

    backend: Backend
    look: bool
    """True if hosts and registries are asked."""
    details_file: TextIO | None = None

    @property
    def checkout(self) -> Checkout:
        """Files of this checkout."""
        return Checkout(SettingLines(read_stack_file(stack_file(self.stack))), has_files=True)

    def with_extra_facts(self, changes: Changes, preview: Any) -> Changes:
        """Add recipients of backups, modules of images, vulnerabilities, and the presence of tags."""
        if not changes.faults:
            recipients = rules_of(stack_config(self.stack)).recipients
            come_and_gone = other_recipients(preview, recipients)
            changes = replace(changes, warnings=(*come_and_gone, *changes.warnings))
        changes = with_published_modules(changes, preview, self.backend.outputs)
        changes = with_vulnerabilities(changes, read_layout())
        return with_presence(changes) if self.look else changes

    def backups(self) -> Iterable[Sequence[str]]:
        """List the newest backup of each node."""
        return _backups(self.stack, self.backend)

    def last_lines(self, changes: Changes, preview: Any) -> str:
        """Name the hash, or the reason why there is none."""
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
    rules, backups = rules_of(stack_config(stack)), []
    limit = rules.backup_age
    if limit is None and not has_records(backend.backup_records, stack):
        return []
    for name, node in sorted(nodes_of(stack, backend.resources(stack)).items()):
        description, falls_short = newest_backup(backend.backup_records, node, limit, rules.recipients)
        if falls_short or recorded(backend.backup_records, node):
            backups.append((name, f"**{description}**" if falls_short else description))
    return backups
