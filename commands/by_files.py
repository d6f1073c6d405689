"""Pages of stacks by their files alone: from two revisions of them and the checked-out program."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import yaml
from yaml import Node, SequenceNode

from catalogue.go_modules import GO_MOD
from catalogue.images import CATALOGUE
from clients.git import changed_between, commit_of, files_of, merge_base, untracked
from commands.exit_codes import AT_RISK, FAILED, REFUSED
from commands.known_vulnerabilities import with_vulnerabilities
from commands.pages import Made, Page
from commands.previews import Previewed
from display.errors import UserError
from display.progress import working
from local.layout import PROJECT, read_layout
from local.stack import stack_file
from review.approval_words import ending_without
from review.causes import Checkout
from review.changes import Changes
from review.markdown import LIMIT
from review.modules_by_files import GoMods, inside_by_files
from review.rules import Rule
from review.setting_lines import SettingLines
from review.unjudged import of_others, of_stack
from settings.places import StackFile
from settings.pulumi_yaml import pulumi_values

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
REMOVED = (
    "There is no {} {}, and {} has it. Without the file no `pulumi up` of this stack is possible, and what "
    "it has deployed stays: run `pulumi destroy` before its file is removed."
)
FOLLOWS = (
    "{0} takes its images from {1}, which differs too: what {1} would publish reaches {0} with the `up` "
    "after that of {1}."
)
WORST = (FAILED, REFUSED, AT_RISK, 0)
"""Exit codes, the worst first: with one page missing, nobody knows what the change does."""
MOST = 12
"""Most stacks in one run: the first screens of their pages have room within the limit of a comment."""
_SHORT = 12
_FILE = re.compile(rf"{FOLDER}/Pulumi\.([A-Za-z0-9_.-]{{1,100}})\.yaml")
"""File of a stack, by the names that Pulumi allows: another one could be a heading of the page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FilesPage(Page):
    """A page of a stack by its files alone."""

    file: StackFile
    """The changed file of the stack."""
    unjudged: tuple[str, ...]
    """Sentences about differences that the preview may not show."""
    said: str
    """Sentence that says what was compared."""
    go_mods: GoMods

    @property
    def checkout(self) -> Checkout:
        """Lines of the changed file."""
        return Checkout(SettingLines(self.file))

    def completed(self, changes: Changes, preview: Any) -> Changes:
        """Add differences that no resource shows, and Go modules with their vulnerabilities."""
        inside = inside_by_files(preview, self.go_mods)
        return with_vulnerabilities(replace(changes, unjudged=self.unjudged, inside=inside), read_layout())

    def ending(self, changes: Changes, preview: Any) -> str:
        """Say what was compared."""
        return ending_without(self.said)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Comparison:
    """Two revisions of the stacks' files, and the rules that their pages check."""

    base: str
    head: str | None
    """As it was given; None for the files here."""
    before: str
    """Commit where the changed side left the base."""
    after: str
    """Commit of the changed side; empty for the files here."""
    stacks: Mapping[str, str]
    """Stack → text of its file before."""
    changed: Sequence[str]
    """Paths that differ."""
    rules: Sequence[Rule]

    @property
    def where(self) -> str:
        """The changed side in words."""
        return f"at {self.head}" if self.head else "here"

    @property
    def differing(self) -> list[str]:
        """Stacks whose files differ, are on one side only, or name an image whose go.mod differs."""
        new = () if self.after else untracked(PROJECT, f"{FOLDER}/")
        own = {_stack_of(path) for path in (*self.changed, *new)} - {""}
        folders = {path.removesuffix(f"/{GO_MOD}") for path in self.changed if path.endswith(f"/{GO_MOD}")}
        return sorted(own | {name for name, text in self.stacks.items() if folders & _folders(text)})

    def text(self, stack: str) -> str:
        """Text of a stack's changed file. Raises UserError."""
        path = _path(stack)
        name = path.removeprefix(f"{FOLDER}/")
        text = files_of(PROJECT, self.after, path).get(name) if self.after else _here(stack)
        if text is None and stack in self.stacks:
            raise UserError(REMOVED.format(path, self.where, self.base))
        if text is None:
            raise UserError(f"There is no {path} {self.where}: give the name of a stack that has a file.")
        _refuse_odd(text, f"{path} {self.where}")
        return text

    def page(self, title: str, stack: str, text: str, shown: Iterable[str]) -> FilesPage:
        """Page of one stack, where the stacks `shown` have one."""
        paths = {*map(_path, shown)}
        return FilesPage(
            stack=stack,
            title=f"{title}, by its files alone",
            rules=self.rules,
            is_foreign=True,
            file=StackFile(_path(stack), text),
            unjudged=(
                *of_stack(stack, self.base, self.stacks, text),
                *self.follows(stack, text),
                *of_others([path for path in self.changed if path not in paths]),
            ),
            said=SAID.format(self.before[:_SHORT], self.after[:_SHORT] or "this folder"),
            go_mods=self.go_mods,
        )

    def go_mods(self, folder: str) -> tuple[str, str]:
        """Texts of a folder's go.mod in both revisions, empty where it has none of its own."""
        path = f"{folder}/{GO_MOD}"
        before = files_of(PROJECT, self.before, path).get(GO_MOD, "")
        if self.after:
            return before, files_of(PROJECT, self.after, path).get(GO_MOD, "")[:BYTES]
        here = PROJECT / path
        is_file = here.is_file() and not here.is_symlink()
        return before, here.read_text(errors="replace") if is_file else ""

    def unchanged(self) -> str:
        """Name the stacks without a page, and what else differs where no stack has one."""
        differing = self.differing
        same = sorted({*self.stacks} - {*differing})
        follows = [said for name in same for said in self.follows(name, self.stacks[name])]
        others = [] if differing else of_others(self.changed)
        said = f"Stacks that do not differ: {', '.join(same) or 'none'}."
        return "\n\n".join([said, *follows, *others]) + "\n"

    def follows(self, stack: str, text: str) -> list[str]:
        """List a sentence if a stack takes its images from another one that differs."""
        publisher = str(_setting(text, "skycoin:images-from")).rpartition("/")[2]
        return [FOLLOWS.format(stack, publisher)] if publisher in self.differing else []


