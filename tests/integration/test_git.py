"""Tricks by which a folder makes git run a command; each works with plain git, but not with the program's."""

import os
import subprocess
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from clients.git import ask_git, guarded, hidden_from_status, is_changed, tree_of
from program.sources import provenance
from settings.image import SourceSettings

NOBODY = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{f"GIT_{who}_{what}": "x@y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


@dataclass(frozen=True, slots=True)
class Place:
    """A checkout, and a command that leaves a mark when it runs."""

    checkout: Path
    command: Path
    mark: Path

    def git(self, *arguments: str, folder: Path | None = None, given: str = "") -> str:
        """Run plain git, as a person would."""
        done = subprocess.run(
            ["git", "-C", str(folder or self.checkout), *arguments],
            env={**os.environ, **NOBODY},
            input=given,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        return done.stdout.strip()

    def config(self, *settings: str, folder: Path | None = None) -> None:
        """Set each of these settings to the command that leaves the mark."""
        for setting in settings:
            self.git("config", setting, str(self.command), folder=folder)

    def commit(self) -> None:
        self.git("add", ".")
        self.git("commit", "-qm", "next")

    def ran(self) -> bool:
        """Return whether the command has run since the last call."""
        found = self.mark.exists()
        self.mark.unlink(missing_ok=True)
        return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    made = Place(tmp_path / "skycoin", tmp_path / "hostile", tmp_path / "ran")
    made.checkout.mkdir()
    made.command.write_text(f"#!/bin/sh\ntouch {made.mark}\nexit 1\n")
    made.command.chmod(0o755)
    made.git("init", "-q", "-b", "develop")
    (made.checkout / "main.go").write_text("package main\n")
    made.commit()
    return made


def monitor(place: Place) -> None:
    place.config("core.fsmonitor")


def clean_filter(place: Place) -> None:
    """A committed file names the filtered files. Git notices another size without running the filter."""
    (place.checkout / ".gitattributes").write_text("*.go filter=x=y\n")
    place.commit()
    place.config("filter.x=y.clean")
    (place.checkout / "main.go").write_text("package nain\n")


def process_filter(place: Place) -> None:
    (place.checkout / ".gitattributes").write_text("*.go filter=x\n")
    place.commit()
    place.config("filter.x.process")
    place.git("config", "filter.x.required", "true")
    (place.checkout / "main.go").write_text("package nain\n")


def own_hook(place: Place) -> None:
    (place.checkout / ".git" / "hooks").mkdir(exist_ok=True)
    (place.checkout / ".git" / "hooks" / "post-index-change").symlink_to(place.command)
    os.utime(place.checkout / "main.go", (1, 1))


def committed_hook(place: Place) -> None:
    """Many projects commit such a folder of hooks, so a pull request can add a hook."""
    (place.checkout / ".husky").mkdir()
    (place.checkout / ".husky" / "post-index-change").write_bytes(place.command.read_bytes())
    (place.checkout / ".husky" / "post-index-change").chmod(0o755)
    place.commit()
    place.git("config", "core.hooksPath", ".husky")
    os.utime(place.checkout / "main.go", (1, 1))


def signature(place: Place) -> None:
    """git passes a commit that claims to be signed to gpg.program."""
    place.config("gpg.program")
    place.git("config", "log.showSignature", "true")
    head, _, message = place.git("cat-file", "-p", "HEAD").partition("\n\n")
    signed = (
        f"{head}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n{message}\n"
    )
    commit = place.git("hash-object", "-t", "commit", "-w", "--stdin", given=signed)
    place.git("update-ref", "HEAD", commit)


def missing_object(place: Place) -> None:
    """A partial clone fetches missing objects with a command from its config."""
    place.config("remote.origin.uploadpack")
    tree = place.git("rev-parse", "HEAD^{tree}")
    for key, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": str(place.checkout),
        "remote.origin.promisor": "true",
    }.items():
        place.git("config", key, value)
    (place.checkout / ".git" / "objects" / tree[:2] / tree[2:]).unlink()


def submodule(place: Place) -> Path:
    other = place.checkout.with_name("library")
    other.mkdir()
    place.git("init", "-q", folder=other)
    (other / "lib.go").write_text("package lib\n")
    place.git("add", ".", folder=other)
    place.git("commit", "-qm", "first", folder=other)
    place.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "lib")
    place.commit()
    return place.checkout / "lib"


