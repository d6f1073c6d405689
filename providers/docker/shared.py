"""The process that serves all hosts of one run of pulumi; it ends when the last plugin has disconnected."""

import os
import socket
import sys
import threading

from providers.start import protocol_only

protocol_only()

from providers.docker.peers import GONE, is_own  # noqa: E402
from providers.docker.plugin import servicer  # noqa: E402
from providers.serving import GRACE, listening  # noqa: E402 after protocol_only, which it depends on


class Shared:
    """Server for all connected plugins: each has a separate port until it disconnects."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._lock = threading.Lock()
        self._plugins = 0

    def serve(self) -> None:
        """Accept plugins until the process ends, which happens when the last one disconnects."""
        while True:
            connection, _ = self._listener.accept()
            if not is_own(connection):
                connection.close()
                continue
            with self._lock:
                self._plugins += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rwb") as plugin:
                server, port = listening(servicer(plugin.readline().decode().strip()))
                plugin.write(b"%d\n" % port)
                plugin.flush()
                # A plugin that does not send GONE was killed by its engine; then no operation is waited for.
                grace = GRACE if plugin.readline() == GONE else None
                server.stop(grace).wait()
        finally:
            with self._lock:
                self._plugins -= 1
                if not self._plugins:
                    os._exit(0)  # threads of stopped servers would keep the process alive


if __name__ == "__main__":
    Shared(socket.socket(fileno=int(sys.argv[1]))).serve()
