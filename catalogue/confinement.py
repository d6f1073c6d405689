"""Restrictions of each container of this program, and limits of those that keep running, in Docker's terms.

Exceptions are the rights of a workspace with a nested engine, and the limits of workspaces
(`DIND_CAPABILITIES` and `PROCESSES` in workspaces.py). Each way to create a container spells these values in
its own form: components in Pulumi's, `clients/short_run.py` and the drill in docker-py's, devcontainer.json
and commands in messages in that of `docker run`.
"""

from collections.abc import Mapping
from types import MappingProxyType

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"
"""Addresses of the host to publish a port on."""

DROPPED_CAPABILITIES = ("ALL",)
SECURITY_OPTIONS = ("no-new-privileges",)
TEMPORARY_FILES: Mapping[str, str] = MappingProxyType({"/tmp": "rw,noexec,nosuid,nodev,size=64m"})
"""Path and mount options of the one folder outside its volumes that a node can write to."""

LIMITS: Mapping[str, int] = MappingProxyType({"nofile": 4096, "nproc": 1024})
"""Soft and hard limits, by the names of setrlimit(2).

A node has at most 128 connections and one database; many engines can't grant more open files. Linux counts
threads as processes.
"""

LOG_DRIVER = "json-file"


def log_options(size: str) -> dict[str, str]:
    """Options of the log driver: three files of at most `size`, in Docker's notation such as `10m`."""
    return {"max-size": size, "max-file": "3"}