def submodule_filter(place: Place) -> None:
    lib = submodule(place)
    (place.checkout / ".git" / "modules" / "lib" / "info" / "attributes").write_text("*.go filter=x\n")
    place.config("filter.x.clean", folder=lib)
    (lib / "lib.go").write_text("package lab\n")


def submodule_hook(place: Place) -> None:
    lib = submodule(place)
    hooks = place.checkout / ".git" / "modules" / "lib" / "hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "post-index-change").symlink_to(place.command)
    os.utime(lib / "lib.go", (1, 1))


TRICKS: Mapping[Callable[[Place], None], bool] = {
    monitor: False,
    clean_filter: True,
    process_filter: True,
    own_hook: False,
    committed_hook: False,
    signature: False,
    missing_object: True,
    submodule_filter: True,
    submodule_hook: False,
}
"""Trick → True if the checkout counts as changed, also because git can't read it."""


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.__name__)
def test_a_malicious_repository_runs_no_command(trick: Callable[[Place], None], place: Place) -> None:
    """Each trick works with plain git."""
    for armed in (False, True):
        if armed:
            trick(place)
            for command in (("log", "-1", "--format=%ct"), ("status", "--porcelain")):
                subprocess.run(
                    ["git", "-C", str(place.checkout), *command], capture_output=True, check=False, timeout=30
                )
            assert place.ran(), "the trick works"
            # git calls the hook when it has written the index, here because a file's time changed.
            os.utime(place.checkout / "main.go", (2, 2))
            for path in place.checkout.glob("lib/*.go"):
                os.utime(path, (2, 2))
        source = SourceSettings.model_validate({"path": place.checkout.name, "version": "v0.27.1"})
        found = provenance(source, place.checkout.parent)
        assert not place.ran()
        assert found.commit.endswith("-dirty") == (armed and TRICKS[trick])
    assert len(found.commit.removesuffix("-dirty")) == 40, "it is known all the same"


@pytest.mark.parametrize("nested", [False, True], ids=["itself", "inside a checkout"])
def test_a_folder_shaped_like_a_bare_repository_runs_nothing(place: Place, nested: bool) -> None:
    """Before, fsmonitor in the folder's config ran when the program asked git for the commit."""
    outside = place.checkout if nested else place.checkout.parent
    folder = outside / "source"
    place.git("init", "-q", "--bare", str(folder))
    for key, value in {"bare": "false", "worktree": str(folder), "fsmonitor": str(place.command)}.items():
        place.git("config", "-f", str(folder / "config"), f"core.{key}", value)
    subprocess.run(["git", "-C", str(folder), "status", "--porcelain"], capture_output=True, check=False)
    assert place.ran(), "the trick works"
    source = SourceSettings.model_validate({"path": "source", "version": "v0.27.1"})
    assert provenance(source, outside).commit == "unknown"
    assert ask_git(folder, "status", "--porcelain") == ""
    assert is_changed(folder), "git can't tell"
    assert not place.ran()


