"""Sockets to engines whose answers must end: a host behind ssh may send a byte now and then, for ever."""

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from docker.transport import UnixHTTPAdapter
from docker.transport.unixconn import UnixHTTPConnection, UnixHTTPConnectionPool

STREAM_SECONDS = 6 * 3600
"""Time limit of an answer that is read in parts: the progress of a pull, or an archive of files.

500 MB, more than twice the largest image here, arrive in this time at 25 kB/s.
"""
PATIENCE = 5
"""Time limit of an answer that is read whole, as a multiple of its longest silence (`timeout`).

With the usual 120 s that is 10 min. Such answers have some 100 kB, which a link of 1 kB/s delivers in time.
"""
_UNTIL: ContextVar[float | None] = ContextVar("until", default=None)
"""Time by the monotonic clock at which the answer to the current request must have ended."""


@contextmanager
def ends_within(seconds: float) -> Iterator[float]:
    """Give requests in the block a time limit for whole answers; yield its end by the monotonic clock.

    For an answer that is read in parts, the limit holds after the block, too.
    """
    until = time.monotonic() + seconds
    before = _UNTIL.set(until)
    try:
        yield until
    finally:
        _UNTIL.reset(before)


class _Socket(socket.socket):
    """A socket that receives nothing after a point in time.

    A timeout of a socket, and so those of requests and docker-py, limits only the time between two bytes.
    """

    until: float | None = None

    def recv_into(self, *given: Any, **options: Any) -> int:
        """Receive bytes as `socket` does. Raises TimeoutError after `until`."""
        if self.until is None:
            return super().recv_into(*given, **options)
        left, own = self.until - time.monotonic(), self.gettimeout()
        if left <= 0:
            raise TimeoutError("the answer did not end in time")
        self.settimeout(left if own is None else min(left, own))
        try:
            return super().recv_into(*given, **options)
        finally:
            self.settimeout(own)


class _Connection(UnixHTTPConnection):
    def connect(self) -> None:
        """Connect with a `_Socket`."""
        super().connect()
        plain = cast("socket.socket", self.sock)
        limited = _Socket(fileno=plain.detach())
        limited.settimeout(self.timeout)
        self.sock = limited

    def request(self, *given: Any, **options: Any) -> None:
        """Send a request; the time limit in `_UNTIL` holds for its answer."""
        try:
            super().request(*given, **options)
        finally:  # an engine may answer before it has read the whole request
            if isinstance(self.sock, _Socket):
                self.sock.until = _UNTIL.get()


class _Pool(UnixHTTPConnectionPool):
    def _new_conn(self) -> Any:
        return _Connection(self.base_url, self.socket_path, cast("Any", self.timeout))


class OnePool(UnixHTTPAdapter):
    """One connection pool for all requests to an engine.

    docker-py keeps a pool for each URL, and hardly any URL is requested twice.
    """

    def get_connection(self, url: str | bytes, proxies: Mapping[str, str] | None = None) -> Any:
        """Return the pool, whatever the URL."""
        with self.pools.lock:
            if (pool := self.pools.get(self.socket_path)) is None:
                pool = _Pool(str(url), self.socket_path, self.timeout, maxsize=self.max_pool_size)
                self.pools[self.socket_path] = pool
        return pool
