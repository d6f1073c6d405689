"""One ssh connection for all that is asked of a host: requests share it instead of connecting each."""

import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

IDLE_SECONDS = 60
"""Time after which a connection ends that nobody closed, for its program was killed."""
CLOSE_SECONDS = 5


class SharedSsh:
    """The first request with `options` makes the connection, which lasts until `close`."""

    def __init__(self, options: Sequence[str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="skycoin-ssh-")
        self._socket = Path(self._folder.name) / "shared"
        shared = ("ControlMaster=auto", f"ControlPath={self._socket}", f"ControlPersist={IDLE_SECONDS}")
        # ssh takes the first value: a connection of the user's own is neither used nor closed here.
        self.options = [*(part for option in shared for part in ("-o", option)), *options]

    def close(self) -> None:
        """End the connection where there is one."""
        if self._socket.exists():
            # The socket says which connection; a host's name is asked for all the same.
            command = ["ssh", "-o", f"ControlPath={self._socket}", "-O", "exit", "host"]
            with suppress(OSError, subprocess.TimeoutExpired):  # it ends by itself
                subprocess.run(command, capture_output=True, timeout=CLOSE_SECONDS, check=False)
        self._folder.cleanup()
