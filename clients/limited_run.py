"""A command whose output is limited in time and in size, such as ssh to a host that may send anything."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import IO, cast

LARGEST = 32_000_000
"""Usual maximum length of output and errors together, in bytes."""
_CHUNK = 1 << 16


class EndlessOutputError(Exception):
    """Raised if a command printed more than it may."""


def limited_run(
    command: Sequence[str], given: bytes, seconds: float, largest: int | None = None
) -> tuple[int, bytes, bytes]:
    """Run a command with an input of at most 64 kB; return (exit code, output, errors).

    Output and errors have at most `largest` bytes together, or LARGEST.
    Raises TimeoutExpired, with the errors until then, and EndlessOutputError. Both kill the command together
    with all processes that it has started: the ssh to a jump host would keep the pipes open.
    """
    pipe, until = subprocess.PIPE, time.monotonic() + seconds
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True) as process:
        try:
            printed, errors = _output(process, given, until, LARGEST if largest is None else largest)
            return process.wait(max(0.0, until - time.monotonic())), printed, errors
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise


def _output(
    process: "subprocess.Popen[bytes]", given: bytes, until: float, largest: int
) -> tuple[bytes, bytes]:
    stdin, *pipes = (cast("IO[bytes]", pipe) for pipe in (process.stdin, process.stdout, process.stderr))
    with contextlib.suppress(BrokenPipeError), stdin:
        stdin.write(given)
    printed, errors = parts = bytearray(), bytearray()
    with selectors.DefaultSelector() as unfinished:
        for pipe, part in zip(pipes, parts, strict=True):
            unfinished.register(pipe, selectors.EVENT_READ, part)
        while unfinished.get_map():
            left = until - time.monotonic()
            ready = unfinished.select(left) if left > 0 else []
            if not ready:
                raise subprocess.TimeoutExpired(process.args, max(0.0, left), stderr=bytes(errors))
            for key, _ in ready:
                if more := os.read(key.fd, _CHUNK):
                    key.data.extend(more)
                else:
                    unfinished.unregister(key.fileobj)
            if len(printed) + len(errors) > largest:
                raise EndlessOutputError
    return bytes(printed), bytes(errors)
