"""Downloads: an archive is unpacked completely and only with the pinned SHA-256, or not at all."""

import hashlib
import http.client
import os
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

from local.machine.layout import Layout, Mode
from local.machine.steps import HEARTBEAT, SetupError, output

TIMEOUT = 60
"""Seconds for the connection, and between two parts."""
PIECE = 1 << 20
MEGABYTE = 1_000_000


def reachable(url: str) -> bool:
    """True if the address answers a HEAD request within 5 s: with success, 401 or 405."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=5):
            return True
    except urllib.error.HTTPError as error:
        return error.code in (401, 405)
    except (OSError, http.client.HTTPException):
        return False


def wants_official(layout: Layout, url: str) -> bool:
    """True if files from `url` come from the official source."""
    return layout.mode is Mode.OFFICIAL or (layout.mode is Mode.AUTO and reachable(url))


def unpacked(url: str, sha256: str, folder: Path, *, within: int = 1) -> None:
    """Put the content of an archive at `folder`, without `within` levels of folders; nothing if it exists.

    Raises SetupError if the archive can't be downloaded completely or unpacked, or has another checksum. An
    interrupted run leaves nothing; the next run removes what a killed one left.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder)
    if folder.exists():
        return
    # In the same folder, so that the rename is atomic.
    partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.{os.getpid()}.", dir=folder.parent))
    try:
        archive, content = partial / "archive", partial / "content"
        with archive.open("wb") as file:
            _download(url, sha256, file)
        content.mkdir()
        unpack = ["tar", "-xzf", str(archive), f"--strip-components={within}", "-C", str(content)]
        if output(unpack, timeout=300) is None:
            raise SetupError(
                f"{url} has the pinned SHA-256, but tar can't unpack it below {folder.parent}: "
                "is the disk full?"
            )
        content.rename(folder)
    finally:
        shutil.rmtree(partial)


def _remove_leftovers(folder: Path) -> None:
    """Remove partial folders of processes that no longer run."""
    for left in folder.parent.glob(f"{folder.name}.*.*"):
        pid = left.name.removeprefix(f"{folder.name}.").partition(".")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(left)


def _download(url: str, sha256: str, file: IO[bytes]) -> None:
    seen, length, expected, reported = hashlib.sha256(), 0, None, time.monotonic()
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            expected = answer.headers["Content-Length"]
            while piece := answer.read(PIECE):
                seen.update(piece)
                file.write(piece)
                length += len(piece)
                if time.monotonic() - reported > HEARTBEAT:
                    reported = time.monotonic()
                    print(f"    … downloaded: {length / MEGABYTE:.0f} MB", flush=True)
    except (OSError, http.client.HTTPException) as error:
        raise SetupError(f"{url} can't be downloaded: {error}. {_REMEDY}") from None
    if expected is not None and length < int(expected):
        raise SetupError(f"{url} ended after {length} of {expected} bytes. {_REMEDY}")
    if seen.hexdigest() != sha256:
        raise SetupError(
            f"{url} has the SHA-256 {seen.hexdigest()}, but {sha256} is pinned: it is not the "
            f"published file. {_REMEDY}"
        )


_REMEDY = "No part of it was kept: run this again, or build it from its module with SKYCOIN_MODE=embedded"
