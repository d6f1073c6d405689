"""Output of commands such as ssh while they run; a host behind ssh may send any amount of it, for ever."""

import io
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, cast

from clients.foreign import line

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

KEPT = 1 << 16
"""Number of newest bytes that are kept: ssh names the reason for its end last, and a banner may be long."""
CHUNK = 1 << 16
"""Maximum number of bytes that are read at once; a pipe holds no more."""


class ErrorOutput:
    """The newest error output of one or more processes."""

    def __init__(self) -> None:
        self._kept, self._lock = b"", threading.Lock()

    def add(self, part: bytes) -> None:
        """Append a part; the oldest bytes beyond KEPT are dropped."""
        with self._lock:
            self._kept = (self._kept + part)[-KEPT:]

    def replace(self, message: str) -> None:
        """Replace what was kept with a message of this program."""
        self._kept = message.encode()

    def add_rest(self, process: "subprocess.Popen[bytes]") -> None:
        """Append what a process has already written as an error, without waiting for more."""
        pipe = cast("IO[bytes]", process.stderr).fileno()
        os.set_blocking(pipe, False)
        with suppress(BlockingIOError):
            self.add(os.read(pipe, CHUNK))

    def text(self) -> str:
        """All that is kept, on one line."""
        return " ".join(self._kept.decode(errors="replace").split())

    def shown(self) -> str:
        """Return what is kept as one printable line, shortened in its middle."""
        return line(self.text())


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process with all that it has started: the ssh to a jump host would keep its pipes open."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def killed_on_error(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Kill a process, started in a session of its own, if the block fails."""
    try:
        yield
    except BaseException:
        kill_group(process)
        raise


class OutputStream(io.RawIOBase):
    """Output of a process as a stream; reading raises TimeoutError if nothing comes for `silence` seconds."""

    def __init__(self, process: "subprocess.Popen[bytes]", silence: float) -> None:
        self.errors = ErrorOutput()
        """Newest errors until now; those of the whole run once the stream has ended."""
        self._parts, self._left = parts(process, silence=silence), b""

    def readable(self) -> bool:
        """Return True: the stream is read-only."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read some bytes; 0 at the end."""
        view = memoryview(buffer).cast("B")
        while not self._left:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._left, errors = part
            self.errors.add(errors)
        count = min(len(view), len(self._left))
        view[:count], self._left = self._left[:count], self._left[count:]
        return count


def parts(
    process: "subprocess.Popen[bytes]", until: float | None = None, silence: float | None = None
) -> Iterator[tuple[bytes, bytes]]:
    """Yield each part of a process's output as (output, errors), one of them empty; both at the output's end.

    Ends when both have ended. Raises TimeoutError at the time `until` of the monotonic clock or, without
    `until`, if nothing comes for `silence` seconds.
    """
    output, errors = process.stdout, cast("IO[bytes]", process.stderr)
    with selectors.DefaultSelector() as unfinished:
        for pipe in (output, errors):
            unfinished.register(cast("IO[bytes]", pipe), selectors.EVENT_READ)
        while unfinished.get_map():
            left = silence if until is None else until - time.monotonic()
            ready = unfinished.select(left) if left is None or left > 0 else []
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                part = os.read(key.fd, CHUNK)
                if not part:
                    unfinished.unregister(key.fileobj)
                if part or key.fileobj is output:
                    yield (part, b"") if key.fileobj is output else (b"", part)
