"""`skyinfra apply`: an update that does exactly what a review showed, or nothing."""

import contextlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from catalogue.exit_codes import FAILED, OTHER
from clients.errors import ServiceError
from clients.git import guarded
from clients.pulumi import updates
from commands.backend import Backend, Choice
from commands.options import chosen, examples, with_stack
from commands.review.previews import NEUTRAL_ENV, approval_of, clean_tree, run_preview
from display.errors import UserError
from display.markdown import few
from local.pulumi.command import update
from local.stacks.files import copied_stack_file, stack_config
from local.stacks.missing_nodes import refreshing, refuse_missing
from local.stacks.stack import preview_copy, with_stack_file
from local.stacks.states import state_file
from review.approval import LENGTH, Items, Part, is_token
from review.approval_words import applied_before, differences, read_details, refusal
from review.changes import read_changes
from review.complete import IncompletePreviewError
from review.published import with_presence
from review.working_copies import changed_copies


@click.command(
    short_help="Make exactly the reviewed changes, or none.",
    epilog=examples(
        "./skyinfra apply -s release --review HASH",
        "./skyinfra apply -s release --review HASH --details review.json",
    ),
)
@with_stack
@click.option("--review", "token", metavar="HASH", required=True, help="Hash at the end of the page.")
@click.option(
    "--details",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File written by `review --details`, to name the resources that differ.",
)
def apply(stack: str | None, backend: Choice, token: str, details: Path | None) -> int:
    """Update a stack if a new preview shows exactly what the review with this hash showed.

    It compares the stack's file, the project's tree, all steps and options, the state, what is on hosts
    and in registries, and Pulumi's versions. If one differs, it is named, nothing is changed, and the
    exit code is 6. It does not ask for an answer, because the review was approved.
    """
    token = token.strip()
    if not is_token(token):
        raise click.BadParameter(
            f"a review's hash has {LENGTH} hexadecimal digits, and this one has {len(token)} characters."
            if len(token) != LENGTH
            else "a review's hash has only hexadecimal digits.",
            param_hint="--review",
        )
    known = None if details is None else read_details(details.read_bytes(), token)
    selected, name = chosen(stack, backend)
    with selected.changing(name, "apply"):
        return _Apply(selected, name, token, known).run()


@dataclass(frozen=True, slots=True)
class _Apply:
    """Application of one review to a stack."""

    backend: Backend
    stack: str
    token: str
    known: Mapping[Part, Items] | None

    def run(self) -> int:
        """Apply the review; return the exit code."""
        layout = self.backend.layout
        if layout is None:
            stack_config(self.stack)  # raises an error of YAML with its place
            refresh = refreshing(self.stack, self.backend.resources)
            with copied_stack_file(self.stack) as file:
                return self._applied(["--stack", self.stack, *file, *refresh])
        refuse_missing(layout, self.stack)
        refresh = refreshing(self.stack, self.backend.resources)
        if not state_file(layout, self.stack).exists():
            # Compared in a copy of the backend first, so that a refusal leaves no empty stack behind.
            with preview_copy(layout, self.stack, self.backend.env) as (options, env):
                if self._approved([*options, *refresh], replace(self.backend, env=env)) is None:
                    return OTHER
        return with_stack_file(
            layout, self.stack, self.backend.env, lambda options: self._applied([*options, *refresh])
        )

    def _applied(self, options: Sequence[str]) -> int:
        with tempfile.TemporaryDirectory(prefix="skyinfra-") as folder:  # mode 0700
            plan = str(Path(folder) / "plan.json")
            tree = clean_tree()
            preview = self._approved([*options, "--save-plan", plan], self.backend)
            if preview is None:
                return OTHER
            command = ["up", "--yes", "--suppress-outputs", "--plan", plan, "--message", self._message]
            env = guarded({**os.environ, **self.backend.env, **NEUTRAL_ENV})
            done = update([*command, *options], env, self.backend.update_log)
            return FAILED if done.code or self._moved(tree, preview) else 0

    def _moved(self, tree: str, preview: Mapping[str, Any]) -> bool:
        """True, after a message, if files changed during the update, while builds may have read them."""
        what, why = "The checkout", ""
        try:
            if clean_tree() != tree:
                why = " Another tree is checked out now."
            elif copies := changed_copies(preview):
                what = f"The working copy {few(copies)}"
            else:
                return False
        except UserError as error:
            why = f" {error}"
        click.echo(
            f"error: {what} was changed while the update ran, so what was built may not be what was "
            f"approved.{why} See `./skyinfra review -s {self.stack}` on a clean checkout.",
            err=True,
        )
        return True

    @property
    def _message(self) -> str:
        """Message of the update in the stack's history."""
        return f"review {self.token}"

    def _approved(self, options: Sequence[str], backend: Backend) -> Mapping[str, Any] | None:
        """Preview and compare; return the preview if it was approved, or None after printing why not."""
        done = run_preview(self.stack, options, backend.env)
        try:
            changes = read_changes(preview := done.read(), shows_sames=True)
        except IncompletePreviewError as error:
            message = done.message if done.failed else str(error)
            raise UserError(f"Nothing was changed, because there is no complete preview: {message}") from None
        if done.failed or changes.faults:
            message = "\n".join(changes.faults) or done.message
            raise UserError(f"Nothing was changed, because `pulumi up` would fail: {message}")
        approval = approval_of(self.stack, backend, preview, with_presence(changes))
        differing = differences(self.token, approval, self.known)
        if not differing:
            approved: Mapping[str, Any] = preview
            return approved
        message = refusal(self.stack, differing, self._before(backend))
        click.echo(f"error: {message}", err=True)
        return None

    def _before(self, backend: Backend) -> str:
        """Sentence about an earlier update with this review in the stack's history, or an empty text."""
        with contextlib.suppress(ServiceError):
            return applied_before(updates(self.stack, backend.env), self._message)
        return ""
