"""A folder for sockets that only this user can enter; if its program is killed, a later one removes it."""

import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
import time
from pathlib import Path

PREFIX = "skycoin-ssh-"
YOUNG_SECONDS = 60
"""Age in seconds below which an unlocked folder may belong to a program that is about to lock it."""


class PrivateFolder:
    """A temporary folder that this process locks until `close`.

    Pulumi kills its plugins at the end of a command, so they can't remove their folders; the next program
    does.
    """

    def __init__(self) -> None:
        _remove_abandoned()
        self._held = contextlib.ExitStack()
        self.path = Path(self._held.enter_context(tempfile.TemporaryDirectory(prefix=PREFIX)))
        lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        self._held.callback(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)

    def close(self) -> None:
        """Remove the folder; further calls do nothing."""
        self._held.close()


@functools.cache
def _remove_abandoned() -> None:
    """Remove this user's old folders that no process has locked; later calls in a process do nothing."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, locked, or already removed
            _remove_if_abandoned(folder)


def _remove_if_abandoned(folder: Path) -> None:
    """Remove an old, unlocked folder of this user; raise OSError if it is locked or not a folder."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(lock)
        if status.st_uid == os.geteuid() and time.time() - status.st_mtime > YOUNG_SECONDS:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
    finally:
        os.close(lock)
