"""A second host of the tests' own: another engine, reached by ssh on loopback with checked host keys."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from local import own_engine, services
from local.packages import ensure_packages
from local.services import Service, port_is_taken
from tests.e2e.machine import Machine

ENGINE = "dockerd-2"
SSH_PORT = 15422
USER = pwd.getpwuid(os.geteuid()).pw_name

SSHD = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/client_key.pub
StrictModes no
PasswordAuthentication no
UsePAM no
PermitRootLogin prohibit-password
PidFile none
SetEnv DOCKER_HOST=unix://{folder}/docker.sock
"""


@dataclass(frozen=True, slots=True)
class SecondHost:
    """What a stack's settings need of it."""

    engine: str
    ssh_options: list[str]
    socket: Path


def start_second_host(machine: Machine) -> SecondHost:
    """Start the engine and the sshd in front of it."""
    ensure_packages(machine.layout, "the second host", ["openssh-server"])
    folder = machine.layout.state / "second"
    folder.mkdir()
    for name in ("host_key", "client_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    public = (folder / "host_key.pub").read_text().split()[:2]
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{SSH_PORT} {' '.join(public)}\n")
    (folder / "sshd_config").write_text(SSHD.format(port=SSH_PORT, folder=folder))
    Path("/run/sshd").mkdir(exist_ok=True)
    own_engine.start(machine.layout, ENGINE, folder)
    start_sshd(machine)
    options = ["-i", str(folder / "client_key"), "-o", f"UserKnownHostsFile={folder / 'known_hosts'}"]
    return SecondHost(
        engine=f"ssh://{USER}@127.0.0.1:{SSH_PORT}",
        ssh_options=[*options, "-o", "IdentitiesOnly=yes"],
        socket=folder / "docker.sock",
    )


def start_sshd(machine: Machine) -> None:
    """The way to the second host."""
    config = machine.layout.state / "second" / "sshd_config"
    services.start(
        machine.layout,
        Service(
            name="sshd",
            argv=[shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-e", "-f", str(config)],
            ready=lambda: port_is_taken(SSH_PORT),
            port=SSH_PORT,
        ),
    )
