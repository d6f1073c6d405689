"""A Docker engine behind ssh, as a local socket.

Each connection to the socket becomes one `ssh … docker system dial-stdio`, which is what the docker
command does for ssh:// (docker/cli `cli/connhelper`). Host keys are checked; ssh never asks.
"""

import socket
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from catalogue.ssh_options import STRICT_HOST_KEYS

CONNECT_SECONDS = 20
"""Time in which the host must answer: a dead one is reported in less than 30 s."""

ALIVE = ("ServerAliveInterval=15", "ServerAliveCountMax=4")
"""A host that goes away in the middle, of a pull for one, is noticed within a minute."""


DIAL = "docker system dial-stdio"


def ssh_command(url: str, options: Sequence[str], command: str = DIAL) -> list[str]:
    """The ssh command for `ssh://USER@HOST[:PORT]`; but for the host's key, the caller's options win."""
    parts = urlsplit(url)
    ours = ("BatchMode=yes", f"ConnectTimeout={CONNECT_SECONDS}", *ALIVE)
    line = ["ssh", *STRICT_HOST_KEYS, *options, *(part for option in ours for part in ("-o", option))]
    if parts.username:
        line += ["-l", parts.username]
    if parts.port:
        line += ["-p", str(parts.port)]
    return [*line, "--", parts.hostname or "", command]


class SshRelay:
    """Listens on a socket in a private folder for as long as the process lives."""

    def __init__(self, url: str, options: Sequence[str]) -> None:
        self._command = ssh_command(url, options)
        self._folder = tempfile.TemporaryDirectory(prefix="skycoin-ssh-")
        self._path = Path(self._folder.name) / "docker.sock"
        self._errors = Path(self._folder.name) / "errors"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self) -> str:
        """DOCKER_HOST of the socket."""
        return f"unix://{self._path}"

    def last_words(self) -> str:
        """What ssh printed on its error output, on one line."""
        return " ".join(self._errors.read_text(errors="replace").split()) if self._errors.exists() else ""

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection, self._errors.open("ab") as errors:
                process = subprocess.Popen(
                    self._command,
                    stdin=connection.fileno(),
                    stdout=connection.fileno(),
                    stderr=errors,
                    start_new_session=True,
                )
            threading.Thread(target=process.wait, daemon=True).start()
