"""A Docker engine, behind a local socket or ssh://, connected at first use."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from catalogue.node_container import stop_seconds
from clients.engine_api import EngineApi
from clients.errors import ServiceError, SilentHostError, message_of
from clients.foreign import MALFORMED
from clients.ssh import SshRelay
from display.command_lines import docker_command

SECONDS = 120
"""Longest silence of an engine during a request, in seconds; a graceful stop takes up to 60."""
SILENT_FOR = 30
"""Seconds for which an engine that did not answer is not asked again, so it costs one time limit."""
MISSING, NOT_REACHED = "does not exist", "not reached"
"""Outcome of a stop if there is no container, and beginning of the outcome if its engine does not answer."""
_failures: dict[tuple[str, ...], tuple[float, str]] = {}
"""Engine (address and ssh options) → time and error of its last failed connection."""
_shared: dict[tuple[str, ...], "Engine"] = {}
"""Engines by address and ssh options: all resources of a host share one connection."""
_shared_lock = threading.Lock()


def engine_address(address: str | None) -> str:
    """Address of an engine: the given one, otherwise DOCKER_HOST, otherwise the system's socket."""
    return address or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


class Engine:
    """An engine, configured once from a provider's inputs and connected when first needed."""

    def __init__(self) -> None:
        self._host = ""
        self._ssh_options: list[str] = []
        self._client: docker.DockerClient | None = None
        self._lock = threading.Lock()

    def configure(self, inputs: Mapping[str, Any]) -> None:
        """Read the provider's `host` (default: DOCKER_HOST, then the system's socket) and `sshOpts`."""
        self._host = engine_address(inputs.get("host"))
        options = inputs.get("sshOpts") or []
        # The SDK sends lists in a provider's inputs as JSON text.
        self._ssh_options = json.loads(options) if isinstance(options, str) else options

    def client(self) -> Any:
        """Connected docker.DockerClient; docker-py has no complete types.

        Raises SilentHostError that names the host. Callers that wait during a failing connection, or come
        soon after, share its error: a dead host costs one time limit, however many resources it has.
        """
        with self._lock:
            if self._client is None:
                self._client = self._connect_unless_silent()
            return self._client

    def answering(self) -> Any:
        """Connected client that has just answered; a lost connection is opened again.

        Raises SilentHostError.
        """
        with self._lock:
            if self._client is not None:
                try:
                    self._client.ping()
                except (DockerException, OSError):
                    self._client = None
            if self._client is None:
                self._client = self._connect_unless_silent()
            return self._client

    @contextmanager
    def asking(self, subject: str) -> Iterator[Any]:
        """Low-level API of the client. Raises SilentHostError.

        Errors of docker-py and requests in the block become a ServiceError that names the subject.
        """
        api = self.client().api
        try:
            yield api
        except APIError as error:
            raise ServiceError(f"{subject}: {message_of(error)}") from error
        except DockerException as error:
            raise ServiceError(f"{subject}: {error}") from error
        except requests.RequestException as error:
            raise SilentHostError(f"{subject}: {self._host} stopped answering: {error}") from error

    def _connect_unless_silent(self) -> docker.DockerClient:
        key = (self._host, *self._ssh_options)
        failed_at, failure = _failures.get(key, (0.0, ""))
        if failure and time.monotonic() - failed_at < SILENT_FOR:
            raise SilentHostError(failure)
        try:
            return self._connect()
        except SilentHostError as error:
            _failures[key] = (time.monotonic(), str(error))
            raise

    def _connect(self) -> docker.DockerClient:
        relay = SshRelay(self._host, self._ssh_options) if self._host.startswith("ssh://") else None
        address = relay.address if relay else self._host
        try:
            return client_of(address, end=relay.close if relay else None)
        except (DockerException, OSError, *MALFORMED) as error:
            reason = relay.last_words() if relay else ""
            if relay and not reason and isinstance(error.__cause__, requests.ConnectionError):
                reason = "the connection ends without an answer"
            if relay:
                relay.close()
            command = docker_command(self._host, self._ssh_options)
            raise SilentHostError(
                f"no Docker engine answers at {self._host}: {reason or error}. "
                f"Try `{command} version`; an ssh host's key must be in known_hosts."
            ) from error


def client_of(
    address: str, seconds: int = SECONDS, end: Callable[[], None] | None = None
) -> docker.DockerClient:
    """Connect with the engine's own API version; `end` is called once the client is closed or unreferenced.

    Raises DockerException or OSError if the engine does not answer.
    """
    api = EngineApi(base_url=address, version="auto", timeout=seconds)
    if end:
        api.ends_with(end)
    client = docker.DockerClient(base_url=address, version=api.api_version)
    client.api = api
    return client


def connect(inputs: Mapping[str, Any]) -> Any:
    """Client for the engine in a resource's inputs (`engine`, `sshOptions`). Raises ServiceError.

    The client is shared by all resources of the engine, and has just answered.
    """
    key = (engine_address(inputs.get("engine")), *(inputs.get("sshOptions") or ()))
    with _shared_lock:
        if key not in _shared:
            _shared[key] = Engine()
            _shared[key].configure({"host": inputs.get("engine"), "sshOpts": inputs.get("sshOptions")})
    return _shared[key].answering()


def start_container(identity: str, provider: Mapping[str, Any]) -> None:
    """Start a stopped container; ignore errors, as when it does not exist or its engine does not answer.

    `provider` has the inputs of the container's docker provider (`host`, `sshOpts`).
    """
    engine = Engine()
    engine.configure(provider)
    with suppress(DockerException, OSError, ServiceError):
        engine.client().api.start(identity)


def stop_container(name: str, provider: Mapping[str, Any], seconds: int) -> str:
    """Stop a container with its own stop signal; return a description of what happened.

    `provider` has the inputs of the container's docker provider (`host`, `sshOpts`). The container is killed
    after `seconds`, or after its own time to stop if that is longer. A silent engine does not raise an error,
    so that the other containers are still stopped.
    """

    def stop(client: Any) -> None:
        container = client.containers.get(name)
        container.stop(timeout=stop_seconds(container.attrs, seconds))

    return _stopped(provider, stop)


def stop_set_aside(name: str, wallet: str, provider: Mapping[str, Any], seconds: int) -> str:
    """Stop a node's container that a killed handover has set aside, and keep it stopped at the next boot.

    A container that does not mount the node's wallet counts as missing. Otherwise like `stop_container`.
    """

    def stop(client: Any) -> None:
        container = client.containers.get(name)
        if wallet not in [mount.get("Name") for mount in container.attrs["Mounts"]]:
            raise NotFound(name)
        container.update(restart_policy={"Name": "unless-stopped"})
        container.stop(timeout=stop_seconds(container.attrs, seconds))

    return _stopped(provider, stop)


def _stopped(provider: Mapping[str, Any], stop: Callable[[Any], None]) -> str:
    engine = Engine()
    engine.configure(provider)
    try:
        stop(engine.client())
    except NotFound:
        return MISSING
    except (DockerException, OSError, ServiceError) as error:
        return f"{NOT_REACHED}: {error}"
    return "stopped"