def review_by_files(
    stack: str | None, base: str, head: str | None, rules: Sequence[Rule], whole: Path | None
) -> int:
    """Print the page of a stack, or without one those of all that differ; returns the exit code.

    Compares files at `head`, or those here, with those at the commit where they left `base`. No code of a
    revision is run: its files are data for the checked-out program, which runs without the variables of this
    environment. Raises UserError.
    """
    compared = _comparison(base, head, rules)
    if stack is not None:
        name = stack.rpartition("/")[2]
        text = compared.text(name)
        [previewed] = _previews(compared.stacks, {name: text}).values()
        return compared.page(stack, name, text, [name]).printed(previewed, whole)
    made, said = _all_made(compared, whole), compared.unchanged()
    if whole is not None:
        whole.write_text("\n".join([*(one.whole for one in made), said]), encoding="utf-8")
    click.echo("\n".join([*(one.text for one in made), said]), nl=False)
    return made[0].code if made else 0


def _comparison(base: str, head: str | None, rules: Sequence[Rule]) -> _Comparison:
    after = _commit(head) if head else ""
    before = _left(base, after or _commit("HEAD"))
    return _Comparison(
        base=base,
        head=head,
        before=before,
        after=after,
        stacks=_stacks(before),
        changed=changed_between(PROJECT, before, after),
        rules=rules,
    )


def _all_made(compared: _Comparison, whole: Path | None) -> list[Made]:
    """Make the page of each stack whose file differs, the worst first."""
    names = compared.differing
    if len(names) > MOST:
        raise UserError(f"{len(names)} stacks differ, and {MOST} have room here: name one with `--stack`.")
    texts, previews = dict[str, str](), dict[str, Previewed]()
    for name in names:
        try:
            texts[name] = compared.text(name)
        except UserError as error:
            previews[name] = Previewed(text=b"", failed=True, said=str(error))
    previews |= _previews(compared.stacks, texts)
    made = [
        compared.page(name, name, texts.get(name, ""), names).made(
            previews[name], whole=whole.name if whole else "", limit=LIMIT // len(names)
        )
        for name in names
    ]
    return sorted(made, key=lambda one: WORST.index(one.code))


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


def _path(stack: str) -> str:
    return f"{FOLDER}/Pulumi.{stack}.yaml"


def _stack_of(path: str) -> str:
    """Stack whose file a path is; empty if it is none."""
    found = _FILE.fullmatch(path)
    return found[1] if found else ""


def _stacks(commit: str) -> dict[str, str]:
    found = files_of(PROJECT, commit, f"{FOLDER}/")
    return {stack: text for name, text in found.items() if (stack := _stack_of(f"{FOLDER}/{name}"))}


def _setting(text: str, key: str) -> Any:
    """Value of a setting in a stack's file; None without one, and in a file with errors."""
    try:
        return pulumi_values(text)["config"][key]
    except (yaml.YAMLError, LookupError, TypeError, ValueError, RecursionError):
        return None


def _folders(text: str) -> set[str]:
    """Folders of the images that a stack's file names."""
    images = _setting(text, "skycoin:images")
    names = [*images] if isinstance(images, Mapping) else []
    return {CATALOGUE[name].context.removeprefix("./") for name in names if name in CATALOGUE}


def _here(stack: str) -> str | None:
    file = stack_file(stack)
    return file.read_text(errors="surrogateescape") if file.is_file() else None


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


def _previews(base: Mapping[str, str], texts: Mapping[str, str]) -> dict[str, Previewed]:
    """Preview the stacks with these changed texts, in one process as long as none of them ends it."""
    left, found = dict(texts), dict[str, Previewed]()
    while left:
        with working(f"preview of {_named(left)}, by {'its' if len(left) == 1 else 'their'} files alone"):
            lines, said = _run(json.dumps({"base": dict(base), "heads": left}))
        for stack, line in zip([*left], lines, strict=False):
            said_of_it = json.loads(line).get("failed", "")
            found[stack] = Previewed(text=line.encode(), failed=bool(said_of_it), said=said_of_it)
            del left[stack]
        if left:  # the first of them ended the process, or kept it busy
            stack = next(iter(left))
            found[stack] = Previewed(text=b"", failed=True, said=said)
            del left[stack]
    return found


def _named(stacks: Collection[str]) -> str:
    return f"the stack{'s' * (len(stacks) > 1)} {', '.join(stacks)}"


def _run(given: str) -> tuple[list[str], str]:
    """Run the program; returns a line for each stack that it has previewed, and why there are no more."""
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
        except subprocess.TimeoutExpired as error:
            said = f"The program did not end within {SECONDS} s with this file."
            return _lines(error.stdout), said
    said = done.stderr.decode(errors="replace").strip() or "The program ended without a word."
    return _lines(done.stdout), said


def _lines(output: bytes | None) -> list[str]:
    """Whole lines of an output."""
    return (output or b"").decode().split("\n")[:-1]
