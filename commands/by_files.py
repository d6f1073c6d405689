"""A stack's preview by its files alone: from two revisions of them and the checked-out program."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import yaml
from yaml import Node, SequenceNode

from clients.git import changed_between, commit_of, files_of, merge_base
from commands.previews import Previewed
from display.errors import UserError
from display.progress import working
from local.layout import PROJECT
from local.stack import stack_file
from review.unjudged import of_others, of_stack
from settings.places import StackFile

FOLDER = "stacks"
SECONDS = 120
"""Time limit of the program in seconds: a file from elsewhere could keep it busy."""
BYTES = 1_000_000
"""Maximum size of a stack's file, in bytes."""
NODES = 100_000
"""Maximum number of values in a stack's file, including those that aliases repeat."""
SAID = (
    "This page compares the stack's file of {} with that of {}, by the program that is checked out. No "
    "state, host or registry was asked: it does not know what is deployed."
)
_SHORT = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class ByFiles:
    """A preview, with the facts that its reader must know about how it was made."""

    previewed: Previewed
    file: StackFile
    """The changed file of the stack."""
    unjudged: tuple[str, ...]
    """Sentences about differences that the preview may not show."""
    said: str
    """Sentence that says what was compared."""


def preview_by_files(stack: str, base: str, head: str | None) -> ByFiles:
    """Compare a stack's file at `head`, or the one here, with that at the commit where it left `base`.

    No code of a revision is run: its files are data for the checked-out program, which runs without the
    variables of this environment. Raises UserError.
    """
    stack = stack.rpartition("/")[2]
    after = _commit(head) if head else ""
    before = _left(base, after or _commit("HEAD"))
    name = f"Pulumi.{stack}.yaml"
    files = {path[len("Pulumi.") : -len(".yaml")]: text for path, text in _stacks(before).items()}
    text = files_of(PROJECT, after, f"{FOLDER}/{name}").get(name) if after else _here(stack)
    if text is None:
        raise UserError(f"There is no {FOLDER}/{name} {_at(head)}: give the name of a stack that has a file.")
    _refuse_odd(text, f"{FOLDER}/{name} {_at(head)}")
    with working(f"preview of the stack {stack}, by its files alone"):
        previewed = _run(json.dumps({"stack": stack, "base": files, "head": text}))
    others = [path for path in changed_between(PROJECT, before, after) if path != f"{FOLDER}/{name}"]
    return ByFiles(
        previewed=previewed,
        file=StackFile(f"{FOLDER}/{name}", text),
        unjudged=(*of_stack(stack, base, files, text), *of_others(others)),
        said=SAID.format(before[:_SHORT], after[:_SHORT] or "this folder"),
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
    found = files_of(PROJECT, commit, f"{FOLDER}/")
    return {
        name: text for name, text in found.items() if name.startswith("Pulumi.") and name.endswith(".yaml")
    }


def _here(stack: str) -> str | None:
    file = stack_file(stack)
    return file.read_text(errors="surrogateescape") if file.is_file() else None


def _at(revision: str | None) -> str:
    return f"at {revision}" if revision else "here"


def _refuse_odd(text: str, name: str) -> None:
    """Raise UserError for a file that would keep its reader busy, or is not text."""
    try:
        length = len(text.encode())
        size = 0 if length > BYTES else _size(yaml.compose(text, yaml.SafeLoader), {})
    except UnicodeEncodeError:
        raise UserError(f"{name} is not UTF-8, and is not read.") from None
    except yaml.YAMLError:
        return  # the preview reports the place
    except RecursionError:
        raise UserError(f"{name} nests its values too deep, or in themselves, and is not read.") from None
    if length > BYTES:
        raise UserError(f"{name} is longer than {BYTES:,} bytes, and is not read.")
    if size > NODES:
        raise UserError(
            f"{name} has more than {NODES:,} values, with what its aliases repeat, and is not read."
        )


def _size(node: Node | None, known: dict[int, int]) -> int:
    """Number of values in a node, including all those that aliases repeat."""
    if node is None or not isinstance(node.value, list):
        return 1
    if id(node) not in known:
        parts = (
            node.value if isinstance(node, SequenceNode) else [part for pair in node.value for part in pair]
        )
        known[id(node)] = 1 + sum(_size(part, known) for part in parts)
    return known[id(node)]


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
