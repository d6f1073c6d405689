"""Handovers on an engine without live-restore that loses power; to be run in a network namespace.

At each moment the plugin is killed after one call to the engine, then the engine with everything that it
runs; the engine starts again, as when a board boots. Then the node is brought up twice and destroyed; or it
is destroyed at once. Prints a JSON object: moment → {boot: […], after: […], again: what the second `up` did,
destroyed: …, destroyed at once: …}. The lists hold `NAME=STATE` for all containers of the engine. What a
destroy leaves is {containers: […], volumes: […], wallet: text}.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import docker

from local.engines.engine import engine_version
from local.machine import services
from local.machine.layout import Layout, Mode
from providers.kind import Values
from providers.skycoin.node_container import NodeContainer
from tests.e2e.beside import system_engine
from tests.e2e.layouts import layout_in
from tests.e2e.plugin import busybox_archive, until
from tests.unit.node_engine import Resource

NAME, WALLET, IMAGE = "skycoin-one", "skycoin-one-wallet", "node-like:1"
COPIES = f"{WALLET}-backups"
TEXT = '{"meta": {"type": "deterministic", "label": "precious"}, "entries": []}\n'
MOMENTS: Mapping[str, tuple[str, int]] = {
    "the old one stops": ("stop", 1),
    "the old one is renamed": ("rename", 1),
    "the new one is created": ("create_container_from_config", 1),
    "the new one starts": ("start", 1),
    "the old one starts no more": ("update_container", 2),
    "the new one is confirmed": ("update_container", 3),
    "the old one is removed": ("remove_container", 1),
}
"""Moment → method of the engine's API, and the number of the call to it after which the plugin is killed."""
INPUTS: Values = {
    "host": "board",
    "sshOptions": [],
    "wallet": WALLET,
    "backups": COPIES,
    "newWallet": False,
    "name": NAME,
    "image": IMAGE,
    "command": ["sleep", "1000"],
    "init": True,
    "networkMode": "none",
    "mounts": [{"type": "volume", "source": WALLET, "target": "/wallet"}],
    "healthcheck": {"tests": ["CMD", "true"], "interval": "1s", "timeout": "1s", "retries": 3},
    "memory": 64,
    "stopTimeout": 2,
    "waitTimeout": 60,
}
CHANGED: Values = {**INPUTS, "command": ["sleep", "2000"]}

PREPARE = f"""\
for volume in {WALLET} {COPIES}; do docker volume create $volume > /dev/null; done
wallet=$(docker volume inspect -f '{{{{.Mountpoint}}}}' {WALLET})
copies=$(docker volume inspect -f '{{{{.Mountpoint}}}}' {COPIES})
echo {"0" * 32} | tee $wallet/.skyinfra-id > $copies/.identity
chown -R "$1" $wallet $copies
"""
"""Shell script that creates the wallet of a user, and records it on its host as the node's preflight does."""


def prepare(run: Callable[..., object], host: str, user: str = "0:0") -> None:
    """Prepare the wallet on the engine at an address; `run` runs a command where that engine is."""
    run("env", f"DOCKER_HOST={host}", "sh", "-c", PREPARE, "prepare", user)


class Killed(BaseException):
    """Raised where the plugin's process would be killed."""


class Api:
    """docker-py's low-level API, which raises Killed after this number of calls of a method."""

    def __init__(self, api: Any, method: str = "", times: int = 0) -> None:
        self._api, self._method, self._left = api, method, times

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._api, name)
        if name != self._method:
            return found

        def called(*arguments: Any, **options: Any) -> Any:
            answer = found(*arguments, **options)
            self._left -= 1
            if self._left == 0:
                raise Killed
            return answer

        return called


class Client:
    """docker-py's client with such an API."""

    def __init__(self, client: Any, api: Any) -> None:
        self.containers, self.api = client.containers, api


