"""The Docker engine that runs the nodes: the one that answers, else Debian's, installed and started."""

import os
import shutil
from pathlib import Path

import docker
from docker.errors import DockerException

from local.layout import EngineChoice, Layout
from local.packages import ensure_packages
from local.services import Service, start
from local.steps import SetupError, as_root, output, run, step

SYSTEM_SOCKET = Path("/var/run/docker.sock")


def engine_version(endpoint: str) -> str | None:
    """`20.10.24 (API 1.41)` of the engine at a DOCKER_HOST address, or None."""
    try:
        client = docker.DockerClient(base_url=endpoint, timeout=10)
        try:
            version = client.version()
        finally:
            client.close()
    except (DockerException, OSError):
        return None
    return f"{version['Version']} (API {version['ApiVersion']})"


def _context_endpoint() -> str | None:
    """The engine that the docker command would use, where there is that command."""
    if shutil.which("docker") is None:
        return None
    return output(["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"])


def own_socket(layout: Layout) -> Path:
    """Socket of this set-up's own engine."""
    return layout.state / "engine" / "docker.sock"


def ensure_engine(layout: Layout) -> str:
    """DOCKER_HOST of an engine that answers."""
    if layout.engine is EngineChoice.OWN:
        return _start_own(layout)
    given = os.environ.get("DOCKER_HOST") or _context_endpoint() or f"unix://{SYSTEM_SOCKET}"
    with step("Docker engine") as this:
        version = engine_version(given)
        if version is not None:
            this.found = f"{version} answers at {given}"
            return given
        this.found = f"none answers at {given}"
    if given != f"unix://{SYSTEM_SOCKET}":
        raise SetupError(
            f"No Docker engine answers at {given}, which DOCKER_HOST or the docker context names. "
            "Start it, or unset that to use this machine's own."
        )
    return _start_system(layout)


def _start_system(layout: Layout) -> str:
    """Debian's engine with its ordinary folders, so that volumes outlive the project's folder."""
    ensure_packages(layout, "the engine", ["docker.io", "iptables"])
    endpoint = f"unix://{SYSTEM_SOCKET}"
    if Path("/run/systemd/system").is_dir():
        with step("Docker engine by systemd") as this:
            run(as_root(["systemctl", "start", "docker"]), log=layout.logs / "dockerd.log")
            this.found = engine_version(endpoint) or "started"
        return endpoint
    start(
        layout,
        Service(
            name="dockerd",
            argv=[_dockerd()],
            ready=lambda: engine_version(endpoint) is not None,
            root=True,
        ),
    )
    return endpoint


def _start_own(layout: Layout) -> str:
    """An engine with all its data under the state folder and a bridge of its own."""
    ensure_packages(layout, "the engine", ["docker.io", "iptables"])
    folder = layout.state / "engine"
    endpoint = f"unix://{own_socket(layout)}"
    folder.mkdir(parents=True, exist_ok=True)
    start(layout, own_engine("dockerd", folder))
    return endpoint


def own_engine(name: str, folder: Path) -> Service:
    """A dockerd beside the system's: own socket, data, pid file; containers of an own containerd."""
    endpoint = f"unix://{folder}/docker.sock"
    return Service(
        name=name,
        argv=[
            _dockerd(),
            f"--host={endpoint}",
            f"--data-root={folder}/data",
            f"--exec-root={folder}/run",
            f"--pidfile={folder}/docker.pid",
            # No default bridge: nodes have networks of their own, and two engines can't share docker0.
            "--bridge=none",
        ],
        ready=lambda: engine_version(endpoint) is not None,
        root=True,
    )


def _dockerd() -> str:
    path = shutil.which("dockerd") or "/usr/sbin/dockerd"
    if not Path(path).exists():
        raise SetupError("dockerd is not installed: install Debian's docker.io, or Docker's own packages.")
    return path
