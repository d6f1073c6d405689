"""The official Pulumi CLI's download: whole and as published, or absent. A failure leaves nothing behind."""

import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.machine.download import reachable, unpacked
from local.machine.layout import Layout, Mode, read_layout
from local.machine.steps import SetupError
from local.pulumi import cli as pulumi_cli
from local.pulumi.cli import CLI_SHA256, OFFICIAL_CLI, ensure_cli
from tests.unit.downloads import Downloads, archive_of, serving

NAME = "pulumi-v3.259.0-linux-x64"
PATH = f"/{NAME}.tar.gz"


ARCHIVE = archive_of(
    {"pulumi/pulumi": b"#!/bin/sh\necho v3.259.0\n", "pulumi/pulumi-language-python": os.urandom(200_000)}
)
SHA256 = hashlib.sha256(ARCHIVE).hexdigest()


@pytest.fixture
def downloads() -> Iterator[Downloads]:
    with serving(Downloads({PATH: ARCHIVE})) as served:
        yield served


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "tools" / NAME


def refused(downloads: Downloads, folder: Path, sha256: str = SHA256) -> str:
    """Expect a refused download that leaves nothing behind; return the error."""
    with pytest.raises(SetupError) as caught:
        unpacked(downloads.address + PATH, sha256, folder)
    assert list(folder.parent.iterdir()) == []
    return str(caught.value)


def test_an_archive_as_published_is_unpacked_once(downloads: Downloads, folder: Path) -> None:
    for _ in range(2):
        unpacked(downloads.address + PATH, SHA256, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["pulumi", "pulumi-language-python"]
    assert os.access(folder / "pulumi", os.X_OK)
    assert [path.name for path in folder.parent.iterdir()] == [NAME]
    assert downloads.asked == [PATH]


def test_another_file_is_refused_and_not_opened(downloads: Downloads, folder: Path) -> None:
    """Before, the file was piped into tar unchecked."""
    downloads.files[PATH] = archive_of({"pulumi/pulumi": b"somebody else's\n"})
    said = refused(downloads, folder)
    assert re.search(rf"has the SHA-256 [0-9a-f]{{64}}, but {SHA256} is pinned", said)
    assert "No part of it was kept" in said


def test_half_a_file_is_refused(downloads: Downloads, folder: Path) -> None:
    downloads.cut = 100_000
    said = refused(downloads, folder)
    assert f"ended after 100000 of {len(ARCHIVE)} bytes" in said
    assert "run this again" in said


def test_a_missing_file_is_reported(downloads: Downloads, folder: Path) -> None:
    downloads.files.clear()
    assert "can't be downloaded: HTTP Error 404" in refused(downloads, folder)


def test_a_server_that_does_not_speak_http_is_not_reachable() -> None:
    """Before, an answer of another protocol ended `make up` with a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_answer_once, args=(server,), daemon=True).start()
        assert not reachable(f"http://127.0.0.1:{server.getsockname()[1]}/")


def _answer_once(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


def test_an_unreachable_server_is_reported(folder: Path) -> None:
    assert "Connection refused" in refused(Downloads(address="http://127.0.0.1:1"), folder)


def test_an_archive_that_tar_cannot_read_leaves_nothing(downloads: Downloads, folder: Path) -> None:
    downloads.files[PATH] = b"no archive"
    said = refused(downloads, folder, hashlib.sha256(b"no archive").hexdigest())
    assert "tar can't unpack it" in said


def interrupted(downloads: Downloads, folder: Path, number: signal.Signals) -> None:
    """Send a signal to a download that is half done."""
    downloads.cut, downloads.stall = 100_000, threading.Event()
    script = "import sys; from pathlib import Path; from local.machine.download import unpacked; "
    script += "unpacked(sys.argv[1], sys.argv[2], Path(sys.argv[3]))"
    argv = [sys.executable, "-c", script, downloads.address + PATH, SHA256, str(folder)]
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 20
        while not list(folder.parent.glob("*/archive")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        process.wait(timeout=20)
    downloads.stall.set()
    downloads.cut = downloads.stall = None


def test_an_interrupted_download_leaves_nothing(downloads: Downloads, folder: Path) -> None:
    interrupted(downloads, folder, signal.SIGINT)
    assert list(folder.parent.iterdir()) == []


def test_files_of_a_killed_download_are_removed_by_the_next(downloads: Downloads, folder: Path) -> None:
    interrupted(downloads, folder, signal.SIGKILL)
    assert list(folder.parent.iterdir()) != []
    other = folder.parent / f"{NAME}.{os.getpid()}.another-set-ups"
    other.mkdir()
    unpacked(downloads.address + PATH, SHA256, folder)
    assert sorted(folder.parent.iterdir()) == [folder, other], "another set-up downloads at the same time"


@pytest.mark.parametrize(("machine", "arch"), [("x86_64", "x64"), ("aarch64", "arm64")])
def test_the_official_cli_is_the_pinned_release_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str, arch: str
) -> None:
    monkeypatch.setenv("SKYCOIN_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("SKYCOIN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SKYCOIN_MODE", Mode.OFFICIAL)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "", "", "", machine)))
    asked: list[tuple[str, str, Path]] = []
    monkeypatch.setattr(pulumi_cli, "unpacked", lambda *given: asked.append(given))
    layout: Layout = read_layout()
    [found] = ensure_cli(layout, "go")
    assert found == layout.cache / "tools" / f"pulumi-v3.259.0-linux-{arch}"
    assert asked == [(OFFICIAL_CLI.format(arch=arch), CLI_SHA256[arch], found)]
