"""Facts of one host: engine, system, ports, disk and clock.

A host behind ssh is asked with one command over one connection. The host needs only a POSIX shell and docker,
and nothing on it is changed.
"""

import contextlib
import ipaddress
import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docker.errors import APIError, DockerException

from catalogue.neighbours import has_nested_engine
from catalogue.titles import TITLE
from clients.engine import client_of, engine_address
from clients.errors import FormError, ServiceError
from clients.foreign import LARGEST, MALFORMED, count, line, word
from clients.limited_run import LARGEST as LARGEST_OUTPUT
from clients.limited_run import EndlessOutputError, limited_run
from clients.ssh import LOGINS, Login, ssh_command
from display.units import size

SECONDS = 25
"""Seconds after which a host counts as not answering, ssh's time for the connection included."""
FRESH = 60.0
"""Seconds for which facts are shared between callers."""
_MEBIBYTE = 1024 * 1024
_MARK = "=skyinfra "
_LAST_DATE = 253402214400
"""Start of the last day of the year 9999, in seconds since 1970; Python's times end with that day."""
_SSH_FAILED = 255
"""Exit code of ssh's own errors (ssh(1)); all others are the command's."""

SCRIPT = Path(__file__).with_name("host-facts.sh").read_text()


class Obstacle(StrEnum):
    """Reasons why a host can't be asked."""

    NO_ANSWER = "no answer"
    HOST_KEY = "host key"
    LOGIN = "login"
    NO_DOCKER = "docker"
    NO_PERMISSION = "permission"
    NO_ENGINE = "engine"
    NO_SHELL = "shell"
    """ssh accepts the key, but runs a command other than the requested one."""
    ADDRESS = "address"
    """The address, which only DOCKER_HOST can have, can't be read: no host was asked."""
    OTHER_FORM = "other form"
    """The answer is not in Docker's form, or not in that of this program's script."""


_WORDS = (
    (Obstacle.HOST_KEY, "Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED"),
    (Obstacle.LOGIN, r"Permission denied \(|Too many authentication failures"),
    (Obstacle.NO_PERMISSION, "(?i:permission denied)"),
    (Obstacle.NO_DOCKER, "docker: (command )?not found|command not found: docker"),
    (Obstacle.NO_ENGINE, r"dial unix |Cannot connect to the Docker daemon|^it answers '"),
)
"""Reasons, with phrases of OpenSSH, shells, docker and silent_engines.py; the first match counts."""


def obstacle_of(message: str) -> Obstacle:
    """Reason why a host can't be asked, from the message of ssh, its shell, docker or the engine."""
    return next((obstacle for obstacle, words in _WORDS if re.search(words, message)), Obstacle.NO_ANSWER)


class HostError(ServiceError):
    """A host can't be asked; the message, one line, is mostly that of ssh, docker or the engine."""

    def __init__(self, obstacle: Obstacle, message: str) -> None:
        super().__init__(message)
        self.obstacle = obstacle


@dataclass(frozen=True, slots=True)
class Listener:
    """A program that listens on a TCP port."""

    ip: str
    port: int
    user: int
    """Id of its user."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Container:
    """A container of any kind, reduced to what can conflict with a node."""

    name: str
    runs: bool
    returns: bool
    """True if the engine always restarts it automatically, not only after a failure."""
    ports: frozenset[tuple[str, int]] = frozenset()
    """(address, port) pairs that it publishes; an empty address means all addresses of the host."""
    writes: frozenset[str] = frozenset()
    """Names of the volumes that it may write to."""
    nested_engine: bool = False
    """True for a workspace with a nested Docker engine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HostFacts:
    """Facts of a host at one moment; None for a fact that could not be determined."""

    version: str
    """Version of the engine."""
    machine: str
    """Output of `uname -m`."""
    driver: str
    """Storage driver."""
    limits_memory: bool
    """False if the kernel has no memory cgroup: the engine ignores limits without an error."""
    memory: int
    """Memory in MiB."""
    containers: tuple[Container, ...]
    bits: int | None = None
    """32 or 64: word size of the system's programs, not of the kernel."""
    ahead: float | None = None
    """Seconds by which its clock is ahead of this machine's; 0 if within the time that the answer took."""
    swap: int | None = None
    """Swap in MiB."""
    free: int | None = None
    """Free space in MiB on the disk where the engine keeps its data."""
    listeners: frozenset[Listener] | None = None


def ask_host(engine: str | None, ssh_options: Sequence[str] = ()) -> HostFacts:
    """Ask the host of `engine` (None: the environment's) for its facts. Raises HostError."""
    address = engine_address(engine)
    try:
        _ = urlsplit(address).port
    except ValueError as error:
        raise HostError(Obstacle.ADDRESS, line(error)) from error
    return _behind_ssh(address, ssh_options) if address.startswith("ssh://") else _on_this_machine(address)


