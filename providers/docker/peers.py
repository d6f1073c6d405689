"""The socket through which the plugins of one run of pulumi find the process that serves them (ADR 33).

It is an abstract socket, without a file, so nothing is left behind. Each side checks which user the other
process belongs to.
"""

import os
import socket
import struct
from pathlib import Path

GONE = b"gone\n"
"""Message of a plugin whose parent, the Pulumi engine, has ended without stopping it."""
_CREDENTIALS = struct.Struct("3i")
_STARTED = 19
"""Index of a process's start time among the fields after its name in /proc/PID/stat (proc(5), field 22)."""


def name_of_run() -> str:
    """Name of the abstract socket of this run of pulumi; the plugin's parent process identifies the run."""
    engine = os.getppid()
    fields = Path(f"/proc/{engine}/stat").read_text().rpartition(")")[2].split()
    return f"\0skycoin-docker-plugin-{os.getuid()}-{engine}-{fields[_STARTED]}"


def is_own(connection: socket.socket) -> bool:
    """True if the process at the other end belongs to this user."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return bool(_CREDENTIALS.unpack(credentials)[1] == os.getuid())
