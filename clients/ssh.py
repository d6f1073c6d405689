"""A host behind ssh: its Docker engine as a local socket, and a port of this machine on its loopback.

Each connection to the socket becomes one `ssh … docker system dial-stdio`, which is what the docker
command does for ssh:// (docker/cli `cli/connhelper`). Host keys are checked; ssh never asks.
"""

import contextlib
import re
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from catalogue.ssh_options import STRICT_HOST_KEYS
from clients.errors import ServiceError

CONNECT_SECONDS = 20
"""Time in which the host must answer: a dead one is reported in less than 30 s."""

ALIVE = ("ServerAliveInterval=7", "ServerAliveCountMax=3")
"""A host that goes away in the middle, of a pull for one, is noticed within half a minute."""

DIAL = "docker system dial-stdio"
LOOPBACK = "127.0.0.1"


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


@contextlib.contextmanager
def forwarded(url: str, options: Sequence[str], target: str, port: int) -> Iterator[int]:
    """Forward a port of the host's loopback to TCP `target:port` of this side; the port on the host.

    The same number where it is free there, else one that its sshd chooses. Raises ServiceError.
    """
    process, there, said = None, 0, ""
    try:
        for wanted in (port, 0):
            process, there, said = _forwarding(url, options, f"{LOOPBACK}:{wanted}:{target}:{port}")
            if there or "forwarding failed" not in said:
                break
        if not there:
            raise ServiceError(_no_way(url, said))
        yield there
    finally:
        if process is not None:
            _end(process)


def _forwarding(url: str, options: Sequence[str], forward: str) -> tuple["subprocess.Popen[str]", int, str]:
    """A connection that forwards, the port on the host (0: there is none), and what ssh said."""
    # One of its own: a shared connection would keep the forwarding when this one ends.
    own = ["-o", "ControlPath=none", "-o", "ExitOnForwardFailure=yes", "-R", forward]
    command = ssh_command(url, [*options, *own], "echo ready; cat > /dev/null")
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
        is_ready = process.stdout is not None and process.stdout.readline() == "ready\n"
        if not is_ready:
            process.wait()
        errors.seek(0)
        said = " ".join(errors.read().split())
    chosen = re.search(r"Allocated port (\d+)", said)
    there = int(chosen[1]) if chosen else int(forward.split(":")[1])
    return process, there if is_ready else 0, said


def _end(process: "subprocess.Popen[str]") -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _no_way(url: str, said: str) -> str:
    hint = (
        "Its sshd must forward ports (AllowTcpForwarding in sshd_config), or the host pulls from a registry "
        "that it reaches: `pull-from`."
        if "forwarding failed" in said
        else f"Try `ssh {url} true`; its key must be in known_hosts."
    )
    return f"{url} forwards no port for a pull: {said or 'ssh ended'}\n{hint}"


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
