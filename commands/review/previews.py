"""Previews of a stack that commands run, and the hash of a preview with its sources."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version as version_of
from types import MappingProxyType
from typing import Any

from clients.engine import engine_address
from clients.git import guarded, hidden_from_status, is_changed, tree_of
from clients.pulumi import deployment, version
from commands.backend import Backend
from display.errors import UserError
from display.progress import working
from local.machine.layout import PROJECT
from local.stacks.files import stack_file
from local.stacks.lost_passphrase import errors_with_remedy, refuse_without
from providers.adopting import ADOPTING
from providers.skycoin.wallet_identity import ACCEPTED
from review.approval import Approval, Sources, approval
from review.changes import Changes
from review.complete import PreviewError

IMAGES = "images"
"""Folder that builds read files from."""
NEUTRAL_ENV: Mapping[str, str] = MappingProxyType({ACCEPTED: "", ADOPTING: ""})
"""Variables that other commands use to change what an update does, emptied for a review."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Previewed:
    """A preview that has ended."""

    text: bytes
    failed: bool
    message: str
    """Sentence to report if the preview failed or printed nothing."""

    def read(self) -> Any:
        """Parse the preview. Raises PreviewError if it is not JSON."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            raise PreviewError(self.message) from None


def run_preview(stack: str, options: Sequence[str], env: Mapping[str, str]) -> Previewed:
    """Preview a stack with `pulumi`, whose messages go to standard error."""
    refuse_without(env)
    command = ["pulumi", "preview", "--json", "--show-sames", *options]
    with working(f"preview of the stack {stack}"), errors_with_remedy(env) as errors:
        done = subprocess.run(
            command,
            # Pulumi runs git on the checkout too.
            env=guarded({**os.environ, **env, **NEUTRAL_ENV}),
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    outcome = f"failed with exit code {done.returncode}" if done.returncode else "printed no preview"
    return Previewed(
        text=done.stdout,
        failed=done.returncode != 0,
        message=f"`{' '.join(command)}` {outcome}: its messages say why.",
    )


def approval_of(stack: str, backend: Backend, preview: Mapping[str, Any], changes: Changes) -> Approval:
    """Hash a preview with all its sources. Raises UserError if that is not possible.

    `changes` are those of the preview, with the presence of its tags in registries.
    """
    with ThreadPoolExecutor() as pool:
        state = pool.submit(deployment, stack, backend.env)
        cli = pool.submit(version, backend.env)
        return approval(
            Sources(
                stack=stack,
                file=_content(stack),
                tree=clean_tree(),
                tags={f"{tag.repository}:{tag.tag}": tag.presence.value for tag in changes.publications},
                preview=preview,
                deployment=state.result(),
                versions={"Pulumi's CLI": cli.result(), "Pulumi's SDK": version_of("pulumi")},
                engine=engine_address(backend.env.get("DOCKER_HOST")),
            )
        )


def _content(stack: str) -> bytes:
    file = stack_file(stack)
    return file.read_bytes() if file.exists() else b""


def clean_tree() -> str:
    """Git's id of the project's tree. Raises UserError if files may differ from it."""
    if not (tree := tree_of(PROJECT)):
        raise UserError("The project is not a git checkout, so what was reviewed can't be identified.")
    if is_changed(PROJECT):
        raise UserError("The project has changes that are not committed; `git status` names them.")
    if hidden := hidden_from_status(PROJECT, IMAGES):
        some = ", ".join(hidden[:3]) + (" and more" if hidden[3:] else "")
        raise UserError(
            f"Git is configured not to check {some}, so its tree does not cover those files: remove the "
            "ignored files in images/, and undo `git update-index --assume-unchanged` and "
            "`--skip-worktree`."
        )
    return tree
