"""Commands whose set-up has lost its passphrase, or has another one. Pulumi is a script here."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from commands.review.previews import run_preview
from local.machine.layout import Layout, read_layout
from local.machine.steps import SetupError
from local.pulumi.cli import known_environment, remember
from local.pulumi.command import pulumi
from local.rotation import Key, rotate
from local.setup import claim_state

WRONG = "echo 'error: getting stack configuration: incorrect passphrase' >&2; exit 255"
NOTHING = "echo 'error: the stack is locked' >&2; exit 1"


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A set-up whose pulumi is a script; it writes into `ran`."""
    for name, folder in (("SKYCOIN_STATE", "state"), ("SKYCOIN_CACHE", "cache")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    made = read_layout()
    (made.state / "bin").mkdir(parents=True)
    (made.state / "passphrase").write_text("a passphrase of this set-up")
    remember(made, {"PATH": f"{made.state / 'bin'}:{os.environ['PATH']}"})
    monkeypatch.setenv("PATH", f"{made.state / 'bin'}:{os.environ['PATH']}")
    write_pulumi(made, WRONG)
    return made


def write_pulumi(layout: Layout, script: str) -> None:
    path = layout.state / "bin" / "pulumi"
    path.write_text(f'#!/bin/sh\necho "$1" >> {layout.state}/ran\n{script}\n')
    path.chmod(0o755)


def has_run(layout: Layout) -> bool:
    return (layout.state / "ran").exists()


def changes(layout: Layout) -> None:
    pulumi(["up", "--stack", "local"], known_environment(layout), layout.update_log)


def destroys(layout: Layout) -> None:
    pulumi(["destroy", "--stack", "local"], known_environment(layout), layout.update_log)


def previews(layout: Layout) -> None:
    pulumi(["preview", "--stack", "local"], known_environment(layout), layout.update_log)


def reviews(layout: Layout) -> None:
    run_preview("local", ["--stack", "local"], known_environment(layout))


def sets_up(layout: Layout) -> None:
    claim_state(layout)


COMMANDS = pytest.mark.parametrize("run", [changes, destroys, previews, reviews])


def rotates(layout: Layout) -> None:
    rotate(layout, Key.PASSPHRASE)


@pytest.mark.case(28)
@pytest.mark.parametrize("content", [None, "", " \n"], ids=["missing", "empty", "blank"])
@pytest.mark.parametrize("run", [changes, destroys, previews, reviews, rotates, sets_up])
def test_a_lost_passphrase_is_reported_before_pulumi_runs_and_no_other_takes_its_place(
    layout: Layout, run: Callable[[Layout], None], content: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rotation made a new one where it was missing, so that nothing said any more that it was lost.

    `make up` said that the state was not in the state folder.
    """
    salted = layout.state.parent / "Pulumi.local.yaml"
    salted.write_text("encryptionsalt: v1:x\n")
    monkeypatch.setattr("local.stacks.checkout.stack_file", lambda _: salted)
    path = layout.state / "passphrase"
    path.unlink()
    if content is not None:
        path.write_text(content)
    problem = "missing" if content is None else "empty"
    with pytest.raises(
        SetupError, match=f"{re.escape(str(path))} is {problem}, but .* restore it from a copy"
    ):
        run(layout)
    assert not has_run(layout)
    assert (path.read_text() if path.exists() else None) == content


@pytest.mark.case(28)
@COMMANDS
def test_after_pulumis_error_about_the_passphrase_the_file_and_the_remedy_are_named(
    layout: Layout, run: Callable[[Layout], None], capfd: pytest.CaptureFixture[str]
) -> None:
    run(layout)
    said = "".join(capfd.readouterr())
    assert "error: getting stack configuration: incorrect passphrase\n" in said
    path = layout.state / "passphrase"
    assert f"\n{path} is not the passphrase of this set-up's stacks: restore it from" in said
    assert path.read_text() not in said


@COMMANDS
def test_another_error_of_pulumi_gets_no_remedy(
    layout: Layout, run: Callable[[Layout], None], capfd: pytest.CaptureFixture[str]
) -> None:
    write_pulumi(layout, NOTHING)
    run(layout)
    said = "".join(capfd.readouterr())
    assert "error: the stack is locked\n" in said
    assert "passphrase" not in said


@pytest.mark.parametrize("arguments", [["up"], ["preview"]])
def test_without_a_set_up_pulumi_alone_judges_the_passphrase(
    layout: Layout, arguments: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another backend, it may be in a variable or not be needed at all."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", "/nowhere")
    assert pulumi(arguments, {}, layout.update_log) == 255
    assert "restore it" not in "".join(capfd.readouterr())
