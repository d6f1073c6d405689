"""The cache that set-ups of one user share: one of them at a time fills it, the others wait."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from local.layout import Layout


@contextmanager
def one_at_a_time(layout: Layout, what: str) -> Iterator[None]:
    """Hold `what` (a file name) of the cache; wait, and say so, while another set-up holds it.

    The kernel gives it back when its process ends, however it ends.
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
