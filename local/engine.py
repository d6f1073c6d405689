"""The Docker engine that runs the nodes: the one that answers, else Debian's, installed and started."""

import os
import shutil
from pathlib import Path

import docker
from docker.errors import DockerException

from local.layout import EngineChoice, Layout
from local.packages import ensure_packages
from local.services import Service, running_pid, start
from local.steps import SetupError, as_root, output, run, step

API_VERSION = "1.41"
"""Of Debian 12's engine; not sent with the one request that is made here."""

SYSTEM_SOCKET = Path("/var/run/docker.sock")


def engine_version(endpoint: str) -> str | None:
    """`20.10.24 (API 1.41)` of the engine at a DOCKER_HOST address, or None."""
    try:
        # With a version given it connects to nothing yet; made without, it leaks its socket on a failure.
        client = docker.DockerClient(base_url=endpoint, version=API_VERSION, timeout=10)
        try:
            version = client.api.version(api_version=False)
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
            f"The Docker engine's socket {socket} is not yours to use: run make as root, or join its "
            f"group (`sudo usermod -aG docker $USER`, then log in again)."
        )


def _start_system(layout: Layout) -> str:
    """Debian's engine with its ordinary folders, so that volumes outlive the project's folder."""
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
            argv=[_dockerd()],
            # Whoever may not use the socket is told so, and not that nothing answers.
            ready=lambda: (
                engine_version(endpoint) is not None
                or (SYSTEM_SOCKET.exists() and not os.access(SYSTEM_SOCKET, os.W_OK))
            ),
            root=True,
        ),
    )
    _check_access(SYSTEM_SOCKET)
    return endpoint


def _start_own(layout: Layout) -> str:
    """An engine with all its data under the state folder and a bridge of its own."""
    ensure_packages(layout, "the engine", ["docker.io", "iptables", "iproute2"])
    folder = layout.state / "engine"
    endpoint = f"unix://{own_socket(layout)}"
    folder.mkdir(parents=True, exist_ok=True)
    start_own_engine(layout, "dockerd", folder, number=0)
    return endpoint


def start_own_engine(layout: Layout, name: str, folder: Path, *, number: int) -> None:
    """A dockerd beside the system's: own socket, data, bridge and containerd.

    `number` (0 to 45) tells the engines of one machine apart: bridge `skycoin<number>` with
    10.209.<number>.1/24, and networks in 10.<210 + number>.0.0/16. It keeps its hands off docker0
    and the rules of iptables, which are the system engine's: published ports are served by docker's
    proxy alone, and containers reach no network but those of their own engine.
    """
    bridge, networks, log = f"skycoin{number}", f"10.{210 + number}.0.0/16", layout.logs / f"{name}.log"
    if not Path("/sys/class/net", bridge).exists():
        run(as_root(["ip", "link", "add", "name", bridge, "type", "bridge"]), log=log)
        run(as_root(["ip", "addr", "add", f"10.209.{number}.1/24", "dev", bridge]), log=log)
        run(as_root(["ip", "link", "set", bridge, "up"]), log=log)
    # The system engine sets the policy DROP, which then holds for bridges of other engines too.
    rule = ["FORWARD", "-s", networks, "-d", networks, "-j", "ACCEPT"]
    if output(as_root(["iptables", "-w", "-C", *rule])) is None:
        run(as_root(["iptables", "-w", "-I", *rule]), log=log)
    if running_pid(layout, name) is None:
        # Of one that was killed: where its number is another process's by now, dockerd refuses to start.
        stale = [f"{folder}/docker.pid", f"{folder}/run/containerd/containerd.pid"]
        run(as_root(["rm", "-f", *stale]), log=log)
    start(layout, _own_engine(name, folder, bridge, networks))


def _own_engine(name: str, folder: Path, bridge: str, networks: str) -> Service:
    endpoint = f"unix://{folder}/docker.sock"
    config = folder / "daemon.json"
    config.write_text("{}\n")
    return Service(
        name=name,
        argv=[
            _dockerd(),
            f"--host={endpoint}",
            f"--data-root={folder}/data",
            f"--exec-root={folder}/run",
            f"--pidfile={folder}/docker.pid",
            f"--bridge={bridge}",
            f"--default-address-pool=base={networks},size=24",
            # Not the system engine's settings, nor its namespaces in a containerd that both may find.
            f"--config-file={config}",
            f"--containerd-namespace={bridge}",
            f"--containerd-plugins-namespace={bridge}-plugins",
            "--iptables=false",
            "--ip6tables=false",
        ],
        ready=lambda: engine_version(endpoint) is not None,
        root=True,
    )


def _dockerd() -> str:
    path = shutil.which("dockerd") or "/usr/sbin/dockerd"
    if not Path(path).exists():
        raise SetupError("dockerd is not installed: install Debian's docker.io, or Docker's own packages.")
    return path