class FreshFacts:
    """Facts of hosts, shared by all callers within a minute; errors are shared too."""

    def __init__(self, ask: Callable[[str | None, Sequence[str]], HostFacts] = ask_host) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._throttle = threading.Semaphore(LOGINS)
        self._asked: dict[tuple[str | None, tuple[str, ...]], _CachedFacts] = {}

    def __call__(self, engine: str | None, ssh_options: Sequence[str]) -> HostFacts:
        """Facts that are at most a minute old. Raises HostError."""
        with self._lock:
            cached = self._asked.setdefault((engine, tuple(ssh_options)), _CachedFacts())
        with cached.lock:
            if cached.found is None or time.monotonic() - cached.at > FRESH:
                try:
                    with self._throttle:
                        cached.found = self._ask(engine, ssh_options)
                except HostError as error:
                    cached.found = error
                cached.at = time.monotonic()
        if isinstance(cached.found, HostError):
            raise cached.found
        return cached.found


class _CachedFacts:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.at = 0.0
        self.found: HostFacts | HostError | None = None


def _behind_ssh(url: str, options: Sequence[str]) -> HostFacts:
    with Login():
        began = time.time()
        code, printed, errors = _run(ssh_command(url, options, "sh -s"))
    span, parts = (began, time.time()), _parts(printed)
    if "end" not in parts:
        raise HostError(*_ssh_failure(code, errors))
    with _expected_form():
        if not parts["docker"]:
            raise HostError(Obstacle.NO_DOCKER, line(f"the user {parts['user']} has no docker command"))
        info = _json(parts["info"])
        if not info.get("DockerRootDir"):
            raise HostError(*_engine_failure(" ".join([*(info.get("ServerErrors") or ()), errors])))
        containers = [_container(_json(listed)) for listed in parts["containers"].splitlines()]
        return _facts(info, containers, parts, span)


@contextlib.contextmanager
def _expected_form() -> Iterator[None]:
    """Raise HostError if the body reads an answer of another form."""
    try:
        yield
    except FormError as error:
        raise HostError(Obstacle.OTHER_FORM, str(error)) from error
    except MALFORMED as error:
        raise HostError(Obstacle.OTHER_FORM, line(repr(error))) from error


def _on_this_machine(address: str) -> HostFacts:
    try:
        with _expected_form(), contextlib.closing(client_of(address, SECONDS)) as client:
            info = client.info()
            containers = [_container(_reduced(inspected)) for inspected in _inspected(client.api)]
    except (DockerException, OSError) as error:
        raise HostError(*_engine_failure(str(error))) from error
    parts: Mapping[str, str] = {}
    began = time.time()
    with _expected_form():
        if address.startswith("unix://"):
            _, printed, _ = _run(["sh", "-s", "--", info["DockerRootDir"]])
            parts = _parts(printed)
        return _facts(info, containers, parts, (began, time.time()))


def _inspected(api: Any) -> Iterator[Mapping[str, Any]]:
    for listed in api.containers(all=True):
        with contextlib.suppress(APIError):  # it was removed in the meantime
            yield api.inspect_container(listed["Id"])


def _reduced(inspected: Mapping[str, Any]) -> Mapping[str, Any]:
    host = inspected["HostConfig"]
    return {
        "Name": inspected["Name"],
        "Status": inspected["State"]["Status"],
        "Restart": host["RestartPolicy"]["Name"],
        "Ports": host.get("PortBindings"),
        "Mounts": inspected.get("Mounts"),
        "Title": (inspected["Config"].get("Labels") or {}).get(TITLE),
        "Capabilities": host.get("CapAdd"),
        "Privileged": host.get("Privileged"),
    }


def _container(listed: Mapping[str, Any]) -> Container:
    published = (entry for bindings in (listed["Ports"] or {}).values() for entry in bindings or ())
    # Messages show the name in commands; Docker allows no other characters in names.
    name = re.sub(r"[^\w.-]", "?", listed["Name"].lstrip("/"), flags=re.ASCII)
    return Container(
        name=name,
        runs=listed["Status"] in ("running", "restarting", "paused"),
        returns=listed["Restart"] in ("always", "unless-stopped"),
        ports=frozenset(
            (entry["HostIp"], int(entry["HostPort"])) for entry in published if entry["HostPort"]
        ),
        writes=frozenset(
            entry["Name"] for entry in listed["Mounts"] or () if entry.get("Name") and entry.get("RW", True)
        ),
        nested_engine=has_nested_engine(
            name,
            {TITLE: listed["Title"] or ""},
            listed["Capabilities"] or (),
            privileged=bool(listed["Privileged"]),
        ),
    )


