"""Runs the pulumi command. An update is shown from its engine's events; other commands print directly.

The flag for the events is the one that Pulumi's own Automation API uses; it exists only if
PULUMI_DEBUG_COMMANDS is set. The events contain inputs and outputs of resources, so they go through a pipe in
a private folder and never to a disk.
"""

import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from clients.signals import STOPPING
from display.changes import name_of
from display.update import Update, message
from local.machine.layout import PROJECT
from local.pulumi.screen import Screen, screen
from local.stacks.lost_passphrase import errors_with_remedy, refuse_without, remedy

UPDATES = ("up", "destroy", "refresh")
_TICK = 0.2
"""Seconds between two updates of the display."""
_FULL = 20_000_000
"""Bytes after which a run starts a new log and keeps the old one."""
PROGRESS = re.compile(r"^@ |(creating|updating|deleting|replacing|refreshing) \(\d+s\)(?!.*error)")
_DRAIN = 'cat; while [ -e "/proc/$1/exe" ]; do timeout 1 cat; done <> "$2"'
"""Shell script: when its standard input ends, empties a pipe until a process has ended."""
_INTERRUPTED = "interrupted: pulumi finishes its running operations …"


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """Result of an update."""

    code: int
    """Exit code of pulumi."""
    became: Mapping[str, str]
    """{URN: created, updated, unchanged, failed …}."""
    begun: Set[str]
    """URNs whose change began, whatever came of it."""
    is_late: bool
    """True if nothing failed except builds with a step that the builder did not start in time."""


def update(arguments: Sequence[str], env: Mapping[str, str], log: Path) -> UpdateResult:
    """Run an update and show its progress. Raises SetupError if the set-up's passphrase is lost."""
    refuse_without(env)
    sys.stdout.flush()
    with _waiting() as interrupts:
        return _update(arguments, env, log, interrupts)


def pulumi(arguments: Sequence[str], env: Mapping[str, str], log: Path) -> int:
    """Run pulumi in the project and return its exit code; all output of an update is also in `log`.

    Each signal that would end this command interrupts pulumi, which then finishes running operations and
    releases its lock. This waits for it, and then raises KeyboardInterrupt whatever the exit code. Raises
    SetupError, and runs nothing, if the set-up's passphrase is lost.
    """
    if arguments[0] in UPDATES:
        return update(arguments, env, log).code
    refuse_without(env)
    sys.stdout.flush()
    whole = {**os.environ, **env}
    with (
        _waiting() as interrupts,
        errors_with_remedy(env) as errors,
        subprocess.Popen(["pulumi", *arguments], env=whole, cwd=PROJECT, stderr=errors) as process,
    ):
        while (code := _ended(process, _TICK)) is None:
            # Pulumi may ask or draw on the terminal, so it stays in this process group, which gets Ctrl-C.
            if interrupts.pass_on(process, (signal.SIGTERM, signal.SIGHUP)):
                print(f"\n{_INTERRUPTED}", flush=True)
        return code


def _ended(process: "subprocess.Popen[bytes]", seconds: float) -> int | None:
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return None


class _Interrupts:
    """Signals that arrived while pulumi was running."""

    def __init__(self) -> None:
        self.noted: list[int] = []
        self._passed = 0

    def note(self, number: int, _: object) -> None:
        """Record a signal; several that a terminal sends when it goes away count as one."""
        if number != signal.SIGHUP or not self.noted:
            self.noted.append(number)

    def pass_on(self, process: "subprocess.Popen[bytes]", numbers: Sequence[int] = STOPPING) -> bool:
        """True if a signal arrived since the last call; if it is one of `numbers`, interrupt the process."""
        new, self._passed = self.noted[self._passed :], len(self.noted)
        if not {*numbers}.isdisjoint(new):
            process.send_signal(signal.SIGINT)
        return bool(new)


@contextmanager
def _waiting() -> Iterator[_Interrupts]:
    """Record the signals that would end the command; they take effect once pulumi has ended."""
    interrupts = _Interrupts()
    before = {number: signal.getsignal(number) for number in STOPPING}
    heeded = [number for number, handler in before.items() if handler is not signal.SIG_IGN]  # nohup
    for number in heeded:
        signal.signal(number, interrupts.note)
    try:
        yield interrupts
    finally:
        for number in heeded:
            signal.signal(number, before[number])
    if interrupts.noted:
        raise KeyboardInterrupt


