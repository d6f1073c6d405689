"""Background services of a set-up: started, found again by a pid file, and stopped."""

import hashlib
import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local.machine.layout import Layout
from local.machine.steps import SetupError, as_root, output, step, waited


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """One daemon: how to start it, and how to check that it answers."""

    name: str
    argv: Sequence[str]
    ready: Callable[[], bool]
    port: int | None = None
    """TCP port on loopback that it listens on, which is checked before the start."""
    env: Mapping[str, str] = field(default_factory=dict)
    reads: Sequence[Path] = ()
    """Further files that it reads at its start; if their content changes, the service must be restarted."""
    root: bool = False
    patience: float = 60
    """Seconds in which it must answer."""


def _pid_file(layout: Layout, name: str) -> Path:
    return layout.state / "services" / f"{name}.pid"


def _started_at(pid: int) -> str | None:
    """Start time of a process in clock ticks since boot (proc(5), field 22), which detects a reused pid.

    None if the process has ended.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()
    # The first thread of a process may have ended while another thread still holds the port.
    return None if state == "Z" and threads == 1 else fields[18]


def running_pid(layout: Layout, name: str) -> int | None:
    """Pid of the running service that this set-up has started, else None."""
    try:
        pid, ticks, *_ = _pid_file(layout, name).read_text().split()
    except (OSError, ValueError):
        return None
    return int(pid) if _started_at(int(pid)) == ticks else None


def port_is_taken(port: int) -> bool:
    """True if something listens on 127.0.0.1:port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(layout: Layout, service: Service) -> None:
    """Start the service, or restart it if it has changed or does not answer; wait until it answers."""
    with step(f"service {service.name}") as this:
        current = running_pid(layout, service.name) is not None and _is_current(layout, service)
        if current and service.ready():
            this.found = "running"
            return
        stop(layout, service.name)
        if service.port is not None and port_is_taken(service.port):
            # Later, the port is part of every image's name: another one replaces all nodes.
            choice = ", or choose another port (README, “Settings of the set-up”)"
            raise SetupError(
                f"service {service.name}: port {service.port} on 127.0.0.1 is in use by another program. "
                f"Stop it (`ss -ltnp sport = :{service.port}` shows it)"
                f"{'' if layout.environment.exists() else choice}, then run this again."
            )
        pid = _spawn(layout, service)
        _await_ready(layout, service, pid)
        this.found = f"started, pid {pid}"


def fingerprint(service: Service) -> str:
    """Hash of the command, its environment and the files that it reads: another one requires a restart."""
    digest = hashlib.sha256(repr((list(service.argv), sorted(service.env.items()))).encode())
    for path in (*map(Path, service.argv[1:]), *service.reads):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _is_current(layout: Layout, service: Service) -> bool:
    return _pid_file(layout, service.name).read_text().split()[2:] == [fingerprint(service)]


def _spawn(layout: Layout, service: Service) -> int:
    pid_file = _pid_file(layout, service.name)
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    layout.logs.mkdir(parents=True, exist_ok=True)
    # The shell writes its pid and then becomes the service, with or without sudo.
    script = f"echo $$ > {shlex.quote(str(pid_file))}; exec {shlex.join(service.argv)}"
    settings = [f"{name}={value}" for name, value in service.env.items()]
    argv = ["env", *settings, "sh", "-c", script]
    # In a session of its own, so it outlives this program and leaves no zombie. The session is created below
    # sudo, because sudo asks for its password on this session's terminal.
    forked = ["setsid", "--fork", *argv]
    pid_file.unlink(missing_ok=True)
    with (layout.logs / f"{service.name}.log").open("ab") as log:
        subprocess.run(
            as_root(forked) if service.root else forked,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=True,
        )
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        text = pid_file.read_text().strip() if pid_file.exists() else ""
        if text and (ticks := _started_at(int(text))):
            pid_file.unlink()  # under sudo the file is root's, but the folder is the user's
            pid_file.write_text(f"{text} {ticks} {fingerprint(service)}\n")
            return int(text)
        time.sleep(0.02)
    raise SetupError(f"service {service.name} ended at once. {_log_end(layout, service.name)}")


def _await_ready(layout: Layout, service: Service, pid: int) -> None:
    def answers_within(seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not service.ready():
            if _started_at(pid) is None:
                raise SetupError(f"service {service.name} ended. {_log_end(layout, service.name)}")
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(service.name, seconds)
            time.sleep(0.1)

    try:
        waited(answers_within, "it does not answer yet", service.patience)
    except subprocess.TimeoutExpired:
        silent = f"service {service.name} does not answer after {service.patience:.0f} s."
        raise SetupError(f"{silent} {_log_end(layout, service.name)}") from None


def _log_end(layout: Layout, name: str) -> str:
    log = layout.logs / f"{name}.log"
    return "\n".join(["The end of its log:", *log.read_text(errors="replace").splitlines()[-15:], f"({log})"])


def stop(layout: Layout, name: str, patience: float = 60) -> bool:
    """Stop the service with SIGTERM, and after `patience` seconds with SIGKILL.

    Returns True if it was running.
    """
    pid = running_pid(layout, name)
    if pid is not None:
        for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 10.0)):
            _signal(pid, number)
            if _ends_within(pid, seconds):
                break
    _pid_file(layout, name).unlink(missing_ok=True)
    return pid is not None


def _ends_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _started_at(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    return _started_at(pid) is None


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        output(as_root(["kill", f"-{int(number)}", str(pid)]))
