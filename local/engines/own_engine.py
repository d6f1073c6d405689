"""A Docker engine for one set-up, next to the machine's: started, stopped, and its traces removed.

It has its own socket, data, bridge and containerd. It does not touch docker0, and adds only one rule to
iptables: published ports are served by docker's proxy alone, and containers reach only the networks of their
own engine.
"""

import ipaddress
import json
import os
import re
from pathlib import Path

import docker
from docker.errors import DockerException

from catalogue.node_container import GRACE, stop_seconds
from local.engines.engine import dockerd, engine_version
from local.machine import services
from local.machine.layout import Layout
from local.machine.packages import ensure_packages
from local.machine.services import Service
from local.machine.steps import SetupError, as_root, output, run, step

NAME = "dockerd"
"""Service name of the engine that runs a set-up's nodes."""

LINKS = Path("/sys/class/net")
NUMBERS = range(46)
"""Numbers of the engines on one machine: networks 10.210.0.0/16 to 10.255.0.0/16."""


def own_folder(layout: Layout) -> Path:
    """Folder of the engine that runs a set-up's nodes."""
    return layout.state / "engine"


def ensure_own_engine(layout: Layout) -> str:
    """Start the engine of a set-up's nodes if necessary; return its DOCKER_HOST."""
    ensure_packages(layout, "the engine", ["docker.io", "iptables", "iproute2"])
    start(layout, NAME, own_folder(layout))
    return endpoint(own_folder(layout))


def endpoint(folder: Path) -> str:
    """DOCKER_HOST of the engine in a folder."""
    return f"unix://{folder}/docker.sock"


def start(layout: Layout, name: str, folder: Path) -> None:
    """Start the engine of a folder unless it is running; `name` is that of its service."""
    folder.mkdir(parents=True, exist_ok=True)
    number, log = _number(folder), layout.logs / f"{name}.log"
    bridge, networks = _bridge(number), _networks(number)
    if not (LINKS / bridge).exists():
        run(as_root(["ip", "link", "add", "name", bridge, "type", "bridge"]), log=log)
        run(as_root(["ip", "addr", "add", f"10.209.{number}.1/24", "dev", bridge]), log=log)
        run(as_root(["ip", "link", "set", bridge, "up"]), log=log)
    # The system engine sets the policy DROP, which then also applies to the bridges of other engines.
    if output(as_root(["iptables", "-w", "-C", *_rule(number)])) is None:
        run(as_root(["iptables", "-w", "-I", *_rule(number)]), log=log)
    if services.running_pid(layout, name) is None:
        # Left by a killed engine: if another process has its pid now, dockerd refuses to start.
        stale = [f"{folder}/docker.pid", f"{folder}/run/containerd/containerd.pid"]
        run(as_root(["rm", "-f", *stale]), log=log)
    services.start(layout, _service(name, folder, bridge, networks))


def stop(layout: Layout, name: str, folder: Path) -> bool:
    """Stop the engine of a folder and all of its containers. Returns True if either was running.

    With `--live-restore` containers outlive their engine, so they are stopped first; a killed engine is
    started for that.
    """
    if services.running_pid(layout, name) is None and _shims(folder):
        start(layout, name, folder)
    if services.running_pid(layout, name) is not None:
        _stop_containers(folder)
    return services.stop(layout, name)


def remove_traces(folder: Path) -> None:
    """Remove a stopped engine's bridges, iptables rule and mount.

    The next start creates them again. The engine's data is kept.
    """
    numbered = folder / "number"
    if not numbered.exists():
        return
    number = int(numbered.read_text())
    log = Path("/dev/null")
    while output(as_root(["iptables", "-w", "-C", *_rule(number)])) is not None:
        run(as_root(["iptables", "-w", "-D", *_rule(number)]), log=log)
    for bridge in _bridges(number):
        run(as_root(["ip", "link", "delete", bridge, "type", "bridge"]), log=log)
    # The engine mounts its data on itself. One that found a killed engine's mount does not unmount it.
    if output(["mountpoint", "--quiet", f"{folder}/data"]) is not None:
        run(as_root(["umount", "--recursive", f"{folder}/data"]), log=log)
    numbered.unlink()


def _bridges(number: int) -> list[str]:
    """Bridges of the engine and its networks, which docker leaves behind when it ends."""
    listed = json.loads(output(["ip", "-j", "-4", "address"]) or "[]")
    bridges = {_bridge(number)} & {path.name for path in LINKS.iterdir()}
    inside = ipaddress.ip_network(_networks(number))
    for link in listed:
        addresses = [ipaddress.ip_address(address["local"]) for address in link.get("addr_info", ())]
        if link["ifname"].startswith("br-") and any(address in inside for address in addresses):
            bridges.add(link["ifname"])
    return sorted(bridges)


def _number(folder: Path) -> int:
    """Number of this engine among those of the machine: the first free one, recorded in the folder.

    Raises SetupError if every number is taken.
    """
    kept = folder / "number"
    if not kept.exists():
        free = [number for number in NUMBERS if not (LINKS / _bridge(number)).exists()]
        if not free:
            raise SetupError(f"{len(NUMBERS)} engines have bridges skycoin0 to skycoin{NUMBERS[-1]} already.")
        kept.write_text(str(free[0]))
    return int(kept.read_text())


def _bridge(number: int) -> str:
    return f"skycoin{number}"


def _networks(number: int) -> str:
    return f"10.{210 + number}.0.0/16"


def _rule(number: int) -> list[str]:
    return ["FORWARD", "-s", _networks(number), "-d", _networks(number), "-j", "ACCEPT"]


def _service(name: str, folder: Path, bridge: str, networks: str) -> Service:
    config = folder / "daemon.json"
    config.write_text("{}\n")
    return Service(
        name=name,
        argv=[
            dockerd(),
            f"--host={endpoint(folder)}",
            # Only this user can open the state folder, which contains the socket.
            f"--group={os.getgid()}",
            f"--data-root={folder}/data",
            f"--exec-root={folder}/run",
            f"--pidfile={folder}/docker.pid",
            f"--bridge={bridge}",
            f"--default-address-pool=base={networks},size=24",
            # With address pools and without this, the second start of an engine deletes the machine's docker0
            # (moby 20.10, daemon/daemon_unix.go, removeDefaultBridgeInterface).
            "--live-restore",
            # Not the system engine's configuration, nor its namespaces in a containerd that both may find.
            f"--config-file={config}",
            f"--containerd-namespace={bridge}",
            f"--containerd-plugins-namespace={bridge}-plugins",
            "--iptables=false",
            "--ip6tables=false",
        ],
        ready=lambda: engine_version(endpoint(folder)) is not None,
        root=True,
    )


def _stop_containers(folder: Path) -> None:
    client = docker.DockerClient(base_url=endpoint(folder), timeout=GRACE + 60)
    try:
        for container in client.containers.list():
            with step(f"container {container.name}") as this:
                container.stop(timeout=stop_seconds(container.attrs))
                this.found = "stopped"
    except (DockerException, OSError) as error:
        raise SetupError(f"the engine at {endpoint(folder)} does not stop its containers: {error}") from None
    finally:
        client.close()


def _shims(folder: Path) -> bool:
    """True if a container of this folder's engine is running, with or without the engine."""
    wanted = re.compile(rf"containerd-shim.*-address\0?{re.escape(f'{folder}/run/')}".encode())
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted.search((process / "cmdline").read_bytes()):
                return True
        except OSError:
            continue  # it has ended
    return False
