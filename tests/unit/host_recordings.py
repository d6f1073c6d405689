"""Hosts that a network namespace can't imitate: recorded answers of their programs, read in the real way.

A host is a folder of small programs. `ssh` runs its command in a shell that finds only these, so the script,
its parts and the parser of their output are the real ones.
"""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PASSED_ON = ("sed", "od", "cat", "sh")
"""Programs of this machine that each host has too."""

RASPBERRY_PI_4 = {
    "ServerVersion": "20.10.24+dfsg1",
    "Architecture": "aarch64",
    "KernelVersion": "6.1.21-v8+",
    "Driver": "overlay2",
    "MemoryLimit": True,
    "MemTotal": 3976724480,
    "DockerRootDir": "/var/lib/docker",
}
"""Answer of Docker's `/info` (SystemInfo in its API), with only the fields that are read."""
_QUEUES = "00000000:00000000 00:00000000 00000000"
LISTENS = f"""\
   0: 00000000:0016 00000000:0000 0A {_QUEUES}     0        0 17015 1
   1: 0100007F:1914 00000000:0000 0A {_QUEUES}  1000        0 31415 1
   0: {"0" * 32}:0050 {"0" * 32}:0000 0A {_QUEUES}    33        0 27182 1
   1: 0000000000000000FFFF00000100007F:1F90 {"0" * 32}:0000 0A {_QUEUES}  1000        0 16180 1
"""
"""Lines of /proc/net/tcp and tcp6: sshd, a user's program on 127.0.0.1:6420, and two IPv6 listeners."""
DISK = """\
Filesystem     1024-blocks    Used Available Capacity Mounted on
/dev/mmcblk0p2    30348324 8123456  20928868      28% /
"""
NODE = {
    "Name": "/skycoin-attic",
    "Status": "running",
    "Restart": "unless-stopped",
    "Ports": {"6420/tcp": [{"HostIp": "127.0.0.1", "HostPort": "6420"}]},
    "Mounts": [
        {"Type": "volume", "Name": "skycoin-attic-wallet", "Destination": "/wallet", "RW": True},
        {"Type": "bind", "Source": "/etc/hosts", "Destination": "/etc/hosts", "RW": True},
        {"Type": "volume", "Name": "shared", "Destination": "/shared", "RW": False},
    ],
    "Title": "Skycoin node",
    "Capabilities": None,
    "Privileged": False,
}
DIND = {
    "Name": "/skycoin-workspace-cli",
    "Status": "exited",
    "Restart": "unless-stopped",
    "Ports": {},
    "Mounts": [],
    "Title": "Skycoin workspace: Go, Node and their tools, with a Docker engine",
    "Capabilities": ["CAP_SYS_ADMIN", "CAP_NET_ADMIN"],
    "Privileged": False,
}


@dataclass(frozen=True, slots=True)
class RecordedHost:
    """A host as a folder of programs."""

    folder: Path

    def says(self, program: str, script: str) -> None:
        """Make a program of the host run this shell script."""
        file = self.folder / program
        file.unlink(missing_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def prints(self, program: str, text: str) -> None:
        """Make a program of the host print this text."""
        (self.folder / f"{program}.txt").write_text(text)
        self.says(program, f"cat {self.folder / f'{program}.txt'}")

    def lacks(self, program: str) -> None:
        (self.folder / program).unlink()

    def docker(self, info: dict[str, Any], *containers: dict[str, Any]) -> None:
        """Make the host's docker command answer for an engine with these containers."""
        # Compact, as Go writes JSON.
        info_text, *lines = (
            f"{json.dumps(answer, separators=(',', ':'))}\n" for answer in (info, *containers)
        )
        (self.folder / "info.json").write_text(info_text)
        (self.folder / "containers").write_text("".join(lines))
        self.says(
            "docker",
            f'case "$1" in\ninfo) cat {self.folder}/info.json ;;\n'
            f"ps) echo {'id ' * len(containers)};;\n"
            f"container) cat {self.folder}/containers ;;\nesac",
        )


def recorded_host(folder: Path, shell: str = "sh") -> RecordedHost:
    """A healthy Raspberry Pi 4. Its folder has its `ssh` too, so PATH must begin with that folder."""
    folder.mkdir()
    host = RecordedHost(folder)
    for name in PASSED_ON:
        (folder / name).symlink_to(str(shutil.which(name)))
    program, *flags = shell.split()
    # The last argument is the command; a login may print a banner before the command's output.
    host.says(
        "ssh",
        f'for last; do :; done\n[ "$last" = "sh -s" ] || exit 99\n'
        f"echo Welcome\nPATH={folder} exec {' '.join([str(shutil.which(program)), *flags])} -s",
    )
    host.docker(RASPBERRY_PI_4)
    host.prints("uname", "6.1.21-v8+\n")
    host.prints("id", "pi\n")
    host.prints("getconf", "64\n")
    host.says("date", f"exec {shutil.which('date')} +%s")
    host.prints("df", DISK)
    host.prints("listeners", LISTENS)
    host.says(
        "grep",
        f'case "$1" in\n-h) cat {folder}/listeners.txt ;;\n*) echo "SwapTotal:         102396 kB" ;;\nesac',
    )
    return host


def on_path(folder: Path) -> str:
    """A PATH on which the host's `ssh` comes first."""
    return f"{folder}:{os.environ['PATH']}"