def _update(
    arguments: Sequence[str], env: Mapping[str, str], path: Path, interrupts: _Interrupts
) -> UpdateResult:
    """Run an update and show this program's lines in place of Pulumi's; the log gets both.

    In a process group of its own, pulumi gets each signal once, from here: a second one would end it at once.
    """
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
    print(f"• pulumi {arguments[0]}", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="skycoin-") as folder,  # mode 0700
        tempfile.TemporaryFile() as printed,
        _log(path) as log,
    ):
        events = _Pipe(Path(folder) / "events")
        log.write(f"\n=== {' '.join(command)}, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n")
        with (
            subprocess.Popen(
                [*command, "--event-log", str(events.path)],
                env={**os.environ, **env, "PULUMI_DEBUG_COMMANDS": "true"},
                cwd=PROJECT,
                process_group=0,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
            ) as process,
            closing(events),
            _emptied_without_reader(process, events.path),
            screen() as shown,
        ):
            followed = Followed(shown, log)
            code = _follow(process, events, followed, interrupts)
            printed.seek(0)
            text = printed.read().decode(errors="replace")
            followed.end(code, "\n".join([text.rstrip("\n"), *remedy(text, env)]), path)
    return UpdateResult(code, followed.became, followed.begun, followed.is_late)


class _Pipe:
    """A named pipe for the events of consecutive runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path, mode=0o600)
        # Open for writing too, so it neither waits for pulumi nor ends between a preview and its update.
        self._number = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def read(self, patience: float) -> bytes:
        """Return the data that has arrived, or nothing after `patience` seconds."""
        ready, _, _ = select.select([self._number], [], [], patience)
        try:
            return os.read(self._number, 1 << 20) if ready else b""
        except BlockingIOError:
            # It was reported as ready but is empty: select(2), “Bugs”.
            return b""

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._number)


@contextmanager
def _emptied_without_reader(process: "subprocess.Popen[bytes]", pipe: Path) -> Iterator[None]:
    """Empty the pipe when this program no longer does, until the process has ended.

    Pulumi opens its event log for reading too. So it gets no error if this program is killed: it would wait
    for room in the pipe forever, with the stack's lock. The script notices a kill by its standard input, and
    is in a process group of its own, which no signal to this program's group reaches.
    """
    with subprocess.Popen(
        ["sh", "-c", _DRAIN, "sh", str(process.pid), str(pipe)],
        process_group=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ):
        yield


@contextmanager
def _log(path: Path) -> Iterator[IO[str]]:
    """Open the log for appending; only its owner may read what builds print."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _FULL:
        path.rename(path.with_name(f"{path.name}.1"))
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(number, "a", encoding="utf-8", errors="replace", buffering=1) as log:
        yield log


def _follow(
    process: "subprocess.Popen[bytes]", events: _Pipe, followed: "Followed", interrupts: _Interrupts
) -> int:
    """Show the events until the process has ended and all are read; return its exit code."""
    is_ended = False
    while True:
        code = process.poll()
        data = events.read(_TICK if code is None else 0)
        followed.take(data)
        if interrupts.pass_on(process):
            followed.interrupt()
        if followed.is_stuck and not is_ended:
            is_ended = True
            process.send_signal(signal.SIGINT)
        if code is not None and not data:
            return code


class Followed:
    """An update in progress, whose events go to the screen and into the log as they arrive."""

    def __init__(self, shown: Screen, log: IO[str]) -> None:
        self._shown = shown
        self._log = log
        self._update = Update(time.monotonic())
        self._half = b""

    def take(self, data: bytes) -> None:
        """Process further output of the pipe; an invalid event is ignored and never stops the update."""
        *whole, self._half = (self._half + data).split(b"\n")
        for line in whole:
            event = _parsed(line)
            self._log.writelines(f"{text}\n" for text in _diagnostics(event))
            self.say(self._update.take(event, time.monotonic()))
        self._shown.look(self._update, time.monotonic())

    @property
    def is_stuck(self) -> bool:
        """True if pulumi would wait forever."""
        return self._update.is_stuck(time.monotonic())

    @property
    def became(self) -> Mapping[str, str]:
        """{URN: result}."""
        return self._update.became

    @property
    def begun(self) -> Set[str]:
        """URNs whose change began."""
        return self._update.begun

    @property
    def is_late(self) -> bool:
        """True if the update failed only because the builder was busy."""
        return self._update.is_late

    def interrupt(self) -> None:
        """Print the answer to a signal, which pulumi has received too."""
        self.say(self._update.interrupt())

    def say(self, lines: Sequence[str]) -> None:
        """Show lines, and log them."""
        self._shown.say(lines)
        self._log.writelines(f"{line}\n" for line in lines)

    def end(self, code: int, printed: str, path: Path) -> None:
        """Finish with counts and reasons; if the events give no reason, with pulumi's output."""
        own = [line for line in printed.splitlines() if not PROGRESS.search(line)]
        if not self._update.heard or (code and not self._update.explained):
            self._shown.say(own)
        self._log.writelines(f"{line}\n" for line in own)
        self.say(self._update.end(code, time.monotonic(), str(path)))


def _parsed(line: bytes) -> Mapping[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _diagnostics(event: Mapping[str, Any]) -> list[str]:
    """Lines of a diagnostic for the log, those of a build included, prefixed with the resource's name."""
    body = event.get("diagnosticEvent")
    if not isinstance(body, dict) or body.get("severity") == "debug":
        return []
    name = name_of(str(body.get("urn") or "")) or "program"
    return [f"{name}: {line}" for line in message(body).splitlines() if line.strip()]