def pids(*pattern: str) -> list[str]:
    """Ids of the processes that pgrep finds."""
    return subprocess.run(["pgrep", *pattern], capture_output=True, text=True, check=False).stdout.split()


class Board:
    """An engine with a node on it."""

    def __init__(self, layout: Layout, folder: Path) -> None:
        self._layout, self._service, self._folder = layout, system_engine(folder), folder
        self._host = f"unix://{folder}/docker.sock"
        services.start(layout, self._service)
        self.client = docker.DockerClient(self._host)

    def prepare(self) -> None:
        """Create the node's image and its wallet."""
        self.client.api.import_image_from_data(busybox_archive(), repository="node-like", tag="1")
        self.client.api.create_volume(WALLET)
        self._wallet.write_text(TEXT)
        prepare(lambda *command: subprocess.run(command, check=True), self._host)

    @property
    def _wallet(self) -> Path:
        return Path(self.client.api.inspect_volume(WALLET)["Mountpoint"]) / "a.wlt"

    def kind(self, method: str = "", times: int = 0) -> NodeContainer:
        client = Client(self.client, Api(self.client.api, method, times))
        return NodeContainer(lambda _: None, lambda _: None, lambda _: client)

    def reboot(self) -> None:
        """Kill the engine and everything that it runs at once, then start it again."""
        listed = self.client.api.containers()
        running = [self.client.api.inspect_container(container["Id"])["State"]["Pid"] for container in listed]
        engine = (self._folder / "pid").read_text()
        for pid in [engine, *pids("-P", engine), *pids("-f", f"shim.*{self._folder}"), *map(str, running)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        until(lambda: engine_version(self._host) is None, "the engine has ended")
        self._empty_run()
        services.start(self._layout, self._service)
        self.client = docker.DockerClient(self._host)

    def _empty_run(self) -> None:
        """Remove what does not survive a boot: mounts, and /run, which is in memory."""
        points = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for point in sorted(
            (point for point in points if point.startswith(f"{self._folder}/")), reverse=True
        ):
            subprocess.run(["umount", "--lazy", point], check=True)
        shutil.rmtree(self._folder / "run")
        (self._folder / "pid").unlink()

    def states(self) -> list[str]:
        found = self.client.api.containers(all=True)
        return sorted(f"{container['Names'][0].lstrip('/')}={container['State']}" for container in found)

    def left(self) -> dict[str, object]:
        """Return containers, volumes and the wallet: what a destroy has left."""
        volumes = sorted(volume["Name"] for volume in self.client.api.volumes()["Volumes"])
        return {"containers": self.states(), "volumes": volumes, "wallet": self._wallet.read_text()}

    def cut(self, moment: str) -> Resource:
        """Create the node, and cut the power at a moment of its next handover; return its resource."""
        node = Resource(self.kind())
        node.up(INPUTS)
        method, times = MOMENTS[moment]
        node.kind = self.kind(method, times)
        with contextlib.suppress(Killed):
            node.up(CHANGED)
            raise AssertionError(f"{moment}: the plugin was not killed")
        self.reboot()
        node.kind = self.kind()
        return node


def main(folder: Path) -> None:
    """Cut the power at each moment of a handover, and let the next run repair it."""
    layout = layout_in(folder, 15448, cache=folder / "cache", mode=Mode.EMBEDDED)
    (folder / "system").mkdir(parents=True)
    board = Board(layout, folder / "system")
    board.prepare()
    noted = dict[str, dict[str, object]]()
    for moment in MOMENTS:
        node = board.cut(moment)
        boot = board.states()
        node.up(CHANGED, refresh=True)
        noted[moment] = {"boot": boot, "after": board.states(), "again": node.up(CHANGED, refresh=True)}
        node.destroy()
        noted[moment]["destroyed"] = board.left()
        board.cut(moment).destroy()
        noted[moment]["destroyed at once"] = board.left()
    services.stop(layout, "system")
    print(json.dumps(noted))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