def _facts(
    info: Mapping[str, Any],
    containers: Iterable[Container],
    parts: Mapping[str, str],
    span: tuple[float, float],
) -> HostFacts:
    engine: dict[str, Any] = {
        "version": word(info["ServerVersion"]),
        "machine": word(info["Architecture"]),
        "driver": word(info["Driver"]),
        "limits_memory": info.get("MemoryLimit") is not False,
        "memory": count(info["MemTotal"]) // _MEBIBYTE,
        "containers": tuple(containers),
    }
    # An engine with another kernel is not on this host: a desktop's engine runs in a virtual machine.
    if parts.get("kernel") != info["KernelVersion"]:
        return HostFacts(**engine)
    return HostFacts(
        **engine,
        bits=_bits(parts["bits"]),
        ahead=_ahead(_number(parts["date"]), span),
        swap=_mebibytes(re.search(r"(\d+) kB", parts["swap"])),
        free=_mebibytes(re.search(r"\s(\d+)\s+\d+%\s", parts["disk"])),
        listeners=frozenset(_listeners(parts["listeners"])),
    )


def _parts(printed: str) -> dict[str, str]:
    """Split the script's output by section name; output of a login shell precedes the first section."""
    _, *parts = f"\n{printed}".split(f"\n{_MARK}")
    named = (part.partition("\n") for part in parts)
    return {name: text.strip() for name, _, text in named}


def _bits(text: str) -> int | None:
    """Parse 32 or 64 as `getconf` prints it, or the class in an ELF header, 1 or 2."""
    return {"32": 32, "64": 64, "1": 32, "2": 64}.get(text)


def _ahead(host_time: int | None, span: tuple[float, float]) -> float | None:
    if host_time is None:
        return None
    began, ended = span
    return min(0.0, host_time + 1 - began) + max(0.0, host_time - ended)


def _listeners(table: str) -> Iterator[Listener]:
    """Parse lines of /proc/net/tcp and tcp6 (proc(5)): `0: 0100007F:1914 00000000:0000 0A … UID …`."""
    for fields in map(str.split, table.splitlines()):
        address, _, port = fields[1].partition(":")
        # 32-bit words in the machine's byte order: little-endian wherever Docker runs.
        words = [bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8)]
        ip = ipaddress.ip_address(b"".join(words))
        mapped = getattr(ip, "ipv4_mapped", None)
        yield Listener(str(mapped or ip), int(port, 16), int(fields[7]))


def _number(text: str, largest: int = _LAST_DATE) -> int | None:
    """Parse decimal digits; None for any other text, and for a number that is too large to be true."""
    number = int(text) if re.fullmatch("[0-9]{1,20}", text) else None
    return number if number is not None and number <= largest else None


def _mebibytes(match: re.Match[str] | None) -> int | None:
    kibibytes = _number(match[1], LARGEST) if match else None
    return None if kibibytes is None else kibibytes // 1024


def _json(text: str) -> dict[str, Any]:
    try:
        fields: dict[str, Any] = json.loads(text)
    except ValueError:
        return {}
    return fields


def _ssh_failure(code: int | None, errors: str) -> tuple[Obstacle, str]:
    """Reason why the command did not run, from OpenSSH's own messages."""
    said = line(errors) or f"the command ended with {code} and printed nothing"
    if code is None:
        return Obstacle.NO_ANSWER, f"no answer within {SECONDS} s {line(errors)}".strip()
    # Searched in the whole text: a banner of the host comes first.
    if (obstacle := obstacle_of(errors)) in (Obstacle.HOST_KEY, Obstacle.LOGIN):
        return obstacle, said
    return Obstacle.NO_ANSWER if code == _SSH_FAILED else Obstacle.NO_SHELL, said


def _engine_failure(message: str) -> tuple[Obstacle, str]:
    if obstacle_of(message) is Obstacle.NO_PERMISSION:
        return Obstacle.NO_PERMISSION, line(message)
    return Obstacle.NO_ANSWER if "timed out" in message else Obstacle.NO_ENGINE, line(message)


def _run(shell: Sequence[str]) -> tuple[int | None, str, str]:
    """(exit code, output, errors) of a shell that runs the script; the code is None after the time limit.

    Raises HostError for an output without end.
    """
    try:
        code, printed, errors = limited_run(shell, SCRIPT.encode(), SECONDS)
    except subprocess.TimeoutExpired as error:
        return None, "", (error.stderr or b"").decode(errors="replace")
    except EndlessOutputError:
        raise HostError(Obstacle.OTHER_FORM, f"it prints more than {size(LARGEST_OUTPUT)}") from None
    return code, printed.decode(errors="replace"), errors.decode(errors="replace")
