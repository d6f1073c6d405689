"""A host behind ssh: its Docker engine as a local socket, and a port of this machine on its loopback.

Each connection to the socket becomes one `ssh … docker system dial-stdio`, which is what the docker
command does for ssh:// (docker/cli `cli/connhelper`). Host keys are checked; ssh never asks.
"""

import contextlib
import os
import re
import select
import shlex
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast
from urllib.parse import urlsplit

from catalogue.ssh_options import STRICT_HOST_KEYS
from clients.errors import ServiceError

CONNECT_SECONDS = 20
"""Time in which the host must answer: a dead one is reported in less than 30 s."""

ALIVE = ("ServerAliveInterval=7", "ServerAliveCountMax=3")
"""A host that goes away in the middle, of a pull for one, is noticed within half a minute."""

READY_SECONDS = 40
"""Time in which a command must begin there: a board that is busy takes some."""

LOGINS = 10
"""Connections of this process, of whatever kind, that log in at the same time: sshd drops some beyond ten
(sshd_config(5), `MaxStartups 10:30:100`), and all hosts behind a jump host meet at its sshd."""
LOGIN_SECONDS = 10
"""Time after which a connection that has answered nothing no longer counts as one that logs in: it is in, and
waits for its engine."""
CHUNK = 1 << 16
_places = threading.Semaphore(LOGINS)

DIAL = "docker system dial-stdio"
READY = "ready"
LOOPBACK = "127.0.0.1"


class Login:
    """A place among the LOGINS, which is waited for: each ssh that connects has one until it is in.

    It is given back by itself after LOGIN_SECONDS: nobody waits for ever for another's place.
    """

    def __init__(self) -> None:
        _places.acquire()
        self._given_back = threading.Lock()
        self._limit = threading.Timer(LOGIN_SECONDS, self.over)
        self._limit.daemon = True
        try:
            self._limit.start()
        except RuntimeError:  # no more threads
            self.over()
            raise

    def over(self) -> None:
        """Give the place back, once."""
        self._limit.cancel()
        if self._given_back.acquire(blocking=False):
            _places.release()

    def __enter__(self) -> "Login":
        return self

    def __exit__(self, *_: object) -> None:
        self.over()


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
    for wanted in (port, 0):
        with _forwarding(url, options, wanted, f"{target}:{port}") as (there, said):
            if there:
                yield there
                return
        if _failure(wanted) not in said:
            raise ServiceError(_no_way(url, said, refused=False))
    raise ServiceError(_no_way(url, said, refused=True))


@contextlib.contextmanager
def _forwarding(url: str, options: Sequence[str], wanted: int, target: str) -> Iterator[tuple[int, str]]:
    """A connection that forwards: the port on the host (0 for none), and the output of ssh."""
    # A shared connection would keep the forwarding when this one ends. What a person's own configuration
    # forwards besides may fail, and it must not silence what is said of this one.
    own = ("ControlPath=none", "ExitOnForwardFailure=no", "LogLevel=INFO")
    forward = ["-R", f"{LOOPBACK}:{wanted}:{target}"]
    settings = [*options, *(part for option in own for part in ("-o", option)), *forward]
    command = ssh_command(url, settings, f"echo {READY}; cat > /dev/null")
    with tempfile.TemporaryFile("w+", errors="replace") as errors, Login() as login:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        # A key that may run one command alone (`command=` in authorized_keys) never gets an answer.
        limit = threading.Timer(READY_SECONDS, process.kill)
        limit.start()
        try:
            is_ready = any(line.strip() == READY for line in process.stdout or ())
            limit.cancel()
            login.over()
            if not is_ready:
                _end(process)
            errors.seek(0)
            said = " ".join(errors.read().split())
            chosen = re.search(rf"Allocated port (\d+) for remote forward to {re.escape(target)}", said)
            there = int(chosen[1]) if chosen else wanted
            yield there if is_ready and _failure(wanted) not in said else 0, said
        finally:
            limit.cancel()
            _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _failure(port: int) -> str:
    """How ssh says that a port of the host can't be had."""
    return f"remote port forwarding failed for listen port {port}"


