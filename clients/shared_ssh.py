"""One ssh connection that all requests of a process to a host share."""

import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress

from clients.private_folder import PrivateFolder

IDLE_SECONDS = 10
"""Seconds after which an idle connection ends, in case its program was killed."""
CLOSE_SECONDS = 5


class SharedSsh:
    """A shared connection: the first ssh with `options` opens it; `close` ends it once no block uses it.

    If the host allows no further session in it (sshd_config(5), `MaxSessions`), ssh opens a separate
    connection for that session.
    """

    def __init__(self, options: Sequence[str]) -> None:
        self._folder = PrivateFolder()
        self._socket = self._folder.path / "shared"
        self._lock, self._uses, self._closed = threading.Lock(), 0, False
        shared = ("ControlMaster=auto", f"ControlPath={self._socket}", f"ControlPersist={IDLE_SECONDS}")
        # ssh uses the first value, so the user's own shared connections are neither used nor closed here.
        self.options = [*(part for option in shared for part in ("-o", option)), *options]

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
            self._end()

    def _end(self) -> None:
        if self._socket.exists():
            # The socket identifies the connection; ssh requires a host name anyway.
            command = ["ssh", "-o", f"ControlPath={self._socket}", "-O", "exit", "host"]
            with suppress(OSError, subprocess.TimeoutExpired):  # it ends on its own
                subprocess.run(command, capture_output=True, timeout=CLOSE_SECONDS, check=False)
        self._folder.close()
