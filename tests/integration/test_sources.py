"""Facts about a source that end up in the binary and the labels."""

import subprocess
from pathlib import Path

import pytest

from program.sources import Provenance, provenance
from settings.image import SourceSettings
from tests.unit.yaml_like import COMMIT

DATE = "2020-11-23T01:01:48Z"


def _git(folder: Path, *arguments: str) -> str:
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_AUTHOR_DATE": DATE,
        "GIT_COMMITTER_DATE": DATE,
    }
    who = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A working copy on branch `develop` with one commit."""
    folder = tmp_path / "skycoin"
    folder.mkdir()
    _git(folder, "init", "-q", "-b", "develop")
    (folder / "main.go").write_text("package main\n")
    _git(folder, "add", ".")
    _git(folder, "commit", "-q", "-m", "first")
    return folder


def _of(folder: Path, **given: str) -> Provenance:
    settings = SourceSettings.model_validate({"path": folder.name, "version": "v0.27.1", **given})
    return provenance(settings, folder.parent)


def test_a_modules_provenance_is_that_of_the_settings(tmp_path: Path) -> None:
    source = SourceSettings(
        module="github.com/skycoin/skycoin", version="v0.27.1", commit=COMMIT, branch="master", date=DATE
    )
    assert provenance(source, tmp_path) == Provenance(
        version="0.27.1", commit=COMMIT, branch="master", date=DATE
    )


def test_a_git_url_is_not_fetched_to_read_it(tmp_path: Path) -> None:
    source = SourceSettings(git="https://nowhere.invalid/x.git", version="v0.27.1", commit=COMMIT)
    assert provenance(source, tmp_path) == Provenance(version="0.27.1", commit=COMMIT, branch="", date=None)


def test_a_working_copy_has_its_commit_branch_and_date(checkout: Path) -> None:
    commit = _git(checkout, "rev-parse", "HEAD")
    assert _of(checkout) == Provenance(version="0.27.1", commit=commit, branch="develop", date=DATE)


def test_a_changed_working_copy_says_that_it_is_dirty(checkout: Path) -> None:
    commit = _git(checkout, "rev-parse", "HEAD")
    (checkout / "main.go").write_text("package main // changed\n")
    assert _of(checkout).commit == f"{commit}-dirty"
    _git(checkout, "add", ".")
    assert _of(checkout).commit == f"{commit}-dirty", "a staged change is a change"
    _git(checkout, "commit", "-q", "-m", "second")
    assert _of(checkout).commit == _git(checkout, "rev-parse", "HEAD")


def test_a_commit_given_by_hand_does_not_hide_a_change(checkout: Path) -> None:
    assert _of(checkout, commit=COMMIT).commit == COMMIT
    (checkout / "main.go").write_text("changed\n")
    assert _of(checkout, commit=COMMIT).commit == f"{COMMIT}-dirty"


def test_branch_and_date_given_by_hand_win(checkout: Path) -> None:
    found = _of(checkout, branch="master", date="2021-01-01T00:00:00Z")
    assert (found.branch, found.date) == ("master", "2021-01-01T00:00:00Z")


def test_a_folder_without_git_has_no_known_commit(tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    assert _of(folder) == Provenance(version="0.27.1", commit="unknown", branch="", date=None)


@pytest.mark.parametrize(
    ("date", "epoch"), [(DATE, "1606093308"), ("1970-01-01T00:00:00Z", "0"), (None, "0")]
)
def test_the_epoch_is_the_date_in_seconds_utc(
    date: str | None, epoch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SOURCE_DATE_EPOCH must not depend on the builder's time zone, or the digests would."""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    assert Provenance(version="", commit="", branch="", date=date).epoch == epoch


def test_an_untracked_file_makes_a_working_copy_dirty(checkout: Path) -> None:
    """An untracked file is sent to the build too."""
    (checkout / "new.go").write_text("package main\n")
    assert _of(checkout).commit.endswith("-dirty")


def test_sources_unpacked_inside_another_repository_do_not_take_its_commit(checkout: Path) -> None:
    (checkout / "sub").mkdir()
    assert _of(checkout / "sub") == Provenance(version="0.27.1", commit="unknown", branch="", date=None)


def test_a_detached_checkout_is_on_no_branch(checkout: Path) -> None:
    """CI uses such checkouts; `HEAD` is not the name of a branch."""
    _git(checkout, "checkout", "-q", "--detach")
    assert _of(checkout).branch == ""
