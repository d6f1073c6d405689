"""The Docker engine of one provider: a local socket or ssh://, connected to at first use."""

import json
import os
import threading

import docker
from docker.errors import DockerException

from local.docker_plugin.ssh import SshRelay
from plugins.base import ProviderError, Values

SECONDS = 120
"""Time limit of one request; a graceful stop takes 60."""


class Engine:
    """Configured once by the provider's inputs; the client is made when an operation needs one."""

    def __init__(self) -> None:
        self._host = ""
        self._ssh_options: list[str] = []
        self._client: docker.DockerClient | None = None
        self._lock = threading.Lock()

    def configure(self, inputs: Values) -> None:
        """`host` (default: DOCKER_HOST, then the system's socket) and `sshOpts` of the provider."""
        self._host = inputs.get("host") or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
        options = inputs.get("sshOpts") or []
        # The SDK sends lists of a provider's inputs as JSON text.
        self._ssh_options = json.loads(options) if isinstance(options, str) else options

    def client(self) -> docker.DockerClient:
        """A connected client. Raises ProviderError that names the host."""
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> docker.DockerClient:
        relay = SshRelay(self._host, self._ssh_options) if self._host.startswith("ssh://") else None
        address = relay.address if relay else self._host
        try:
            return docker.DockerClient(base_url=address, version="auto", timeout=SECONDS)
        except (DockerException, OSError) as error:
            reason = relay.last_words() if relay else ""
            raise ProviderError(
                f"no Docker engine answers at {self._host}: {reason or error}\n"
                f"Try `docker -H {self._host} version`; an ssh host's key must be in known_hosts."
            ) from error
