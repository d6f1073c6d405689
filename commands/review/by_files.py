"""Review pages without a state: the checked-out program compares two revisions of the stack files."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import yaml

from catalogue.exit_codes import AT_RISK, FAILED, REFUSED
from catalogue.go_modules import GO_MOD
from catalogue.images import CATALOGUE
from clients.git import changed_between, commit_of, files_of, merge_base, untracked
from commands.known_vulnerabilities import with_vulnerabilities
from commands.review.mock_previews import previews_by_files
from commands.review.pages import Page, RenderedPage
from commands.review.previews import Previewed
from commands.review.untrusted_yaml import refuse_odd
from display.errors import UserError
from display.markdown import one_line, printable_page
from local.machine.layout import PROJECT, read_layout
from local.stacks.files import stack_file
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
COMPARED = (
    "This page compares the stack's file of {} with that of {}, with the checked-out program. No "
    "state, host or registry was asked, so it does not show what is deployed."
)
REMOVED = (
    "There is no {} {}, and {} has it. Without the file no `pulumi up` of this stack is possible, and its "
    "deployed resources stay: run `pulumi destroy` before its file is removed."
)
FOLLOWS = (
    "{0} takes its images from {1}, which differs too: the first `up` of {0} after that of {1} uses the "
    "images that {1} would publish."
)
WORST = (FAILED, REFUSED, AT_RISK, 0)
"""Exit codes, the worst first: FAILED leads, because a missing page leaves its stack's changes unknown."""
MOST = 12
"""Maximum number of stacks in one run, so that the first screens of all pages fit into one comment."""
_SHORT = 12
_FILE = re.compile(rf"{FOLDER}/Pulumi\.([A-Za-z0-9_.-]{{1,100}})\.yaml")
"""Matches a stack's file by the names that Pulumi allows; any other name could forge a heading of a page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FilesPage(Page):
    """A page created from a stack's files alone."""

    file: StackFile
    """The changed file of the stack."""
    unjudged: tuple[str, ...]
    """Sentences about differences that the preview might not show."""
    compared: str
    """Sentence that names the compared revisions."""
    go_mods: GoMods

    @property
    def checkout(self) -> Checkout:
        """Settings of the changed file, with their lines."""
        return Checkout(SettingLines(self.file))

    def with_extra_facts(self, changes: Changes, preview: Any) -> Changes:
        """Add differences that no resource shows, and Go modules with their vulnerabilities."""
        inside = inside_by_files(preview, self.go_mods)
        return with_vulnerabilities(replace(changes, unjudged=self.unjudged, inside=inside), read_layout())

    def last_lines(self, changes: Changes, preview: Any) -> str:
        """Name the compared revisions."""
        return ending_without(self.compared)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Comparison:
    """Two revisions of the stacks' files, and the rules that their pages check."""

    base: str
    head: str | None
    """Revision as given on the command line; None for the files here."""
    before: str
    """Merge base of the base and the changed side."""
    after: str
    """Commit of the changed side; empty for the files here."""
    stacks: Mapping[str, str]
    """Stack → text of its file at `before`."""
    changed: Sequence[str]
    """Paths that differ between `before` and the changed side."""
    rules: Sequence[Rule]

    @property
    def where(self) -> str:
        """Phrase for the changed side."""
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
        refuse_odd(text, f"{path} {self.where}")
        return text

    def page(self, title: str, stack: str, text: str, shown: Iterable[str]) -> FilesPage:
        """Page of one stack; files of the stacks `shown`, which have a page each, are not listed on it."""
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
            compared=COMPARED.format(self.before[:_SHORT], self.after[:_SHORT] or "this folder"),
            go_mods=self.go_mods,
        )

    def go_mods(self, folder: str) -> tuple[str, str]:
        """Text of a folder's go.mod on each side; empty if there is none, or if it is a symbolic link."""
        path = f"{folder}/{GO_MOD}"
        before = files_of(PROJECT, self.before, path).get(GO_MOD, "")
        if self.after:
            return before, files_of(PROJECT, self.after, path).get(GO_MOD, "")
        here = PROJECT / path
        is_file = here.is_file() and not here.is_symlink()
        return before, here.read_text(errors="replace") if is_file else ""

    def unchanged(self) -> str:
        """List the stacks that do not differ and, if no stack differs, the other files that do."""
        differing = self.differing
        same = sorted({*self.stacks} - {*differing})
        follows = [sentence for name in same for sentence in self.follows(name, self.stacks[name])]
        others = [] if differing else [one_line(sentence) for sentence in of_others(self.changed)]
        same_stacks = f"Stacks that do not differ: {', '.join(same) or 'none'}."
        return printable_page("\n\n".join([same_stacks, *follows, *others]) + "\n")

    def follows(self, stack: str, text: str) -> list[str]:
        """One sentence if a stack takes its images from another stack that differs; otherwise empty."""
        publisher = str(_setting(text, "skycoin:images-from")).rpartition("/")[2]
        return [FOLLOWS.format(stack, publisher)] if publisher in self.differing else []


def review_by_files(
    stack: str | None, base: str, head: str | None, rules: Sequence[Rule], whole: Path | None
) -> int:
    """Print the page of `stack`, or of all stacks that differ if `stack` is None; return the exit code.

    Compares the files at `head`, or those here, with the merge base of that side and `base`. No code of a
    revision is run: its files are data for the checked-out program, which runs without the variables of this
    environment. Raises UserError.
    """
    compared = _comparison(base, head, rules)
    if stack is not None:
        name = stack.rpartition("/")[2]
        text = compared.text(name)
        [previewed] = previews_by_files(compared.stacks, {name: text}).values()
        return compared.page(stack, name, text, [name]).print(previewed, whole)
    made, unchanged = _all_made(compared, whole), compared.unchanged()
    if whole is not None:
        whole.write_text("\n".join([*(page.whole for page in made), unchanged]), encoding="utf-8")
    click.echo("\n".join([*(page.text for page in made), unchanged]), nl=False)
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


def _all_made(compared: _Comparison, whole: Path | None) -> list[RenderedPage]:
    """Make the page of each stack that differs, the worst first."""
    names = compared.differing
    if len(names) > MOST:
        raise UserError(f"{len(names)} stacks differ, but only {MOST} fit here: choose one with `--stack`.")
    texts, previews = dict[str, str](), dict[str, Previewed]()
    for name in names:
        try:
            texts[name] = compared.text(name)
        except UserError as error:
            previews[name] = Previewed(text=b"", failed=True, message=str(error))
    previews |= previews_by_files(compared.stacks, texts)
    made = [
        compared.page(name, name, texts.get(name, ""), names).render(
            previews[name], whole=whole.name if whole else "", limit=LIMIT // len(names)
        )
        for name in names
    ]
    return sorted(made, key=lambda page: WORST.index(page.code))


def _commit(revision: str) -> str:
    if not (commit := commit_of(PROJECT, revision)):
        raise UserError(
            f"{revision!r} is not a commit of this clone: `git fetch` gets commits from elsewhere."
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
    """Name of the stack whose file has this path; empty for any other path."""
    match = _FILE.fullmatch(path)
    return match[1] if match else ""


def _stacks(commit: str) -> dict[str, str]:
    files = files_of(PROJECT, commit, f"{FOLDER}/")
    return {stack: text for name, text in files.items() if (stack := _stack_of(f"{FOLDER}/{name}"))}


def _setting(text: str, key: str) -> Any:
    """Value of a setting in a stack's file; None if it is not set, or if the file has errors."""
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
