"""Reviews whose preview, checkout or backup is asked for by a real process."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from catalogue.exit_codes import FAILED, REFUSED
from components.contexts import contexts_argument, read_contexts
from local.pulumi.command import UpdateResult
from review.published_modules import (
    UNASKED,
)
from tests.unit.command_line import Skyinfra
from tests.unit.previews import complete
from tests.unit.projects import RELEASE_STACK
from tests.unit.test_review import IMAGE, plain, step
from tests.unit.test_review_published_modules import AFTER, CRYPTO, SKYCOIN, preview, ref

__all__ = ["plain"]


PUBLIC = "age1vhx06swwuly5zvty5z9p6xrzvdkz687gkrknz9xu2k3lpuhrhd3swu5a62"


COMES = "get a recipient that the last `up` did not know, who can read them: "


GOES = "lose a recipient, who can't read later ones: "


def test_a_plain_pulumi_previews_with_a_copy_of_the_stacks_file(plain: Path, skyinfra: Skyinfra) -> None:
    """Before, Pulumi wrote an `encryptionsalt` into the committed file."""
    file = plain.parent / "stacks" / "Pulumi.fleet.yaml"
    file.write_text("config: {}\n")
    assert skyinfra("review", "-s", "me/skycoin/fleet").code == 0
    asked = (plain / "asked").read_text()
    assert "preview --json --show-sames --stack me/skycoin/fleet --config-file " in asked
    assert file.read_text() == "config: {}\n"


@pytest.mark.parametrize(
    ("answer", "code", "shown"),
    [
        ('{"steps": []}', FAILED, "no preview"),
        ("", FAILED, "no preview"),
        ('{"steps": [], "diagnostics": [{"severity": "error", "message": "no"}]}', REFUSED, "refused"),
    ],
)
def test_a_failed_preview_without_an_error_gives_no_page(
    answer: str, code: int, shown: str, plain: Path, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    (plain.parent / "stacks" / "Pulumi.mine.yaml").write_text("config: {}\n")
    monkeypatch.setenv("ANSWER", answer)
    monkeypatch.setenv("CODE", "255")
    ran = skyinfra("review", "-s", "mine", "--no-refresh")
    assert (ran.code, ran.out.splitlines()[0]) == (code, f"## Stack mine: {shown}")
    if code != REFUSED:
        said = r"`pulumi preview .* --stack mine .*` failed with exit code 255: its messages say why\.\n"
        assert re.search(f"error: {said}$", ran.err)
        assert re.search(f"{said}$", ran.out)


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (
            {"steps": [], "changeSummary": {"delete": 3}},
            "0",
            "there is no complete preview: The preview has no step for the stack's own resource",
        ),
        (
            {**complete(), "changeSummary": {"same": 51}},
            "0",
            "there is no complete preview: The preview has 1 step `same`, and its `changeSummary` counts 51.",
        ),
        ({"steps": []}, "255", "there is no complete preview: `pulumi preview --json --show-sames"),
        (
            {"steps": [], "diagnostics": [{"severity": "error", "message": "no"}]},
            "0",
            "`pulumi up` would fail: no",
        ),
    ],
    ids=["cut", "without unchanged resources", "failed", "refused"],
)
def test_a_cut_preview_is_not_applied(
    answer: Any, code: str, said: str, plain: Path, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first two were compared with the approval, which covers only the steps that are there."""
    (plain.parent / "stacks" / "Pulumi.mine.yaml").write_text("config: {}\n")
    monkeypatch.setattr("commands.review.apply.clean_tree", str)
    monkeypatch.setenv("ANSWER", json.dumps(answer))
    monkeypatch.setenv("CODE", code)
    ran = skyinfra("apply", "-s", "mine", "--review", "a" * 64)
    assert ran.code == FAILED
    assert f"error: Nothing was changed, because {said}" in ran.err
    assert "up" not in (plain / "commands").read_text().splitlines()


WORKING_COPY_CHANGED = (
    "error: The working copy {} was changed while the update ran, so what was built may not be what was "
    "approved. See `./skyinfra review -s mine` on a clean checkout.\n"
)


