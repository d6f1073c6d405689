"""A command whose output is limited in time and in size, such as ssh to a host that may send anything."""

import contextlib
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import IO, cast

from clients.process_output import killed_on_error, parts

LARGEST = 32_000_000
"""Usual maximum length of output and errors together, in bytes."""


class EndlessOutputError(Exception):
    """Raised if a command printed more than it may."""


def limited_run(
    command: Sequence[str], given: bytes, seconds: float, largest: int | None = None
) -> tuple[int, bytes, bytes]:
    """Run a command with an input; return (exit code, output, errors).

    Output and errors have at most `largest` bytes together (default: LARGEST).
    Raises TimeoutExpired, with the errors until then, or EndlessOutputError, after killing the command and
    all processes that it has started: the ssh to a jump host would keep the pipes open.
    """
    pipe, until = subprocess.PIPE, time.monotonic() + seconds
    with (
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True) as process,
        killed_on_error(process),
    ):
        printed, errors = _output(process, given, until, LARGEST if largest is None else largest)
        return process.wait(max(0.0, until - time.monotonic())), printed, errors


def _give(stdin: IO[bytes], given: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), stdin:
        stdin.write(given)


def _output(
    process: "subprocess.Popen[bytes]", given: bytes, until: float, largest: int
) -> tuple[bytes, bytes]:
    # The command may print much before it reads all its input. Only the thread closes the pipe.
    stdin, process.stdin = cast("IO[bytes]", process.stdin), None
    threading.Thread(target=_give, args=(stdin, given), daemon=True).start()
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
