"""Downloads of a toy plugin by Pulumi's CLI, from a server of the tests.

`SKYCOIN_MODE=official` installs plugins without a recorded checksum in the same way, from another address.
"""

import hashlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalogue.arch import ARCHES
from local.pulumi.plugins import PLUGINS
from tests.e2e.machine import Machine, Result
from tests.unit.downloads import Downloads, archive_of, serving

GOARCH = {"x86_64": ARCHES["amd64"], "aarch64": ARCHES["arm64v8"]}[platform.machine()].goarch
PATH = f"/pulumi-resource-docker-v{PLUGINS['docker']}-linux-{GOARCH}.tar.gz"
ARCHIVE = archive_of({"pulumi-resource-docker": b"#!/bin/sh\n" + os.urandom(100_000)})


@pytest.fixture
def downloads() -> Iterator[Downloads]:
    with serving(Downloads({PATH: ARCHIVE})) as served:
        yield served


def install(up: Machine, home: Path, downloads: Downloads, *more: str) -> Result:
    """Run `pulumi plugin install` with a folder of the test."""
    command = ("pulumi", "plugin", "install", "resource", "docker", PLUGINS["docker"], "--reinstall")
    env = {**up.environment(), "PULUMI_HOME": str(home)}
    return up.run(*command, "--server", downloads.address, *more, env=env)


def left(home: Path) -> list[str]:
    """Names of what is left among the plugins, without lock files."""
    return sorted(path.name for path in (home / "plugins").glob("*") if path.suffix != ".lock")


def test_a_plugin_as_published_is_installed(up: Machine, tmp_path: Path, downloads: Downloads) -> None:
    result = install(up, tmp_path, downloads)
    assert result.code == 0, result.text
    assert left(tmp_path) == [f"resource-docker-v{PLUGINS['docker']}"]


def test_a_truncated_plugin_download_is_retried_and_leaves_nothing(
    up: Machine, tmp_path: Path, downloads: Downloads
) -> None:
    downloads.cut = 100
    result = install(up, tmp_path, downloads)
    assert result.code != 0
    assert "unexpected EOF" in result.text
    assert left(tmp_path) == []
    assert len(downloads.asked) == 5


def test_the_clis_checksum_refuses_a_plugin_as_published(
    up: Machine, tmp_path: Path, downloads: Downloads
) -> None:
    """This is why the set-up verifies the archive itself: the CLI (3.259.0) hashes only a part of it."""
    checksum = hashlib.sha256(ARCHIVE).hexdigest()
    result = install(up, tmp_path, downloads, "--checksum", checksum)
    assert result.code != 0
    assert f"invalid checksum, expected {checksum}, actual" in result.text
    assert left(tmp_path) == []


def test_a_missing_plugin_or_server_is_reported(up: Machine, tmp_path: Path, downloads: Downloads) -> None:
    downloads.files.clear()
    assert "404 HTTP error fetching plugin" in install(up, tmp_path, downloads).text
    assert "connection refused" in install(up, tmp_path, Downloads(address="http://127.0.0.1:1")).text
    assert left(tmp_path) == []


def test_a_plugin_that_is_not_an_archive_leaves_a_file_that_the_set_up_removes(
    up: Machine, tmp_path: Path, downloads: Downloads
) -> None:
    """The CLI leaves an empty folder marked as partial (tests/integration/test_plugin_install.py)."""
    downloads.files[PATH] = b"no archive"
    assert install(up, tmp_path, downloads).code != 0
    folder = f"resource-docker-v{PLUGINS['docker']}"
    assert left(tmp_path) == [folder, f"{folder}.partial"]
    assert list((tmp_path / "plugins" / folder).iterdir()) == []
