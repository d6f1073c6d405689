"""Signals that stop a command, and sections that they must not interrupt."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, `kill`, and a terminal or ssh connection that goes away."""


def interrupt_on_all() -> None:
    """Let each signal in STOPPING, unless ignored, end the command as Ctrl-C does, which cleans up first."""
    for number in STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _interrupt)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay the signals in STOPPING until the `with` block has ended; raise KeyboardInterrupt if one came."""
    waiting: list[int] = []
    heeded = [number for number in STOPPING if signal.getsignal(number) is not signal.SIG_IGN]  # nohup
    before = {number: signal.signal(number, lambda got, _: waiting.append(got)) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if waiting:
        raise KeyboardInterrupt
