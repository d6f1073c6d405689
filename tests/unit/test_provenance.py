"""Facts of a working copy, by what git would answer. With real git: tests/integration/test_sources.py."""

from pathlib import Path

import pytest

from program.sources import Provenance, provenance
from settings.image import SourceSettings
from settings.reading import SettingsError, parse
from tests.unit.yaml_like import COMMIT, changed


class Git:
    """Answers of git for one checkout; an empty commit for one without commits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, commit: str = COMMIT, *, dirty: bool = False) -> None:
        self.answers = {"rev-parse": commit, "log": "1606093308" if commit else "", "symbolic-ref": "develop"}
        for module in ("program.sources", "settings.rules.images"):
            monkeypatch.setattr(f"{module}.ask_git", lambda _, command, *__: self.answers[command])
            monkeypatch.setattr(f"{module}.is_checkout", lambda _: True)
        monkeypatch.setattr("program.sources.is_changed", lambda _: dirty)


def _of(folder: Path, **given: str) -> Provenance:
    settings = SourceSettings.model_validate({"path": folder.name, "version": "v0.27.1", **given})
    return provenance(settings, folder.parent)


@pytest.mark.parametrize(("dirty", "commit"), [(False, COMMIT), (True, f"{COMMIT}-dirty")])
def test_a_working_copy_has_gits_commit_branch_and_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dirty: bool, commit: str
) -> None:
    Git(monkeypatch, dirty=dirty)
    assert _of(tmp_path) == Provenance(
        version="0.27.1", commit=commit, branch="develop", date="2020-11-23T01:01:48Z"
    )


def test_a_working_copy_without_a_commit_has_an_unknown_one_and_no_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Git(monkeypatch, commit="")
    assert _of(tmp_path) == Provenance(version="0.27.1", commit="unknown", branch="develop", date=None)


@pytest.mark.parametrize(("head", "said"), [("", "no commit"), ("2" * 40, "2" * 40)])
def test_another_commit_than_the_working_copys_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: str, said: str
) -> None:
    (tmp_path / "cmd").mkdir()
    Git(monkeypatch, commit=head)
    source = {"path": str(tmp_path), "version": "v0.27.1", "commit": COMMIT}
    with pytest.raises(SettingsError) as refused:
        parse(changed({"images.skycoin.source": source}))
    assert str(refused.value).endswith(f"which is at {said}: leave it out, or check it out there")


def test_the_working_copys_own_commit_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cmd").mkdir()
    Git(monkeypatch)
    source = {"path": str(tmp_path), "version": "v0.27.1", "commit": COMMIT}
    assert parse(changed({"images.skycoin.source": source})).images["skycoin"].source.commit == COMMIT
