"""The official plugin is installed with its recorded checksum, or if asked for (with a fake pulumi)."""

import hashlib
import json
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
from local.pulumi.docker_plugin_choice import DockerPlugin, recorded
from local.pulumi.plugins import (
    MACHINES,
    PLUGINS,
    archive_name,
    ensure_plugin,
    plugin_folder,
    recorded_checksums,
)
from local.setup import _ensure_docker_plugin
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


def test_a_download_that_fails_leaves_the_plugin_that_is_installed(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, `SKYCOIN_MODE=official make up` without a network removed the built docker-build."""
    folder = plugin_folder(layout, NAME)
    folder.mkdir(parents=True)
    (folder / "ORIGIN").write_text("built from its Go module")
    with pytest.raises(SetupError, match=r"official plugin docker-build is required .* fails"):
        ensure_plugin(layout, "go", pulumi_that(layout, monkeypatch, "exit 1"), NAME, Mode.OFFICIAL)
    assert (folder / "ORIGIN").exists()


@pytest.mark.parametrize("killed", ["in the installation", "before ORIGIN"])
def test_a_stand_in_that_was_killed_while_it_was_installed_is_not_the_official_plugin(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, published: Downloads, killed: str
) -> None:
    """Before, the next `make up` took the folder for the official plugin of a set-up, and downloaded it."""
    folder = plugin_folder(layout, "docker")
    asked = layout.state / "asked"
    with monkeypatch.context() as dying:
        dying.setattr(plugins, "_reason", killing)
        fails = f"touch {folder}.partial; exit 1" if killed == "in the installation" else ""
        env = pulumi_that(layout, dying, f"mkdir -p {folder}; {fails}")
        with pytest.raises((KilledError, SetupError)):
            _ensure_docker_plugin(layout, "go", env)
    assert recorded(layout) is None
    env = pulumi_that(layout, monkeypatch, f'mkdir -p {folder}; rm -f {folder}.partial; echo "$*" >> {asked}')
    _ensure_docker_plugin(layout, "go", env)
    assert recorded(layout) is DockerPlugin.STAND_IN
    assert [path.name for path in folder.parent.iterdir() if "docker-v" in path.name] == [folder.name]
    assert ["--file" in line for line in asked.read_text().splitlines()] == [True]
    assert (folder / "ORIGIN").exists()


class KilledError(BaseException):
    """The process was killed."""


def killing(*_: object, **__: object) -> str:
    raise KilledError


COPIES = f"while [ $# -gt 1 ]; do shift; done; cp $1 $FOLDER/pulumi-resource-{NAME}"
"""Behaviour of `pulumi plugin install --file PROGRAM`."""
PROGRAM = b"#!/bin/sh\n"


def release_of(name: str, archives: Mapping[str, bytes]) -> bytes:
    """Answer of GitHub about a release, with what `pin-plugins` reads of it, and a file without a digest."""
    files = [(path[1:], content) for path, content in archives.items() if f"-{name}-v" in path]
    assets = [
        {"name": file, "digest": f"sha256:{hashlib.sha256(content).hexdigest()}"} for file, content in files
    ]
    return json.dumps({"assets": [*assets, {"name": "schema.json", "digest": None}]}).encode()


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Downloads]:
    """A server with both plugins for both machines; no checksum is recorded yet."""
    archives = {
        f"/{archive_name(name, machine)}": archive_of({f"pulumi-resource-{name}": PROGRAM})
        for name in PLUGINS
        for machine in MACHINES
    }
    releases = {f"/releases/{name}": release_of(name, archives) for name in PLUGINS}
    file = tmp_path / "plugin-checksums.txt"
    file.write_text("# nothing yet\n")
    with serving(Downloads({**archives, **releases})) as downloads:
        monkeypatch.setattr(plugins, "OFFICIAL_PLUGIN", f"{downloads.address}/{{archive}}")
        monkeypatch.setattr(plugins, "reachable", lambda _: True)
        monkeypatch.setattr(pin_plugins, "PUBLISHED", f"{downloads.address}/releases/{{name}}")
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
    release = json.loads(published.files["/releases/docker-build"])
    path = "/releases/docker-build"
    arm64 = next(each for each in release["assets"] if each["name"] == archive_name(NAME, "arm64"))
    for digest in (None, f"sha1:{40 * 'a'}", f"sha256:{64 * 'A'}"):
        arm64["digest"] = digest
        published.files[path] = json.dumps(release).encode()
        missing = skyinfra("release", "pin-plugins")
        assert f"{path} has no SHA-256 of {archive_name(NAME, 'arm64')}; it has those of: " in missing.err
        assert missing.code == 1
    for answer in (b"<html>", b"[]", b'{"assets": [1]}'):
        published.files[path] = answer
        assert f"{path} is not GitHub's answer about a release" in skyinfra("release", "pin-plugins").err
    del published.files[path]
    unread = skyinfra("release", "pin-plugins")
    assert f"{path} can't be read: HTTP Error 404: Not Found. Nothing was recorded." in unread.err
    assert unread.code == 1
    assert (tmp_path / "plugin-checksums.txt").read_text() == "# nothing yet\n"


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.OFFICIAL])
def test_a_line_that_is_no_checksum_is_refused_and_not_left_out(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, published: Downloads, tmp_path: Path, mode: Mode
) -> None:
    """Before, a damaged checksum was as good as none: the plugin was downloaded unverified."""
    env = pulumi_that(layout, monkeypatch, "touch $FOLDER/installed")
    archive = archive_name(NAME, MACHINE)
    sums = (64 * "A", 63 * "a", f"\ufeff{64 * 'a'}", f"\udcff{64 * 'a'}")
    for line in (*(f"{sum_}  {archive}" for sum_ in sums), "<<<<<<< HEAD"):
        (tmp_path / "plugin-checksums.txt").write_text(f"# a comment\n\n{line}\n", errors="surrogateescape")
        with pytest.raises(SetupError, match=r"plugin-checksums\.txt, line 3, is no checksum"):
            ensure_plugin(layout, "go", env, NAME, mode)
    assert not plugin_folder(layout, NAME).exists()
    (tmp_path / "plugin-checksums.txt").write_bytes(f"{64 * 'a'}  {archive}\r\n".encode())
    assert recorded_checksums() == {archive: 64 * "a"}


def test_a_checksum_that_was_corrected_is_not_met_by_what_was_downloaded_before(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, published: Downloads, tmp_path: Path
) -> None:
    """The folder of downloads is common to all checkouts of a user."""
    file, archive = tmp_path / "plugin-checksums.txt", archive_name(NAME, MACHINE)
    good = published.files[f"/{archive}"]
    published.files[f"/{archive}"] = archive_of({f"pulumi-resource-{NAME}": b"evil"})
    env = pulumi_that(layout, monkeypatch, COPIES)
    for content, program in ((published.files[f"/{archive}"], b"evil"), (good, PROGRAM)):
        published.files[f"/{archive}"] = content
        file.write_text(f"{hashlib.sha256(content).hexdigest()}  {archive}\n")
        shutil.rmtree(plugin_folder(layout, NAME), ignore_errors=True)
        assert ensure_plugin(layout, "go", env, NAME, Mode.AUTO)
        assert (plugin_folder(layout, NAME) / f"pulumi-resource-{NAME}").read_bytes() == program


def test_an_archive_without_the_program_is_refused(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, published: Downloads, tmp_path: Path
) -> None:
    archive = archive_name(NAME, MACHINE)
    content = published.files[f"/{archive}"] = archive_of({f"below/pulumi-resource-{NAME}": PROGRAM})
    (tmp_path / "plugin-checksums.txt").write_text(f"{hashlib.sha256(content).hexdigest()}  {archive}\n")
    env = pulumi_that(layout, monkeypatch, COPIES)
    with pytest.raises(SetupError, match=f"has no file pulumi-resource-{NAME} at its top"):
        ensure_plugin(layout, "go", env, NAME, Mode.AUTO)
    assert not plugin_folder(layout, NAME).exists()


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
