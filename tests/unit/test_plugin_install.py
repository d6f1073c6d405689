"""The official plugin is installed with its recorded checksum, or if asked for (with a fake pulumi)."""

import hashlib
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from commands.release import pin_plugins
from local.machine.layout import Layout, Mode
from local.machine.steps import SetupError
from local.pulumi import plugins
from local.pulumi.plugins import (
    MACHINES,
    PLUGINS,
    archive_name,
    ensure_plugin,
    plugin_folder,
    recorded_checksums,
)
from tests.unit.command_line import Skyinfra
from tests.unit.downloads import Downloads, archive_of, serving

NAME = "docker-build"
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


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
    assert ensure_plugin(layout, "go", env, NAME, Mode.OFFICIAL)
    assert (folder / "pulumi-resource-docker-build").exists()


COPIES = f"while [ $# -gt 1 ]; do shift; done; cp $1 $FOLDER/pulumi-resource-{NAME}"
"""Behaviour of `pulumi plugin install --file PROGRAM`."""
PROGRAM = b"#!/bin/sh\n"


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Downloads]:
    """A server with both plugins for both machines; no checksum is recorded yet."""
    archives = {
        f"/{archive_name(name, machine)}": archive_of({f"pulumi-resource-{name}": PROGRAM})
        for name in PLUGINS
        for machine in MACHINES
    }
    checksums = "".join(
        f"{hashlib.sha256(archive).hexdigest()}  {path[1:]}\n" for path, archive in archives.items()
    )
    file = tmp_path / "plugin-checksums.txt"
    file.write_text("# nothing yet\n")
    with serving(Downloads({**archives, "/checksums.txt": checksums.encode()})) as downloads:
        monkeypatch.setattr(plugins, "OFFICIAL_PLUGIN", f"{downloads.address}/{{archive}}")
        monkeypatch.setattr(plugins, "reachable", lambda _: True)
        monkeypatch.setattr(pin_plugins, "PUBLISHED", f"{downloads.address}/checksums.txt")
        for module in (plugins, pin_plugins):
            monkeypatch.setattr(module, "CHECKSUMS", file)
            monkeypatch.setattr(module, "PROJECT", tmp_path)
        yield downloads


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.OFFICIAL])
def test_a_recorded_checksum_is_what_the_official_plugin_must_have(
    layout: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    skyinfra: Skyinfra,
    published: Downloads,
    mode: Mode,
) -> None:
    recorded = skyinfra("release", "pin-plugins")
    assert recorded.out == "4 checksums are in plugin-checksums.txt: review and commit them.\n"
    path = next(path for path in published.files if NAME in path and MACHINE in path)
    published.files[path] = archive_of({f"pulumi-resource-{NAME}": b"evil"})
    env = pulumi_that(layout, monkeypatch, COPIES)
    program = plugin_folder(layout, NAME) / f"pulumi-resource-{NAME}"
    with pytest.raises(SetupError, match="is pinned: it is not the published file"):
        ensure_plugin(layout, "go", env, NAME, mode)
    assert not program.exists()
    published.files[path] = archive_of({f"pulumi-resource-{NAME}": PROGRAM})
    assert ensure_plugin(layout, "go", env, NAME, mode)
    assert "official, with the recorded checksum (" in capsys.readouterr().out
    assert program.read_bytes() == PROGRAM
    assert program.stat().st_mode & 0o100


def test_a_plugin_without_a_recorded_checksum_is_downloaded_only_if_it_is_asked_for(
    layout: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    published: Downloads,
) -> None:
    folder = plugin_folder(layout, "docker")
    env = pulumi_that(layout, monkeypatch, f'mkdir -p {folder}; echo "$*" >> {layout.state}/installed')
    assert not ensure_plugin(layout, "go", env, "docker", Mode.AUTO)
    assert "because no checksum of the official one is recorded (" in capsys.readouterr().out
    shutil.rmtree(folder)
    assert ensure_plugin(layout, "go", env, "docker", Mode.OFFICIAL)
    assert "official, not verified: plugin-checksums.txt has no checksum of it (" in capsys.readouterr().out
    installed = (layout.state / "installed").read_text().splitlines()
    assert ["--file" in line for line in installed] == [True, False]
    assert published.asked == []


def test_nothing_is_recorded_unless_all_checksums_are_published(
    tmp_path: Path, skyinfra: Skyinfra, published: Downloads
) -> None:
    lines = published.files["/checksums.txt"].splitlines(keepends=True)
    published.files["/checksums.txt"] = b"".join(lines[:-1])
    missing = skyinfra("release", "pin-plugins")
    assert f"checksums.txt has no checksum of {archive_name(NAME, 'arm64')}; it has those of: " in missing.err
    del published.files["/checksums.txt"]
    unread = skyinfra("release", "pin-plugins")
    assert "/checksums.txt can't be read: HTTP Error 404: Not Found. Nothing was recorded." in unread.err
    assert missing.code == unread.code == 1
    assert (tmp_path / "plugin-checksums.txt").read_text() == "# nothing yet\n"


def test_the_committed_checksums_are_of_the_pinned_plugins() -> None:
    """All of them or none: a machine of the other architecture would silently get another plugin."""
    names = {archive_name(name, machine) for name in PLUGINS for machine in MACHINES}
    assert recorded_checksums().keys() in (set(), names)
    lines = [line for line in plugins.CHECKSUMS.read_text().splitlines() if not line.startswith("#")]
    assert len(lines) == len(recorded_checksums())


@pytest.mark.parametrize(
    ("chosen", "wanted", "before", "reason"),
    [
        (Mode.EMBEDDED, Mode.EMBEDDED, False, "chosen by SKYCOIN_MODE=embedded"),
        (Mode.AUTO, Mode.EMBEDDED, False, "as at the first `make up`"),
        (Mode.AUTO, Mode.AUTO, True, "as at the first `make up`"),
        (Mode.AUTO, Mode.AUTO, False, "because no checksum of the official one is recorded"),
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
