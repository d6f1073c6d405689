"""A command whose output is limited in time and in size, such as ssh to a host that may send anything."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import IO, cast

from clients.process_output import parts

LARGEST = 32_000_000
"""Usual maximum length of output and errors together, in bytes."""


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
    stdin = cast("IO[bytes]", process.stdin)
    with contextlib.suppress(BrokenPipeError), stdin:
        stdin.write(given)
    printed, errors = bytearray(), bytearray()
    try:
        for output, said in parts(process, until):
            printed += output
            errors += said
            if len(printed) + len(errors) > largest:
                raise EndlessOutputError
    except TimeoutError:
        left = max(0.0, until - time.monotonic())
        raise subprocess.TimeoutExpired(process.args, left, stderr=bytes(errors)) from None
    return bytes(printed), bytes(errors)
