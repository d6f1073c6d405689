"""docker-py's engine client, with reused connections and complete output of an exec."""

import functools
import json
import re
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import docker
import requests
from docker.errors import create_api_error_from_http_exception
from docker.transport import UnixHTTPAdapter
from requests.adapters import BaseAdapter

from clients.engine_form import (
    CONTAINER,
    CREATED,
    ENDED,
    EXEC,
    IMAGE,
    INFO,
    INSPECTED,
    VOLUME,
    VOLUMES,
    Form,
    in_form,
)
from clients.engine_sockets import PATIENCE, STREAM_SECONDS, OnePool, ends_within
from display.units import duration, size

LARGEST = 32_000_000
"""Maximum length of an answer that is read whole, in bytes."""
LONGEST_LINE = 100_000
"""Maximum length of a line of a pull's progress, in bytes; Docker's have 300, and errors some thousand."""
LARGEST_PROGRESS = 1_000_000_000
"""Maximum length of a pull's progress, in bytes.

Docker reports each layer that it loads at most ten times a second: 15 layers for six hours are less.
"""
_CHUNK = 1 << 16
_STRANGE = re.compile(r"[^\w./:-]", re.ASCII)
HEADER_BYTES = 8
"""Bytes of the header before each part: stream, three zeros, size (Docker Engine API, "Stream format")."""
SIZE_FROM = 4


def _checked(name: str, subject: str, form: Form) -> Any:
    """Method of docker-py that also raises FormError, if its answer has another form than `form`."""
    method = getattr(docker.APIClient, name)

    @functools.wraps(method)
    def ask(self: Any, *given: Any, **options: Any) -> Any:
        return in_form(subject, form, lambda: method(self, *given, **options))

    return ask


