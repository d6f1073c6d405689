"""Start of the stand-in: pulumi starts one for each provider, so for each host of a stack (ADR 33).

It gets a port from the process that serves the run, which the first one starts, prints it, and becomes a
shell that waits for the end of its engine. It imports little, because imports are most of its time.
"""

import os
import socket
import stat
import sys
import time

from providers.docker.peers import GONE, is_own, name_of_run

ATTEMPTS = 20
"""Times that a run's process is looked for: it may end just when another host comes."""
PAUSE = 0.02
PATIENCE = 30
"""Seconds in which it must give a port; a small board needs some to import what it serves with."""
LINK = 3
"""File descriptor of the connection in the shell, and of the listener in the process that serves."""
WAIT = f"while read -r _; do :; done; printf '%s\\n' {GONE.decode().strip()} >&{LINK}"


def main() -> None:
    """Share the run's process; where there is none to be had, be one, which also says why."""
    found = _shared_port(sys.argv[1]) if stat.S_ISFIFO(os.fstat(0).st_mode) else None
    if found is None:
        alone = [sys.executable, "-m", "providers.docker", *sys.argv[1:]]
        os.execv(sys.executable, alone)  # noqa: S606 no shell
    connection, port = found
    print(port, flush=True)
    _pass_on(connection)
    os.execv("/bin/sh", ["sh", "-c", WAIT])  # noqa: S606 this is the shell


def _shared_port(engine: str) -> tuple[socket.socket, int] | None:
    """Connection to the run's process, which lasts as long as the plugin, and the port that it gave."""
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
        if silent > 1:  # one may have ended in that moment; two can't be started
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
        # A child of nobody, in a session of its own: pulumi ends each plugin with its group, and waits until
        # nobody has its output any more.
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
    """Keep a socket as LINK in the program that this process becomes."""
    os.dup2(end.fileno(), LINK)
    os.set_inheritable(LINK, True)  # also where it was that one already


if __name__ == "__main__":
    main()
