"""A network namespace for the tests: links, routes and rules outside it are neither visible nor changed."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from local.machine.layout import PROJECT

# A new sysfs is mounted because /sys shows the links of the network namespace in which it was mounted; it has
# no cgroup v1, so the cgroup mounts are carried over.
MOUNTS = (
    "mkdir -p /run/skycoin-cgroup && mount --rbind /sys/fs/cgroup /run/skycoin-cgroup "
    "&& mount -t sysfs sysfs /sys && mount --rbind /run/skycoin-cgroup /sys/fs/cgroup "
    '&& ip link set lo up && exec "$@"'
)


@contextmanager
def network_namespace(name: str) -> Iterator[list[str]]:
    """Yield a command that runs another one in a new namespace; kill at the end whatever still runs there."""
    _remove(name)
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        yield ["nsenter", f"--net=/run/netns/{name}", "unshare", "-m", "sh", "-c", MOUNTS, "sh"]
    finally:
        _remove(name)


def _remove(name: str) -> None:
    listed = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False)
    for pid in listed.stdout.split():
        subprocess.run(["kill", "-9", pid], check=False)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def python(module: str, *arguments: str) -> list[str]:
    """Command line that runs a module of this project."""
    return ["env", f"PYTHONPATH={PROJECT}", sys.executable, "-m", module, *arguments]