class EngineApi(docker.APIClient):
    """Low-level API of an engine; all requests to a socket use one connection pool.

    Methods that check their answer raise FormError if it is not in Docker's form.
    """

    images = _checked("images", "its images", [IMAGE])
    inspect_image = _checked("inspect_image", "an image", IMAGE)
    inspect_volume = _checked("inspect_volume", "a volume", VOLUME)
    info = _checked("info", "what it says about itself", INFO)
    create_container_from_config = _checked("create_container_from_config", "a new container", CREATED)
    exec_create = _checked("exec_create", "a new command", CREATED)
    wait = _checked("wait", "the end of a container", ENDED)
    logs = _checked("logs", "a log", bytes)
    get_archive = _checked("get_archive", "an archive", tuple)

    _end: Callable[[], object] | None = None

    def ends_with(self, end: Callable[[], None]) -> None:
        """Call `end` once this client is closed or no longer referenced."""
        self._end = weakref.finalize(self, end)

    def close(self) -> None:
        """Close the idle connections and the tunnel to the engine."""
        super().close()
        if self._end:
            self._end()

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request and, unless its answer is streamed, read the whole answer, up to LARGEST bytes.

        Raises RequestException for a longer answer, and for one that does not end in time, because an engine
        may send anything.
        """
        in_parts, patience = options.get("stream"), options.get("timeout")
        seconds = STREAM_SECONDS if in_parts or patience is None else PATIENCE * patience
        with ends_within(seconds) as until:
            try:
                answer = super().send(request, **{**options, "stream": True})
                if not in_parts or not answer.ok:  # errors are always read whole
                    answer._content = _whole(answer)
            except (requests.ConnectionError, requests.Timeout):
                if time.monotonic() < until:
                    raise
                raise requests.RequestException(
                    f"the answer did not end in {duration(int(seconds))}"
                ) from None
        return answer

    def _raise_for_status(self, response: requests.Response) -> None:
        # docker-py expects that an error is an object with a message.
        raise_for_status = super()._raise_for_status  # type: ignore[misc]
        in_form("an error", type(None), lambda: raise_for_status(response))

    def mount(self, prefix: str | bytes, adapter: BaseAdapter) -> None:
        """Register an adapter for URLs with a prefix; a socket's adapter is replaced by a OnePool."""
        if isinstance(adapter, UnixHTTPAdapter):
            adapter = OnePool(f"http+unix://{adapter.socket_path}", timeout=adapter.timeout)
        super().mount(prefix, adapter)

    def volumes(self, *given: Any, **options: Any) -> Any:
        """List volumes; `Volumes` in the answer is always a list, never null."""
        listed: Any = in_form(
            "its volumes", VOLUMES, lambda: super(EngineApi, self).volumes(*given, **options)
        )
        return {**listed, "Volumes": listed.get("Volumes") or []}

    def exec_inspect(self, exec_id: str) -> Any:
        """Inspect an exec; its exit code is None while it runs."""
        inspected: Any = in_form("a command", EXEC, lambda: super(EngineApi, self).exec_inspect(exec_id))
        return {**inspected, "ExitCode": inspected.get("ExitCode")}

    def containers(self, *given: Any, **options: Any) -> Any:
        """List containers, with names that are safe in commands.

        A container without a name has the first 12 digits of its id instead.
        """
        listed: Any = in_form(
            "its containers", [CONTAINER], lambda: super(EngineApi, self).containers(*given, **options)
        )
        for container in listed:
            names = container.get("Names") or [f"/{container['Id'][:12]}"]
            container["Names"] = [_plain(name) for name in names]
        return listed

    def inspect_container(self, container: Any) -> Any:
        """Inspect a container; its name and image id are safe in commands."""
        inspected: Any = in_form(
            f"the container {container}",
            INSPECTED,
            lambda: super(EngineApi, self).inspect_container(container),
        )
        return {**inspected, "Name": _plain(inspected["Name"]), "Image": _plain(inspected["Image"])}

    def _stream_helper(self, response: requests.Response, decode: bool = False) -> Iterator[Any]:
        """Objects of an answer that has one per line, such as the progress of a pull.

        docker-py keeps all that arrives until an object is complete. Raises RequestException for a line or an
        answer that is too long, and for a line that is not a JSON object.
        """
        return _objects(response)

    # The parent has one overload for each way to read the answer.
    def pull(self, repository: str, **options: Any) -> Any:  # type: ignore[override]
        """Pull an image with the docker config's current login, which may change while a provider runs."""
        self.reload_config()
        return super().pull(repository, **options)

    # The parent has one overload for each mode; no caller needs a stream or a terminal.
    def exec_start(self, exec_id: str, **_: object) -> bytes:  # type: ignore[override]
        """Run an exec from `exec_create`, without a terminal or input; return all of its output in order.

        docker-py upgrades the connection and then skips what is already in its buffer: a first part that
        arrives with the response header is lost, so short output was sometimes empty. Without an upgrade the
        output is the response's body, which ends when the exec does. Raises APIError, and requests'
        ConnectionError if a part is truncated.
        """
        url = f"{self.base_url}/v{self.api_version}/exec/{exec_id}/start"
        # `_post` adds the HttpHeaders of the docker config; `post` does not.
        answer = self._post(url, json={"Detach": False, "Tty": False})  # type: ignore[attr-defined]
        try:
            answer.raise_for_status()
        except requests.HTTPError as error:
            create_api_error_from_http_exception(error)
        return b"".join(_parts(answer.content))


def _whole(answer: requests.Response) -> bytes:
    body = bytearray()
    for part in answer.iter_content(_CHUNK):
        body += part
        if len(body) > LARGEST:
            answer.close()
            raise requests.RequestException(f"the answer is longer than {size(LARGEST)}")
    return bytes(body)


def _objects(answer: requests.Response) -> Iterator[dict[str, Any]]:
    rest, received = b"", 0
    with answer:
        for part in answer.iter_content(_CHUNK):
            received += len(part)
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                if line.strip():
                    yield _object(line)
            if len(rest) > LONGEST_LINE:
                raise requests.RequestException(f"a line of its progress is longer than {size(LONGEST_LINE)}")
            if received > LARGEST_PROGRESS:
                raise requests.RequestException(f"its progress is longer than {size(LARGEST_PROGRESS)}")
        if rest.strip():
            yield _object(rest)


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise requests.RequestException(f"its progress is not in Docker's form: {line[:40]!r}")
    return found


def _plain(name: str) -> str:
    """Name with a question mark for each character that Docker allows in no name.

    Messages show names in commands for the operator, and an engine may send anything.
    """
    return _STRANGE.sub("?", name)


def _parts(body: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(body):
        size = int.from_bytes(body[at + SIZE_FROM : at + HEADER_BYTES])
        part = body[at + HEADER_BYTES : at + HEADER_BYTES + size]
        at += HEADER_BYTES + size
        if at > len(body):
            raise requests.ConnectionError("the connection ended in the middle of an exec's output")
        yield part
