"""Progress of long work, on standard error; standard output has only the result."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

EVERY = 15.0
"""Seconds between two lines, if there is no terminal for a spinner."""


@contextmanager
def working(title: str) -> Iterator[None]:
    """Show a title while the body runs: a spinner on a terminal, otherwise a line every 15 seconds."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(f"{title} …"):
            yield
        return
    ended, began = threading.Event(), time.monotonic()

    def report() -> None:
        while not ended.wait(EVERY):
            print(f"  … {title}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    print(f"• {title}", file=sys.stderr, flush=True)
    reporter = threading.Thread(target=report, daemon=True)
    reporter.start()
    try:
        yield
    finally:
        ended.set()
        reporter.join()
