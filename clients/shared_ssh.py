"""One ssh connection that all requests through a relay to a host share."""

import os
import socket
import subprocess
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from clients.private_folder import PrivateFolder

IDLE_SECONDS = 10
"""Seconds after which an idle connection ends, in case its program was killed."""
CONTROL_SECONDS = 5
"""Time limit in seconds of a command to a shared connection."""
_SUFFIX = 17
"""Characters that ssh appends to the path of a socket until it is ready (OpenSSH `mux.c`)."""
_CHANGED_BY_SSH = frozenset(" \t\"'\\%$")
"""Characters of a path that ssh would split, unquote or expand (ssh_config(5), `ControlPath`)."""


class SharedSsh:
    """A shared connection: the first ssh with `options` opens it; `close` ends it once no block uses it.

    It also ends with this process, unless that is killed.

    If the host allows no further session in it (sshd_config(5), `MaxSessions`), ssh opens a separate
    connection for that session. If ssh can't have its socket in the temporary folder, nothing is shared.
    """

    def __init__(self, options: Sequence[str]) -> None:
        self._folder = PrivateFolder()
        self._socket = self._folder.path / "s"
        # At the end of the process, for which threads may be too late; before the folder is removed.
        weakref.finalize(self, _end, self._socket)
        self._lock, self._uses, self._closed = threading.Lock(), 0, False
        shared = ("ControlMaster=auto", f"ControlPath={self._socket}", f"ControlPersist={IDLE_SECONDS}")
        own = [part for option in shared for part in ("-o", option)] if _can_be_made(self._socket) else []
        # ssh uses the first value, so the user's own shared connections are neither used nor closed here.
        self.options = [*own, *options]

    def __enter__(self) -> "SharedSsh":
        with self._lock:
            self._uses += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._change(uses=-1)

    def close(self) -> None:
        """End the connection now, or with the last block that uses it."""
        self._change(closed=True)

    def _change(self, *, uses: int = 0, closed: bool = False) -> None:
        with self._lock:
            self._uses += uses
            self._closed = self._closed or closed
            is_over = self._closed and not self._uses
        if is_over:
            _end(self._socket)
            self._folder.close()


def _end(path: Path) -> None:
    """End the connection whose socket has this path, if there is one."""
    if path.exists():
        # The socket identifies the connection; ssh requires a host name anyway.
        _control("exit", ["-F", "none", "-o", f"ControlPath={path}", "host"])


def is_shared_by_user(command: Sequence[str]) -> bool:
    """True if this ssh command would use a connection that the user has opened, perhaps with a password."""
    _, *arguments, _ = command
    return _control("check", arguments)


def _control(request: str, arguments: Sequence[str]) -> bool:
    """Send a request to the shared connection that the arguments name; False if there is none."""
    command, null = ["ssh", "-O", request, *arguments], subprocess.DEVNULL
    with suppress(OSError, subprocess.TimeoutExpired):
        ended = subprocess.run(
            command, stdin=null, stdout=null, stderr=null, timeout=CONTROL_SECONDS, check=False
        )
        return ended.returncode == 0
    return False


def _can_be_made(path: Path) -> bool:
    """True if ssh can make a socket at this path; otherwise it would end before it connects.

    ssh makes a socket with a longer name, and links it to the path.
    """
    if _CHANGED_BY_SSH & set(str(path)):
        return False
    made = Path(f"{path}{'x' * _SUFFIX}")
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind(str(made))
        os.link(made, path)
    except OSError:
        return False
    finally:
        for each in (made, path):
            each.unlink(missing_ok=True)
    return True
