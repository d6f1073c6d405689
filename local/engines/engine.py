"""The Docker engine for the nodes: a running one, otherwise Debian's, installed and started."""

import grp
import os
import shutil
from pathlib import Path

import docker
from docker.errors import DockerException

from clients.foreign import MALFORMED
from local.machine.layout import Layout
from local.machine.packages import ensure_packages
from local.machine.services import Service, start
from local.machine.steps import SetupError, as_root, output, run, step

API_VERSION = "1.41"
"""API version of Debian 12's engine; the only request made here does not depend on it."""

SYSTEM_SOCKET = Path("/var/run/docker.sock")
SYSTEM_GROUP = "docker"
"""Group of that socket; Debian's and Docker's packages create the group."""


def engine_version(endpoint: str) -> str | None:
    """Version of the engine at a DOCKER_HOST address, `20.10.24 (API 1.41)`; None without such an answer."""
    try:
        # A client with a given version doesn't connect yet; without one it leaks its socket on a failure.
        client = docker.DockerClient(base_url=endpoint, version=API_VERSION, timeout=10)
        try:
            version = client.api.version(api_version=False)
        finally:
            client.close()
        return f"{version['Version']} (API {version['ApiVersion']})"
    except (DockerException, OSError, *MALFORMED):
        return None


def _context_endpoint() -> str | None:
    """Address of the engine that the docker command would use; None if docker is not installed or fails."""
    if shutil.which("docker") is None:
        return None
    return output(["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"])


def machine_engine() -> str:
    """DOCKER_HOST of the machine's engine, whether it runs or not."""
    return os.environ.get("DOCKER_HOST") or _context_endpoint() or f"unix://{SYSTEM_SOCKET}"


def refuse_without_access() -> None:
    """Raise SetupError if this user could not use the engine that `ensure_engine` finds or starts.

    Checked before the set-up's minutes of work, and also where Docker is not installed yet.
    """
    given = machine_engine()
    if not given.startswith("unix://"):
        return
    socket = Path(given.removeprefix("unix://"))
    _check_access(socket)
    if not socket.exists() and socket == SYSTEM_SOCKET and os.getuid() != 0 and not _in_group(SYSTEM_GROUP):
        raise SetupError(
            f"You would have no access to the Docker engine that make starts here: only root and the group "
            f"{SYSTEM_GROUP} can use it. Run `sudo groupadd -f {SYSTEM_GROUP}` and `sudo usermod -aG "
            f"{SYSTEM_GROUP} $USER`, log in again, and run make again; or run make as root."
        )


def _in_group(name: str) -> bool:
    try:
        return grp.getgrnam(name).gr_gid in {os.getegid(), *os.getgroups()}
    except KeyError:
        return False


def ensure_engine(layout: Layout) -> str:
    """Return the DOCKER_HOST of a running engine; otherwise install and start Debian's.

    Raises SetupError if DOCKER_HOST or the docker context names another engine, which does not answer.
    """
    given = machine_engine()
    with step("Docker engine") as this:
        version = engine_version(given)
        if version is not None:
            this.found = f"{version} answers at {given}"
            return given
        this.found = f"none answers at {given}"
    if given.startswith("unix://"):
        _check_access(Path(given.removeprefix("unix://")))
    if given != f"unix://{SYSTEM_SOCKET}":
        raise SetupError(
            f"No Docker engine answers at {given}, which DOCKER_HOST or the docker context names. "
            "Start it, or unset that to use this machine's own."
        )
    return _start_system(layout)


def _check_access(socket: Path) -> None:
    if socket.exists() and not os.access(socket, os.R_OK | os.W_OK):
        raise SetupError(
            f"You have no access to the Docker engine's socket {socket}: run make as root, or join its "
            f"group (`sudo usermod -aG docker $USER`, then log in again)."
        )


def _start_system(layout: Layout) -> str:
    """Start the installed engine, or Debian's, in its usual folders: volumes outlive the project's folder."""
    if shutil.which("dockerd") is None:
        ensure_packages(layout, "the engine", ["docker.io", "iptables"])
    endpoint = f"unix://{SYSTEM_SOCKET}"
    if Path("/run/systemd/system").is_dir():
        with step("Docker engine by systemd") as this:
            run(as_root(["systemctl", "start", "docker"]), log=layout.logs / "dockerd.log")
            this.found = engine_version(endpoint) or "started"
        _check_access(SYSTEM_SOCKET)
        return endpoint
    start(
        layout,
        Service(
            name="dockerd",
            argv=[dockerd()],
            # A user without access to the socket is told that, not that nothing answers.
            ready=lambda: (
                engine_version(endpoint) is not None
                or (SYSTEM_SOCKET.exists() and not os.access(SYSTEM_SOCKET, os.W_OK))
            ),
            root=True,
        ),
    )
    _check_access(SYSTEM_SOCKET)
    return endpoint


def dockerd() -> str:
    """Path of dockerd. Raises SetupError if it is not installed."""
    path = shutil.which("dockerd") or "/usr/sbin/dockerd"
    if not Path(path).exists():
        raise SetupError("dockerd is not installed: install Debian's docker.io, or Docker's own packages.")
    return path
