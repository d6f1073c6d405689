"""Launcher of the stand-in: pulumi starts one for each provider, so one for each host of a stack (ADR 33).

One process serves all hosts of a run; the first launcher starts it. Each launcher gets a port from it, prints
the port, and becomes a shell that waits until the Pulumi engine ends. This module imports little, because
imports take most of a launcher's time.
"""

import os
import socket
import stat
import sys
import time

from providers.docker.peers import GONE, is_own, name_of_run

ATTEMPTS = 20
"""Attempts to reach the run's process, which may be ending just when another launcher connects."""
PAUSE = 0.02
PATIENCE = 30
"""Seconds in which the run's process must give a port; its imports take several on a small board."""
LINK = 3
"""File descriptor of the connection in the shell, and of the listener in the run's process."""
WAIT = f"while read -r _; do :; done; printf '%s\\n' {GONE.decode().strip()} >&{LINK}"


def main() -> None:
    """Use the run's process. If that fails, serve this host alone, in a process whose errors pulumi shows."""
    shared = _shared_port(sys.argv[1]) if stat.S_ISFIFO(os.fstat(0).st_mode) else None
    if shared is None:
        alone = [sys.executable, "-m", "providers.docker", *sys.argv[1:]]
        os.execv(sys.executable, alone)  # noqa: S606 no shell
    connection, port = shared
    print(port, flush=True)
    _pass_on(connection)
    os.execv("/bin/sh", ["sh", "-c", WAIT])  # noqa: S606 this is the shell


def _shared_port(engine: str) -> tuple[socket.socket, int] | None:
    """Connect to the run's process; return the connection, to keep open, and the port; None on failure."""
    name, silent = name_of_run(), 0
    for _ in range(ATTEMPTS):
        _start_unless_there(name)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE)
        try:
            connection.connect(name)
            if not is_own(connection):
                return None
            connection.sendall(f"{engine}\n".encode())
            answer = connection.recv(16).strip()
        except ConnectionError:
            time.sleep(PAUSE)
            continue
        except OSError:
            return None
        if answer:
            connection.settimeout(None)
            return connection, int(answer)
        silent += 1
        if silent > 1:  # one process may just have ended; two in a row mean that none can start
            return None
    return None


def _start_unless_there(name: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(name)
        except OSError:
            return  # another plugin has bound it
        listener.listen(socket.SOMAXCONN)
        if os.fork():
            os.wait()
            return
        # Detached, in a separate session: pulumi kills each plugin with its process group, and waits until
        # no process holds the plugin's output.
        os.setsid()
        if os.fork():
            os._exit(0)
        _pass_on(listener)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(LINK):
            os.dup2(null, descriptor)
        served = [sys.executable, "-m", "providers.docker.shared", str(LINK)]
        os.execv(sys.executable, served)  # noqa: S606 no shell


def _pass_on(end: socket.socket) -> None:
    """Keep a socket open as descriptor LINK in the program that replaces this one."""
    os.dup2(end.fileno(), LINK)
    os.set_inheritable(LINK, True)  # dup2 omits this if the socket has that number already


if __name__ == "__main__":
    main()
