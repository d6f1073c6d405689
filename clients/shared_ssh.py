"""One ssh connection that all requests to a host share."""

import subprocess
from collections.abc import Sequence
from contextlib import suppress

from clients.private_folder import PrivateFolder

IDLE_SECONDS = 60
"""Seconds after which an idle connection ends, in case its program was killed."""
CLOSE_SECONDS = 5


class SharedSsh:
    """A shared connection: the first ssh with `options` opens it, and `close` ends it."""

    def __init__(self, options: Sequence[str]) -> None:
        self._folder = PrivateFolder()
        self._socket = self._folder.path / "shared"
        shared = ("ControlMaster=auto", f"ControlPath={self._socket}", f"ControlPersist={IDLE_SECONDS}")
        # ssh uses the first value, so the user's own shared connections are neither used nor closed here.
        self.options = [*(part for option in shared for part in ("-o", option)), *options]

    def close(self) -> None:
        """Close the connection if there is one."""
        if self._socket.exists():
            # The socket identifies the connection; ssh requires a host name anyway.
            command = ["ssh", "-o", f"ControlPath={self._socket}", "-O", "exit", "host"]
            with suppress(OSError, subprocess.TimeoutExpired):  # it ends on its own
                subprocess.run(command, capture_output=True, timeout=CLOSE_SECONDS, check=False)
        self._folder.close()
