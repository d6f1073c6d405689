"""Locks for the cache that a user's set-ups share: one set-up fills an entry while the others wait."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from local.machine.layout import Layout


@contextmanager
def one_at_a_time(layout: Layout, what: str) -> Iterator[None]:
    """Hold the lock of `what` (a file name) in the cache; wait with a message if another set-up has it.

    The kernel releases it when its process ends, for whatever reason.
    """
    folder = layout.cache / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / what).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"    waits for another set-up of this user: {what}", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