@pytest.mark.parametrize("touched", ["", "cmd/x.go", ".git/index", "cmd"])
@pytest.mark.parametrize("op", ["update", "same"])
def test_a_working_copy_that_changes_during_the_update_is_reported(
    touched: str,
    op: str,
    plain: Path,
    skyinfra: Skyinfra,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Such a folder is in no tree of the project; builds read it when they start."""
    source = tmp_path / "skycoin"
    (source / ".git").mkdir(parents=True)
    (source / "cmd").mkdir()
    (source / "cmd" / "x.go").write_text("package main\n")
    named = {"go-module": "./images/go-module", "source": str(source), "other": "https://example.org/a.git#1"}
    inputs = {
        "context": {"location": ".", "named": {name: {"location": place} for name, place in named.items()}},
        "buildArgs": contexts_argument(read_contexts(named)),
    }
    given = complete(step(op, IMAGE, "skycoin-amd64-image", {}, inputs))

    def update(*_: object) -> UpdateResult:
        if touched == "cmd":
            shutil.rmtree(source / "cmd")
        elif touched:
            (source / touched).write_text("package other\n")
        return UpdateResult(0, {}, set(), is_late=False)

    asked = Mock(return_value=("--refresh",))
    (plain.parent / "stacks" / "Pulumi.mine.yaml").write_text("config: {}\n")
    monkeypatch.setenv("ANSWER", json.dumps(given))
    for name, answer in (
        ("clean_tree", str),
        ("approval_of", lambda *_: None),
        ("differences", lambda *_: ()),
        ("with_presence", lambda changes: changes),
        ("update", update),
        ("refreshing", asked),
    ):
        monkeypatch.setattr(f"commands.review.apply.{name}", answer)
    ran = skyinfra("apply", "-s", "mine", "--review", "a" * 64)
    is_changed = op == "update" and touched.startswith("cmd")
    assert (ran.code == FAILED, WORKING_COPY_CHANGED.format(source) in ran.err) == (is_changed, is_changed)
    assert asked.call_count == 1, "each time reads the state"


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (None, []),
        ({}, [f"{COMES}{PUBLIC}"]),
        ({"recipients": [PUBLIC]}, []),
        ({"recipients": ["age1other"]}, [f"{COMES}{PUBLIC}", f"{GOES}age1other"]),
    ],
    ids=["no state", "none known", "the same", "another"],
)
def test_a_recipient_of_backups_that_comes_or_goes_is_a_warning(
    before: dict[str, Any] | None, said: list[str], plain: Path, skyinfra: Skyinfra, monkeypatch: Any
) -> None:
    """Before, a page of a workflow, which has no records of backups, did not name who gets the next ones."""
    urn = "urn:pulumi:mine::skycoin::pulumi:pulumi:Stack::skycoin-mine"
    old = None if before is None else {"outputs": before}
    op = "create" if old is None else "same"
    answer = complete({"op": op, "urn": urn, "oldState": old, "newState": {"urn": urn}})
    monkeypatch.setenv("ANSWER", json.dumps(answer))
    file = plain.parent / "stacks" / "Pulumi.mine.yaml"
    file.write_text(f"config:\n  skycoin:wallets: {{recipients: [{PUBLIC}]}}\n")
    page = skyinfra("review", "-s", "mine", "--no-refresh").out
    warnings = page.partition("### Warnings\n\n")[2].partition("\n\n")[0]
    assert warnings.splitlines() == [f"- backups of wallets {one}" for one in said]


def test_git_runs_nothing_of_the_checkout_while_pulumi_previews(
    plain: Path, skyinfra: Skyinfra, tmp_path: Path
) -> None:
    """Pulumi itself runs git commands to read the state of the checkout."""
    (plain.parent / "stacks" / "Pulumi.other.yaml").write_text("config: {}\n")
    assert skyinfra("review", "-s", "other").code == 0
    env = dict(line.partition("=")[::2] for line in (plain / "env").read_text().splitlines())
    hostile = tmp_path / "hostile"
    ran, script = tmp_path / "ran", tmp_path / "script"
    script.write_text(f"#!/bin/sh\necho ran >> {ran}\n")
    script.chmod(0o755)
    by_git = {name: value for name, value in env.items() if name.startswith("GIT_")}

    def git(*arguments: str, **variables: str) -> None:
        who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@a.invalid"}
        who |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@a.invalid"}
        subprocess.run(
            ["git", "-C", hostile, *arguments],
            env={"PATH": os.environ["PATH"], **who, **variables},
            check=True,
        )

    hostile.mkdir()
    git("init", "--quiet")
    git("config", "core.fsmonitor", str(script))
    (hostile / ".git" / "hooks" / "post-commit").write_bytes(script.read_bytes())
    (hostile / ".git" / "hooks" / "post-commit").chmod(0o755)
    (hostile / "file").touch()
    for variables in ({}, by_git):
        git("add", "--all", **variables)
        git("commit", "--quiet", "--allow-empty", "--message=x", **variables)
        git("status", **variables)
        assert ran.exists() == (variables == {}), variables
        ran.unlink(missing_ok=True)


def test_the_command_asks_for_the_present_outputs_of_the_other_stack(
    skyinfra: Skyinfra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pulumi's preview has only the outputs in the state."""
    for name, answer in (("preview", preview((ref("a"), ref("d")))), ("stack", AFTER)):
        (tmp_path / name).write_text(json.dumps(answer))
    program = tmp_path / "pulumi"
    program.write_text(
        '#!/bin/sh\ncd "${0%/*}" && echo "$@" >> asked\n'
        'case "$*" in preview*) cat preview ;; *" stack output "*) cat stack ;; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("SKYCOIN_STATE", str(tmp_path / "state"))
    done = skyinfra("review", "-s", "fleet", "--no-refresh")
    assert f"- {SKYCOIN}: {CRYPTO} 0.30.0 → 0.59.0 (skycoin); " in done.out, done.err
    assert f"stack output --json --stack {RELEASE_STACK}\n" in (tmp_path / "asked").read_text()
    given = (tmp_path / "preview").read_text()
    saved = skyinfra("review", "-s", "fleet", "--preview", "-", given=given)
    assert f"- {SKYCOIN}: Go modules {UNASKED.format(RELEASE_STACK)}" in saved.out