def test_a_variable_that_leads_to_another_repository_is_not_followed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a hook of git, GIT_DIR and GIT_INDEX_FILE are set."""
    other = place.checkout.with_name("other")
    place.git("init", "-q", str(other))
    commit = place.git("rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(place.command))
    assert ask_git(place.checkout, "rev-parse", "HEAD") == commit
    assert not is_changed(place.checkout)
    assert "GIT_EXTERNAL_DIFF" not in guarded(os.environ)


def test_settings_of_the_operators_environment_are_kept(place: Place) -> None:
    """CI declares a checkout of another user's safe with such settings."""
    own = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "me"}
    env = guarded({"PATH": os.environ["PATH"], **own})
    listed = subprocess.run(
        ["git", "config", "--list"], env=env, cwd=place.checkout, capture_output=True, text=True, check=True
    ).stdout.lower()
    for line in ("user.name=me", "safe.barerepository=explicit", "core.fsmonitor=false"):
        assert line in listed.splitlines()


def test_a_filter_of_the_operators_own_is_run(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git LFS is such a filter: without it, every file that it stores would look changed."""
    (place.checkout / ".gitattributes").write_text("*.go filter=own\n")
    place.commit()
    own = place.checkout.with_name("gitconfig")
    own.write_text(textwrap.dedent(f'[filter "own"]\n\tclean = {place.command} || cat\n'))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(own))
    os.utime(place.checkout / "main.go", (1, 1))
    assert not is_changed(place.checkout)
    assert place.ran()


def test_a_changed_submodule_makes_a_checkout_changed(place: Place) -> None:
    """The build gets the submodule's files too."""
    lib = submodule(place)
    assert not is_changed(place.checkout)
    (lib / "new.go").write_text("package lib\n")
    assert is_changed(place.checkout)


@pytest.mark.parametrize("mode", ["no", "normal", "all"])
def test_an_untracked_file_counts_whatever_the_settings_say(place: Place, mode: str) -> None:
    place.git("config", "status.showUntrackedFiles", mode)
    assert not is_changed(place.checkout)
    (place.checkout / "new.go").write_text("package main\n")
    assert is_changed(place.checkout)


@pytest.mark.parametrize("option", ["--assume-unchanged", "--skip-worktree"])
def test_a_file_whose_changes_git_was_told_to_ignore_is_reported(place: Place, option: str) -> None:
    assert hidden_from_status(place.checkout, "images") == []
    place.git("update-index", option, "main.go")
    (place.checkout / "main.go").write_text("package other\n")
    assert not is_changed(place.checkout), "git says nothing of it"
    assert hidden_from_status(place.checkout, "images") == ["main.go"]


def test_an_ignored_file_in_a_folder_that_builds_read_is_reported(place: Place) -> None:
    (place.checkout / "images").mkdir()
    (place.checkout / ".git" / "info" / "exclude").write_text("*.key\n")
    for folder in (place.checkout, place.checkout / "images"):
        (folder / "my.key").write_text("x")
    assert not is_changed(place.checkout)
    assert hidden_from_status(place.checkout, "images") == ["images/my.key"]


def test_a_tree_id_is_not_redirected_by_git_replace(place: Place) -> None:
    """`git replace` makes git read another object in its place."""
    before = tree_of(place.checkout)
    (place.checkout / "main.go").write_text("package other\n")
    place.commit()
    other = tree_of(place.checkout)
    place.git("replace", other, before)
    assert not is_changed(place.checkout)
    place.git("checkout", "-q", "HEAD", "--", ".")
    assert is_changed(place.checkout), "files are those of the other tree"


def test_a_tree_has_one_id_whatever_commit_has_it(place: Place) -> None:
    """A squash or a merge is another commit than the branch that was reviewed."""
    before = tree_of(place.checkout)
    assert before == place.git("rev-parse", "HEAD^{tree}")
    place.git("commit", "--allow-empty", "-m", "Another commit")
    assert tree_of(place.checkout) == before
    (place.checkout / "more").mkdir()
    (place.checkout / "more" / "file").write_text("more\n")
    place.commit()
    assert tree_of(place.checkout) != before
    assert tree_of(place.checkout / "more") == place.git("rev-parse", "HEAD:more")


def test_a_folder_that_is_not_a_checkout_has_no_tree(tmp_path: Path) -> None:
    assert tree_of(tmp_path) == ""
