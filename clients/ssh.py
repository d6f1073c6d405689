"""A host behind ssh: its Docker engine as a local socket, and a port of this machine on its loopback.

Each connection to the socket becomes one `ssh … docker system dial-stdio`, as in the docker command for
ssh:// (docker/cli `cli/connhelper`); they share one login. Host keys are checked; ssh never asks a question.
"""

import contextlib
import re
import select
import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from catalogue.confinement import LOOPBACK
from catalogue.ssh_options import STRICT_HOST_KEYS
from clients.errors import ServiceError
from clients.foreign import line
from clients.limited_run import EndlessOutputError, limited_run
from clients.private_folder import PrivateFolder
from clients.process_output import CHUNK, ErrorOutput, kill_group, parts
from clients.shared_ssh import SharedSsh, is_shared_by_user

CONNECT_SECONDS = 20
"""Time limit of the connection in seconds, so that a dead host is reported within 30 s."""

ALIVE = ("ServerAliveInterval=7", "ServerAliveCountMax=3")
"""Options that detect within half a minute that a host has gone, for example during a pull."""

READY_SECONDS = 40
"""Time limit in seconds for the start of a command on the host; a busy board needs several."""
START_SECONDS = 60
"""Time limit in seconds for starting a command that runs on."""

LOGINS = 10
"""Maximum number of connections of this process that log in at the same time.

sshd drops some beyond ten (sshd_config(5), `MaxStartups 10:30:100`), and all hosts behind a jump host share
its sshd.
"""
LOGIN_SECONDS = 10
"""Seconds after which a silent connection no longer counts as logging in: it waits for its engine."""
_places = threading.Semaphore(LOGINS)

_CLOSED_BY_JUMP_HOST = "closed by UNKNOWN port"
"""Part of ssh's error if the ssh to a jump host has ended."""

DIAL = "docker system dial-stdio"
READY = "ready"


