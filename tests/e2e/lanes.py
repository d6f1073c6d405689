"""Lanes: parallel workers of one run of the end-to-end tests, each with its own machine.

The first lane is this machine itself; every other one is a set of namespaces (lane.sh). The first lane that
has built images copies its builder's cache to the others, so that a run without a cache compiles once.
"""

import fcntl
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.machine import services
from local.machine.layout import Layout

SUFFIX = re.compile(r"-lane-\d+$")


def homes(home: Path) -> list[Path]:
    """Homes of all lanes of this run, the first lane's first; `home` is one of them."""
    first = SUFFIX.sub("", str(home))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return [Path(first), *(Path(f"{first}-lane-{number}") for number in range(2, workers + 1))]


@contextmanager
def first_in_line(home: Path) -> Iterator[None]:
    """Let one lane at a time build its images."""
    first = homes(home)[0]
    first.mkdir(parents=True, exist_ok=True)
    with (first / "lanes.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def give_builder_cache(layout: Layout, home: Path) -> None:
    """Copy the builder's cache to every lane that has none; the builder is paused meanwhile."""
    wanting = [
        home_of_lane / "buildkit" for home_of_lane in homes(home) if not (home_of_lane / "buildkit").exists()
    ]
    pid = services.running_pid(layout, "buildkitd")
    if not wanting or pid is None:
        return
    os.kill(pid, signal.SIGSTOP)
    try:
        for target in wanting:
            partial = target.with_name("buildkit.partial")
            subprocess.run(["rm", "-rf", "--one-file-system", str(partial)], check=True)
            partial.mkdir(mode=0o700)
            # `net` holds the networks of build steps: mounts that belong to this builder alone.
            kept = [str(path) for path in layout.builder_root.iterdir() if path.name != "net"]
            subprocess.run(["cp", "-a", *kept, str(partial)], check=True)
            partial.rename(target)
    finally:
        os.kill(pid, signal.SIGCONT)
