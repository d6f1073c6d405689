"""Leftovers of a failed download are not taken for the official plugin (with a fake pulumi)."""

import os
from collections.abc import Mapping
from dataclasses import replace

import pytest

from local.machine.layout import Layout, Mode
from local.machine.steps import SetupError
from local.pulumi.cli import ensure_plugin, plugin_folder

NAME = "docker-build"


def pulumi_that(layout: Layout, monkeypatch: pytest.MonkeyPatch, does: str) -> Mapping[str, str]:
    """Environment with a `pulumi` that runs these lines; $FOLDER is the plugin's folder."""
    program = layout.state / "bin" / "pulumi"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\nFOLDER={plugin_folder(layout, NAME)}\nmkdir -p $FOLDER\n{does}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return {}


BROKEN = "touch $FOLDER.partial\nexit 1"
"""Behaviour of pulumi 3.259.0 with an archive that it can't unpack."""
WHOLE = "touch $FOLDER/pulumi-resource-docker-build"


def test_a_broken_download_leaves_nothing_and_the_next_set_up_tries_again(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the empty folder was taken for an installed official plugin."""
    folder = plugin_folder(layout, NAME)
    for _ in range(2):
        env = pulumi_that(layout, monkeypatch, BROKEN)
        with pytest.raises(SetupError, match=r"official plugin docker-build is required .* fails"):
            ensure_plugin(layout, "go", env, NAME, Mode.OFFICIAL)
        assert list(folder.parent.iterdir()) == []
    env = pulumi_that(layout, monkeypatch, WHOLE)
    assert ensure_plugin(layout, "go", env, NAME, Mode.OFFICIAL)
    assert ensure_plugin(layout, "go", pulumi_that(layout, monkeypatch, BROKEN), NAME, Mode.OFFICIAL)


def test_a_killed_download_is_not_used_as_a_plugin(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = plugin_folder(layout, NAME)
    folder.mkdir(parents=True)
    folder.with_name(f"{folder.name}.partial").touch()
    env = pulumi_that(layout, monkeypatch, f"rm -f $FOLDER.partial\n{WHOLE}")
    assert ensure_plugin(layout, "go", env, NAME, Mode.AUTO)
    assert (folder / "pulumi-resource-docker-build").exists()


@pytest.mark.parametrize(
    ("chosen", "wanted", "before", "reason"),
    [
        (Mode.EMBEDDED, Mode.EMBEDDED, False, "chosen by SKYCOIN_MODE=embedded"),
        (Mode.AUTO, Mode.EMBEDDED, False, "as at the first `make up`"),
        (Mode.AUTO, Mode.AUTO, True, "as at the first `make up`"),
        (Mode.AUTO, Mode.AUTO, False, "because its download failed"),
    ],
)
def test_the_true_reason_for_another_plugin_than_the_official_one_is_printed(
    layout: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    chosen: Mode,
    wanted: Mode,
    before: bool,
    reason: str,
) -> None:
    """Before, "no plugin registry was reached" was printed also where none had been asked."""
    folder = plugin_folder(layout, "docker")
    folder.mkdir(parents=True)
    if before:
        (folder / "ORIGIN").touch()
    else:
        folder.rmdir()
    env = pulumi_that(layout, monkeypatch, f"mkdir -p {folder}; case $* in *--file*) ;; *) exit 1 ;; esac")
    assert not ensure_plugin(replace(layout, mode=chosen), "go", env, "docker", wanted)
    assert f"this project's stand-in (providers/docker), {reason} (" in capsys.readouterr().out
    assert (folder / "ORIGIN").exists()
