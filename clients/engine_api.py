"""docker-py's client of an engine, with its connections used again and the output of an exec read whole."""

import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import docker
import requests
from docker.errors import create_api_error_from_http_exception
from docker.transport import UnixHTTPAdapter
from requests.adapters import BaseAdapter

HEADER_BYTES = 8
"""Length of what precedes each part: stream, three zeros, size (Docker Engine API, "Stream format")."""
SIZE_FROM = 4


class OnePool(UnixHTTPAdapter):
    """One pool of connections for an engine: docker-py has one for each URL, and uses hardly any twice."""

    def get_connection(self, url: str | bytes, proxies: Mapping[str, str] | None = None) -> Any:
        """Pool for any URL."""
        return super().get_connection(self.socket_path, proxies)


class EngineApi(docker.APIClient):
    """The low-level API of an engine, behind a socket by the connections of one pool."""

    _end: Callable[[], object] | None = None

    def ends_with(self, end: Callable[[], None]) -> None:
        """Call `end` once this is closed, or nobody has it any more."""
        self._end = weakref.finalize(self, end)

    def close(self) -> None:
        """End the connections that wait, and the way to the engine."""
        super().close()
        if self._end:
            self._end()

    def mount(self, prefix: str | bytes, adapter: BaseAdapter) -> None:
        """Answer URLs with that prefix by the adapter; by one pool where it is that of a socket."""
        if isinstance(adapter, UnixHTTPAdapter):
            adapter = OnePool(f"http+unix://{adapter.socket_path}", timeout=adapter.timeout)
        super().mount(prefix, adapter)

    # The parent's has an overload for each way to read the answer.
    def pull(self, repository: str, **options: Any) -> Any:  # type: ignore[override]
        """Pull an image, with the login that the docker config has now: a provider outlives one."""
        self.reload_config()
        return super().pull(repository, **options)

    # The parent's has an overload for each way to ask; nothing here asks for a stream or a terminal.
    def exec_start(self, exec_id: str, **_: object) -> bytes:  # type: ignore[override]
        """Run an exec that `exec_create` made, without a terminal or input; all that it prints, in its order.

        docker-py has the connection upgraded and reads past its own buffer: a first part that comes along
        with the answer's header is lost, and an output that is short was empty, now and then. Without an
        upgrade the output is the answer's body, which ends when the exec does. Raises APIError, and
        ConnectionError of requests where a part is cut short.
        """
        url = f"{self.base_url}/v{self.api_version}/exec/{exec_id}/start"
        # `_post` adds the HttpHeaders of the docker config, which `post` does not.
        answer = self._post(url, json={"Detach": False, "Tty": False})  # type: ignore[attr-defined]
        try:
            answer.raise_for_status()
        except requests.HTTPError as error:
            create_api_error_from_http_exception(error)
        return b"".join(_parts(answer.content))


def _parts(body: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(body):
        size = int.from_bytes(body[at + SIZE_FROM : at + HEADER_BYTES])
        part = body[at + HEADER_BYTES : at + HEADER_BYTES + size]
        at += HEADER_BYTES + size
        if at > len(body):
            raise requests.ConnectionError("the connection ended in the middle of what an exec prints")
        yield part
