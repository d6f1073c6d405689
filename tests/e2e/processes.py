"""Processes of what tests start: containers are in namespaces of their own, and outlive their parents."""

import contextlib
import os
import signal
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """Ids of all descendants of a process, the nearest first."""
    found = [pid]
    for process in found:
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
            found.extend(int(child) for child in children)
    return found[1:]


def kill(pid: int) -> None:
    """Kill a process, which may have ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
