"""A network namespace of the tests' own: what runs in it sees and changes no link, route or rule outside."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from local.layout import PROJECT

# /sys shows the links of the namespace that it was mounted in; with it comes no cgroup of version 1.
MOUNTS = (
    "mkdir -p /run/skycoin-cgroup && mount --rbind /sys/fs/cgroup /run/skycoin-cgroup "
    "&& mount -t sysfs sysfs /sys && mount --rbind /run/skycoin-cgroup /sys/fs/cgroup "
    '&& ip link set lo up && exec "$@"'
)


@contextmanager
def network_namespace(name: str) -> Iterator[list[str]]:
    """Command that runs another one in a new namespace; whatever still runs there is ended with it."""
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
    """Command that runs a module of this project."""
    return ["env", f"PYTHONPATH={PROJECT}", sys.executable, "-m", module, *arguments]
