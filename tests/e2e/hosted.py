"""A registry that stands in for the community's: behind a login and a faulty proxy."""

import base64
import json
import os
import secrets
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt

from local.machine import services
from local.machine.services import Service, port_is_taken
from local.machine.tools import REGISTRY, tool_path
from tests.e2e.faulty import Proxy
from tests.e2e.machine import Machine
from tests.e2e.plugin import until

PORT = 15444
USER = "publisher"
PASSWORD = f"canary-{secrets.token_hex(16)}"
"""Canary: only the docker config may hold it, and the registry its hash."""

CONFIG = """\
version: 0.1
storage:
  filesystem: {{rootdirectory: {folder}/data}}
  delete: {{enabled: true}}
auth:
  {auth}
http:
  addr: 127.0.0.1:{port}
  secret: tests
  relativeurls: true
  tls: {{certificate: {certificates}/registry.crt, key: {certificates}/registry.key}}
"""


@dataclass(frozen=True, slots=True)
class Hosted:
    """The registry, and the proxy through which all clients reach it."""

    machine: Machine
    folder: Path
    proxy: Proxy

    @property
    def address(self) -> str:
        return self.proxy.address

    def login(self, password: str | None = PASSWORD) -> None:
        """Store a login in the docker config, as `docker login` does; None logs out."""
        log_in(self.machine, self.address, password)

    def start(self) -> None:
        """Start the registry, unless it runs."""
        realm = f"htpasswd: {{realm: hosted, path: {self.folder}/htpasswd}}"
        start_registry(self.machine, "hosted", PORT, self.folder, realm)

    def kill(self) -> None:
        """Kill the registry, as a power cut does; its proxy still listens."""
        pid = services.running_pid(self.machine.layout, "hosted")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: not port_is_taken(PORT), "the registry is gone")


def log_in(machine: Machine, address: str, password: str | None, user: str = USER) -> None:
    """Store a login for a registry in the machine's docker config; None removes it."""
    path = machine.layout.docker_config / "config.json"
    config: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    auths = {name: auth for name, auth in config.get("auths", {}).items() if name != address}
    if password is not None:
        auths[address] = {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}
    path.write_text(json.dumps({**config, "auths": auths}))


def start_registry(machine: Machine, name: str, port: int, folder: Path, auth: str) -> None:
    """Start a registry with its data in a folder; `auth` is a line of its configuration."""
    config = folder / "registry.yml"
    certificates = machine.layout.ca.parent
    config.write_text(CONFIG.format(folder=folder, port=port, certificates=certificates, auth=auth))
    services.start(
        machine.layout,
        Service(
            name=name,
            argv=[str(tool_path(machine.layout, REGISTRY)), "serve", str(config)],
            env={"OTEL_TRACES_EXPORTER": "none"},
            ready=lambda: port_is_taken(port),
            port=port,
        ),
    )


def start_hosted(machine: Machine) -> Hosted:
    """Start the registry and its proxy, and log the machine in."""
    folder = machine.layout.state / "hosted"
    folder.mkdir()
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (folder / "htpasswd").write_text(f"{USER}:{hashed}\n")
    hosted = Hosted(machine, folder, Proxy(PORT, machine.layout.ca.parent))
    hosted.start()
    hosted.login()
    return hosted
