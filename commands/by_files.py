"""A stack's preview by its files alone: two revisions of them, and the program that is checked out."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clients.git import changed_between, commit_of, files_of, merge_base
from commands.previews import Previewed
from display.errors import UserError
from display.progress import working
from local.layout import PROJECT
from local.stack import stack_file
from settings.places import StackFile

FOLDER = "stacks"
SECONDS = 120
"""Time limit: a file of somebody else could keep the program busy."""
BYTES = 1_000_000
"""Size of a stack's file that is read."""
_NAMED = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class ByFiles:
    """A preview, and what a reader must know of how it was made."""

    previewed: Previewed
    file: StackFile
    """The changed file."""
    notes: tuple[str, ...]


def preview_by_files(stack: str, base: str, head: str | None) -> ByFiles:
    """Compare a stack's file at `head`, or the one here, with that of the commit where it left `base`.

    Nothing of a revision is run: the files are data of the program that is checked out, which runs without
    this environment's variables. Raises UserError.
    """
    stack = stack.rpartition("/")[2]
    after = _commit(head) if head else ""
    before = _left(base, after or _commit("HEAD"))
    name = f"Pulumi.{stack}.yaml"
    files = {path[len("Pulumi.") : -len(".yaml")]: text for path, text in _stacks(before).items()}
    text = _stacks(after).get(name) if after else _here(stack)
    if text is None:
        raise UserError(f"There is no {FOLDER}/{name} {_at(head)}: give the name of a stack that has a file.")
    if len(text) > BYTES:
        raise UserError(f"{FOLDER}/{name} {_at(head)} is longer than {BYTES:,} characters, and is not read.")
    with working(f"preview of the stack {stack}, by its files alone"):
        previewed = _run(json.dumps({"stack": stack, "base": files, "head": text}))
    return ByFiles(
        previewed=previewed,
        file=StackFile(f"{FOLDER}/{name}", text),
        notes=(*_of_stack(stack, base, files), *_of_others(changed_between(PROJECT, before, after))),
    )


def _commit(revision: str) -> str:
    if not (commit := commit_of(PROJECT, revision)):
        raise UserError(
            f"{revision!r} names no commit of the project: `git fetch` brings one that is elsewhere."
        )
    return commit


def _left(base: str, head: str) -> str:
    if not (commit := merge_base(PROJECT, _commit(base), head)):
        raise UserError(
            f"{base} and {head} have no commit in common: a shallow clone lacks it (`git fetch --unshallow`)."
        )
    return commit


def _stacks(commit: str) -> dict[str, str]:
    found = files_of(PROJECT, commit, FOLDER)
    return {
        name: text for name, text in found.items() if name.startswith("Pulumi.") and name.endswith(".yaml")
    }


def _here(stack: str) -> str | None:
    file = stack_file(stack)
    return file.read_text(errors="replace") if file.is_file() else None


def _at(revision: str | None) -> str:
    return f"at {revision}" if revision else "here"


def _run(given: str) -> Previewed:
    with tempfile.TemporaryDirectory() as home:
        env = {"PATH": os.environ.get("PATH", ""), "HOME": home, "LANG": "C.UTF-8"}
        try:
            done = subprocess.run(
                [sys.executable, "-m", "mocks"],
                input=given.encode(),
                env=env,
                cwd=PROJECT,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UserError(f"The program did not end within {SECONDS} s with this file.") from None
    return Previewed(
        text=done.stdout,
        failed=done.returncode != 0,
        said=done.stderr.decode(errors="replace").strip() or "The program ended without a word.",
    )


def _of_stack(stack: str, base: str, files: dict[str, str]) -> list[str]:
    return [] if stack in files else [f"{base} has no file of the stack {stack}: all of it is shown as new."]


def _of_others(changed: Sequence[str]) -> list[str]:
    others = [path for path in changed if Path(path).parent.name != FOLDER or not path.endswith(".yaml")]
    if not others:
        return []
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return [
        f"Other files change too: {', '.join(others[:_NAMED])}{more}. What they do is not on this page: both "
        "revisions of the stack's file were read by the program that is checked out."
    ]