class Login:
    """One of the LOGINS slots: each connecting ssh waits for one and holds it until it has logged in.

    A slot is released after LOGIN_SECONDS at the latest, so no connection waits for ever.
    """

    def __init__(self) -> None:
        _places.acquire()
        self._given_back = threading.Lock()
        self._limit = threading.Timer(LOGIN_SECONDS, self.release)
        self._limit.daemon = True
        try:
            self._limit.start()
        except RuntimeError:  # no more threads
            self.release()
            raise

    def release(self) -> None:
        """Release the slot; further calls do nothing."""
        self._limit.cancel()
        if self._given_back.acquire(blocking=False):
            _places.release()

    def __enter__(self) -> "Login":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def ssh_command(url: str, options: Sequence[str], command: str = DIAL) -> list[str]:
    """The ssh command for `ssh://USER@HOST[:PORT]`; the caller's options win, except for host keys.

    Raises ServiceError for an address of another form, which only DOCKER_HOST can have.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ServiceError(
            f"{url}, as in DOCKER_HOST, is not the address of an engine: behind ssh that is "
            "ssh://USER@HOST or ssh://USER@HOST:PORT, with a port from 1 to 65535. Correct that variable, or "
            "unset it for the engine at the system's socket."
        ) from None
    defaults = ("BatchMode=yes", f"ConnectTimeout={CONNECT_SECONDS}", *ALIVE)
    line = [
        "ssh",
        "-T",
        *STRICT_HOST_KEYS,
        *options,
        *(part for option in defaults for part in ("-o", option)),
    ]
    if parts.username:
        line += ["-l", parts.username]
    if port:
        line += ["-p", str(port)]
    return [*line, "--", host_in(parts.netloc), command]


def host_in(place: str) -> str:
    """Host of `USER@HOST:PORT` as it is written; `hostname` would be in lower case.

    ~/.ssh/config distinguishes upper and lower case.
    """
    host = place.rpartition("@")[2]
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


@contextlib.contextmanager
def forwarded(url: str, options: Sequence[str], target: str, port: int) -> Iterator[int]:
    """Forward a port of the host's loopback to TCP `target:port` on this side; yield the port on the host.

    The port on the host is `port` if that is free there, otherwise one that the host's sshd chooses. Raises
    ServiceError.
    """
    for wanted_port in (port, 0):
        with _forwarding(url, options, wanted_port, f"{target}:{port}") as (host_port, messages):
            if host_port:
                yield host_port
                return
        if _failure(wanted_port) not in messages:
            raise ServiceError(_forwarding_error(url, messages, refused=False))
    raise ServiceError(_forwarding_error(url, messages, refused=True))


@contextlib.contextmanager
def _forwarding(url: str, options: Sequence[str], wanted_port: int, target: str) -> Iterator[tuple[int, str]]:
    """Open a forwarding connection; yield the port on the host (0 for none) and the output of ssh."""
    # A shared connection would keep the forwarding when this ssh ends. Other forwardings in a user's own
    # configuration may fail without hiding the messages about this forwarding.
    overrides = ("ControlPath=none", "ExitOnForwardFailure=no", "LogLevel=INFO")
    forward = ["-R", f"{LOOPBACK}:{wanted_port}:{target}"]
    settings = [*options, *(part for option in overrides for part in ("-o", option)), *forward]
    command = ssh_command(url, settings, f"echo {READY}; cat > /dev/null")
    with Login() as login:
        process = _started(command, subprocess.PIPE)
        try:
            errors = ErrorOutput()
            is_ready = _is_ready(process, errors)
            login.release()
            if not is_ready:
                _end(process)
            errors.add_rest(process)
            # ssh prints more, for example about connections through the port, and must not wait for a reader.
            threading.Thread(target=_discard, args=[process], daemon=True).start()
            messages = errors.text()
            chosen = re.search(rf"Allocated port (\d+) for remote forward to {re.escape(target)}", messages)
            host_port = int(chosen[1]) if chosen else wanted_port
            yield host_port if is_ready and _failure(wanted_port) not in messages else 0, messages
        finally:
            _end(process)


def _started(command: Sequence[str], stdin: int) -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=stdin, stdout=pipe, stderr=pipe, start_new_session=True)


def _is_ready(process: "subprocess.Popen[bytes]", errors: ErrorOutput) -> bool:
    """True if the command on the host answers in time; `errors` gets what ssh has said until then."""
    rest = b""
    try:
        # A key that is limited to one command (`command=` in authorized_keys) never prints the answer.
        for answer, said in parts(process, time.monotonic() + READY_SECONDS):
            errors.add(said)
            *lines, rest = (rest + answer).split(b"\n")
            if READY.encode() in [one.strip() for one in lines]:
                return True
            if not answer and not said:
                return False
            rest = rest[-CHUNK:]
    except TimeoutError:
        kill_group(process)
    return False


def _discard(process: "subprocess.Popen[bytes]") -> None:
    """Read what a process still prints, to its end."""
    for _ in parts(process):
        pass
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        kill_group(process)
        process.wait()


def _failure(port: int) -> str:
    """Message of ssh if a port of the host is not available."""
    return f"remote port forwarding failed for listen port {port}"


def _forwarding_error(url: str, messages: str, *, refused: bool) -> str:
    hint = (
        "Its sshd must forward ports (AllowTcpForwarding in sshd_config). Or name a registry that the host "
        "reaches: `pull-from`."
        if refused
        else f"Try `ssh {url} true`: its host key must be in known_hosts, and your key must be allowed to "
        "run any command there. Or name a registry that the host reaches: `pull-from`."
    )
    return f"{url} does not forward a port for the pull: {line(messages) or 'no command ran on it'}\n{hint}"


def start_detached(url: str, options: Sequence[str], script: str, arguments: Sequence[str]) -> None:
    """Start a shell script on the host that keeps running when the connection ends. Raises ServiceError."""
    words = shlex.join(["sh", "-c", script, "sh", *arguments])
    # nohup is POSIX; setsid is only in util-linux and busybox.
    detached = f"nohup {words} < /dev/null > /dev/null 2>&1 & echo started"
    command = ssh_command(url, options, f"sh -c {shlex.quote(detached)}")
    try:
        with Login():
            code, printed, said = limited_run(command, b"", START_SECONDS)
    except subprocess.TimeoutExpired:
        raise ServiceError(f"{url}: ssh did not end in time") from None
    except EndlessOutputError:
        raise ServiceError(f"{url} did not start the command: it prints too much") from None
    if printed.splitlines()[-1:] != [b"started"]:
        errors = line(said.decode(errors="replace"))
        raise ServiceError(f"{url} did not start the command: {errors or f'exit code {code}'}")


class SshRelay:
    """Local socket of a Docker engine behind ssh, in a private folder; accepts connections until `close`."""

    def __init__(self, url: str, options: Sequence[str]) -> None:
        self._alone = ssh_command(url, options)
        self._shared = SharedSsh(options)
        is_users = is_shared_by_user(self._alone)
        self._command = self._alone if is_users else ssh_command(url, self._shared.options)
        self._folder = PrivateFolder()
        self._path = self._folder.path / "docker.sock"
        self._errors = ErrorOutput()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True, name=f"ssh {url}").start()

    @property
    def address(self) -> str:
        """DOCKER_HOST value of the socket."""
        return f"unix://{self._path}"

    def last_words(self) -> str:
        """Newest error output of ssh, on one line.

        While ssh shares a connection, it discards what the ssh to a jump host says (OpenSSH `sshconnect.c`,
        ControlPersist). So if a jump host has closed the connection, ssh runs once more, without sharing.
        """
        said = self._errors.shown()
        if _CLOSED_BY_JUMP_HOST in said:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired, EndlessOutputError), Login():
                _, _, errors = limited_run(self._alone, b"", CONNECT_SECONDS)
                said = line(errors.decode(errors="replace")) or said
        return said

    def close(self) -> None:
        """Accept no more connections; the ssh of an open one ends when its client closes it."""
        with contextlib.suppress(OSError):  # it is closed already
            self._listener.shutdown(socket.SHUT_RDWR)  # ends a pending `accept`

    def _serve(self) -> None:
        with contextlib.closing(self._shared), contextlib.closing(self._folder), self._listener:
            while (connection := self._next_connection()) is not None:
                try:
                    self._connect(connection)
                except (OSError, RuntimeError) as error:  # ssh is missing, or resources ran out
                    self._errors.replace(str(error))
                    connection.close()

    def _connect(self, connection: socket.socket) -> None:
        """Start an ssh for a connection and pass its output on; clean up if that fails."""
        with contextlib.ExitStack() as undone:
            login = undone.enter_context(Login())
            process = undone.enter_context(_started(self._command, connection.fileno()))
            undone.callback(process.kill)
            undone.enter_context(self._shared)  # left by `_answer`
            name = threading.current_thread().name
            arguments = (connection, process, login, self._shared, self._errors)
            threading.Thread(target=_answer, args=arguments, daemon=True, name=name).start()
            undone.pop_all()

    def _next_connection(self) -> socket.socket | None:
        """The next connection; None after `close`."""
        with contextlib.suppress(OSError):
            return self._listener.accept()[0]
        return None


def _answer(
    connection: socket.socket,
    process: "subprocess.Popen[bytes]",
    login: Login,
    shared: SharedSsh,
    errors: ErrorOutput,
) -> None:
    """Pass on the output of ssh until it ends; the first byte shows that it has logged in."""
    with contextlib.ExitStack() as used, connection, process, login:
        used.push(shared)
        with contextlib.suppress(OSError):  # the client has gone
            for answer, said in parts(process):
                errors.add(said)
                if not answer and not said:
                    break
                if answer:
                    login.release()
                    _send(connection, answer)
        errors.add_rest(process)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)  # ssh holds it too, as its input


def _send(connection: socket.socket, part: bytes) -> None:
    """Send a complete part to a reader that may be slow.

    ssh makes its input nonblocking, and thereby this end of the same connection too.
    """
    rest, room = memoryview(part), select.poll()
    room.register(connection, select.POLLOUT)
    while rest:
        try:
            rest = rest[connection.send(rest) :]
        except BlockingIOError:
            room.poll()
