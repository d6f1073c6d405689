"""The Docker engine of one provider: a local socket or ssh://, connected to at first use."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from clients.engine_api import EngineApi
from clients.errors import ServiceError, SilentHostError
from clients.ssh import SshRelay

SECONDS = 120
"""Time limit of one request; a graceful stop takes 60."""
SILENT_FOR = 30
"""Seconds for which an engine that did not answer is not asked again: a dead one costs one time limit."""
_failures: dict[tuple[str, ...], tuple[float, str]] = {}
"""When an engine (its address and ssh options) did not answer, and the error."""
_shared: dict[tuple[str, ...], "Engine"] = {}
"""Engines by address and ssh options: all resources of a host use one connection."""
_shared_lock = threading.Lock()


def engine_address(given: str | None) -> str:
    """DOCKER_HOST of an engine: as given, else the environment's, else the system's socket."""
    return given or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


class Engine:
    """Configured once by the provider's inputs; the client is made when an operation needs one."""

    def __init__(self) -> None:
        self._host = ""
        self._ssh_options: list[str] = []
        self._client: docker.DockerClient | None = None
        self._lock = threading.Lock()

    def configure(self, inputs: Mapping[str, Any]) -> None:
        """`host` (default: DOCKER_HOST, then the system's socket) and `sshOpts` of the provider."""
        self._host = engine_address(inputs.get("host"))
        options = inputs.get("sshOpts") or []
        # The SDK sends lists of a provider's inputs as JSON text.
        self._ssh_options = json.loads(options) if isinstance(options, str) else options

    def client(self) -> Any:
        """A connected docker.DockerClient; docker-py's low-level API has no full types.

        Raises SilentHostError that names the host. Who comes while another fails to connect, or soon
        after, fails with it: a dead host costs one time limit, however many resources it has.
        """
        with self._lock:
            if self._client is None:
                self._client = self._connect_unless_silent()
            return self._client

    def answering(self) -> Any:
        """A client as above that has answered just now: one whose connection was lost is made anew."""
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
        """The client's low-level API; what goes wrong becomes a ServiceError that names the subject."""
        api = self.client().api
        try:
            yield api
        except APIError as error:
            raise ServiceError(f"{subject}: {error.explanation or error}") from error
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
        except (DockerException, OSError) as error:
            reason = relay.last_words() if relay else ""
            if relay:
                relay.close()
            raise SilentHostError(
                f"no Docker engine answers at {self._host}: {reason or error}. "
                f"Try `docker -H {self._host} version`; an ssh host's key must be in known_hosts."
            ) from error


def client_of(
    address: str, seconds: int = SECONDS, end: Callable[[], None] | None = None
) -> docker.DockerClient:
    """A client that speaks the engine's version; `end` is called once it is closed or nobody has it any more.

    Raises DockerException and OSError where none answers.
    """
    api = EngineApi(base_url=address, version="auto", timeout=seconds)
    if end:
        api.ends_with(end)
    client = docker.DockerClient(base_url=address, version=api.api_version)
    client.api = api
    return client


def connect(inputs: Mapping[str, Any]) -> Any:
    """A client of the engine that a resource's inputs name: `engine`, `sshOptions`. Raises ServiceError.

    It is shared with the engine's other resources, and has answered just now.
    """
    key = (engine_address(inputs.get("engine")), *(inputs.get("sshOptions") or ()))
    with _shared_lock:
        if key not in _shared:
            _shared[key] = Engine()
            _shared[key].configure({"host": inputs.get("engine"), "sshOpts": inputs.get("sshOptions")})
    return _shared[key].answering()


def ensure_image(api: Any, name: str, platform: str | None = None) -> dict[str, Any]:
    """Inspection of an image; pulled where the engine does not have it. Raises ServiceError and docker's."""
    try:
        found: dict[str, Any] = api.inspect_image(name)
        return found
    except ImageNotFound:
        pass
    # An error after the first byte comes as a line: nobody else would say why there is no image.
    for line in api.pull(name, platform=platform, stream=True, decode=True):
        if "error" in line:
            raise ServiceError(f"image {name} can't be pulled: {line['error']}")
    pulled: dict[str, Any] = api.inspect_image(name)
    return pulled


def start_container(identity: str, provider: Mapping[str, Any]) -> None:
    """Start a stopped container; one that is not there, or whose engine does not answer, is left alone.

    `provider` has the inputs of its docker provider (`host`, `sshOpts`).
    """
    engine = Engine()
    engine.configure(provider)
    with suppress(DockerException, OSError, ServiceError):
        engine.client().api.start(identity)


def stop_container(name: str, provider: Mapping[str, Any], seconds: int) -> str:
    """Stop a container by its own stop signal; what became of it, in words.

    `provider` has the inputs of its docker provider (`host`, `sshOpts`); it is killed after `seconds`.
    An engine that does not answer is no error: whatever else is to be stopped still is.
    """
    engine = Engine()
    engine.configure(provider)
    try:
        engine.client().containers.get(name).stop(timeout=seconds)
    except NotFound:
        return "is not there"
    except (DockerException, OSError, ServiceError) as error:
        return f"not reached: {error}"
    return "stopped"