def _no_way(url: str, said: str, *, refused: bool) -> str:
    hint = (
        "Its sshd must forward ports (AllowTcpForwarding in sshd_config), or the host pulls from a registry "
        "that it reaches: `pull-from`."
        if refused
        else f"Try `ssh {url} true`: its key must be in known_hosts, and yours must be good for any command "
        "there; or the host pulls from a registry that it reaches: `pull-from`."
    )
    return f"{url} forwards no port for a pull: {said or 'no command was run there'}\n{hint}"


def start_detached(url: str, options: Sequence[str], script: str, arguments: Sequence[str]) -> None:
    """Start a shell script on the host that goes on when the connection ends. Raises ServiceError."""
    words = shlex.join(["sh", "-c", script, "sh", *arguments])
    # In a session of its own where there is util-linux or busybox; nohup is POSIX.
    detached = f"nohup {words} < /dev/null > /dev/null 2>&1 & echo started"
    command = ssh_command(url, options, f"sh -c {shlex.quote(detached)}")
    try:
        with Login():
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
            )
    except subprocess.TimeoutExpired:
        raise ServiceError(f"{url}: ssh does not end") from None
    if done.stdout.splitlines()[-1:] != ["started"]:
        said = " ".join(done.stderr.split())
        raise ServiceError(f"{url} starts no command: {said or f'exit code {done.returncode}'}")


class SshRelay:
    """Listens on a socket in a private folder until it is closed."""

    def __init__(self, url: str, options: Sequence[str]) -> None:
        self._command = ssh_command(url, options)
        self._folder = tempfile.TemporaryDirectory(prefix="skycoin-ssh-")
        self._path = Path(self._folder.name) / "docker.sock"
        self._errors = Path(self._folder.name) / "errors"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True, name=f"ssh {url}").start()

    @property
    def address(self) -> str:
        """DOCKER_HOST of the socket."""
        return f"unix://{self._path}"

    def last_words(self) -> str:
        """What ssh printed on its error output, on one line."""
        return " ".join(self._errors.read_text(errors="replace").split()) if self._errors.exists() else ""

    def close(self) -> None:
        """Take no more connections; the ssh of one that is there ends when whoever asked goes."""
        with contextlib.suppress(OSError):  # it is closed already
            self._listener.shutdown(socket.SHUT_RDWR)  # what waits in `accept` hears of it

    def _serve(self) -> None:
        with self._folder, self._listener:
            while (connection := self._accepted()) is not None:
                try:
                    self._connect(connection)
                except (OSError, RuntimeError) as error:  # no ssh there, or no more descriptors or threads
                    self._errors.write_text(str(error))
                    connection.close()

    def _connect(self, connection: socket.socket) -> None:
        """Begin an ssh for a connection, and answer from it; nothing of it is left where that fails."""
        with contextlib.ExitStack() as undone:
            login = undone.enter_context(Login())
            process = undone.enter_context(self._begun(connection))
            undone.callback(process.kill)
            name, given = threading.current_thread().name, (connection, process, login)
            threading.Thread(target=_answer, args=given, daemon=True, name=name).start()
            undone.pop_all()

    def _accepted(self) -> socket.socket | None:
        """The next connection; None after `close`."""
        with contextlib.suppress(OSError):
            return self._listener.accept()[0]
        return None

    def _begun(self, connection: socket.socket) -> "subprocess.Popen[bytes]":
        with self._errors.open("ab") as errors:
            return subprocess.Popen(
                self._command,
                stdin=connection.fileno(),
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )


def _answer(connection: socket.socket, process: "subprocess.Popen[bytes]", login: Login) -> None:
    """Pass on whatever ssh prints until it ends; with its first byte it has logged in."""
    with connection, process, login:
        answer = cast("IO[bytes]", process.stdout).fileno()
        with contextlib.suppress(OSError):  # whoever asked has gone
            while part := os.read(answer, CHUNK):
                login.over()
                _send(connection, part)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)  # ssh has it too, as its input


def _send(connection: socket.socket, part: bytes) -> None:
    """Send all of a part, to a reader that may be slow.

    ssh makes its input nonblocking, and with it this end of the connection, which is the same one.
    """
    rest, room = memoryview(part), select.poll()
    room.register(connection, select.POLLOUT)
    while rest:
        try:
            rest = rest[connection.send(rest) :]
        except BlockingIOError:
            room.poll()
