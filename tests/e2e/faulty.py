"""A TLS proxy in front of a real registry that fails on request: error status, cut connection, delay."""

import contextlib
import http.client
import http.server
import re
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PIECE = 64 * 1024


@dataclass(kw_only=True)
class Fault:
    """A fault that the proxy causes for the first `times` requests whose `METHOD path` matches."""

    matches: str
    times: int = 1
    status: int = 0
    """Answer with this status, without asking the registry."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    cut_upload: int = 0
    """Close the connection after this many bytes of the request's body."""
    cut_download: int = 0
    """Close the connection after this many bytes of the answer's body."""
    delay: float = 0
    """Seconds to wait before the registry is asked."""
    stall: int = 0
    """Pass on this many bytes of the request's body, and hold the rest back until `release` cuts it off."""


class Proxy:
    """A proxy on a loopback port, with the registry's own certificate, until closed."""

    def __init__(self, target_port: int, certificates: Path) -> None:
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        """`METHOD path status` of every answered request; without the status if the connection was cut."""
        self.headers: list[list[str]] = []
        """Header names of every request."""
        self.schemes: set[str] = set()
        """Schemes of the Authorization headers of all requests; empty for a request without one."""
        self.stalled = threading.Event()
        """Set once a request is held back in the middle of its body."""
        self._released = threading.Event()
        self._target = target_port
        self._client = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
        self._lock = threading.Lock()
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = _Server(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "registry.crt", certificates / "registry.key")
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """`registry.localhost:PORT`; the certificate is issued for this name."""
        return f"registry.localhost:{self._server.server_address[1]}"

    def fault(self, line: str) -> Fault | None:
        """Take the first fault left for this request; None if there is none."""
        with self._lock:
            for fault in self.faults:
                if fault.times > 0 and re.search(fault.matches, line):
                    fault.times -= 1
                    return fault
        return None

    def count(self, pattern: str) -> int:
        """Number of requests whose `METHOD path status` matches."""
        return sum(bool(re.search(pattern, line)) for line in self.requests)

    def _connection(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            "registry.localhost", self._target, context=self._client, timeout=60
        )

    def hold(self, handler: "_Handler", body: bytes, passed_on: int) -> None:
        """Send the registry the first bytes of a request's body and no more, until `release`."""
        with contextlib.closing(self._connection()) as connection:
            connection.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
            for name, value in handler.headers.items():
                if name.lower() != "content-length":
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body[: min(passed_on, len(body) - 1)])
            self.stalled.set()
            self._released.wait(timeout=300)

    def release(self) -> None:
        """Cut off the request that is held back; the next fault can hold one again."""
        self._released.set()
        self._released = threading.Event()
        self.stalled.clear()

    def forward(self, handler: "_Handler", body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Forward a request to the registry; keep its Host, so that addresses in answers lead here."""
        connection = self._connection()
        headers: dict[str, str] = {}
        for name, value in handler.headers.items():
            # Some clients send a separate Accept header for each media type.
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        with contextlib.closing(connection):
            connection.request(handler.command, handler.path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Print nothing: the tests make clients hang up in the middle of a request."""


class _Handler(http.server.BaseHTTPRequestHandler):
    owner: Proxy
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        line = f"{self.command} {self.path}"
        self.owner.headers.append(list(self.headers))
        self.owner.schemes.add(self.headers.get("Authorization", "").partition(" ")[0])
        fault = self.owner.fault(line)
        if fault is not None and fault.cut_upload:
            length = int(self.headers.get("Content-Length", 0))
            self.rfile.read(min(length, fault.cut_upload))
            self._cut(line)
            return
        body = self._body()
        if fault is not None and fault.stall:
            self.owner.hold(self, body, fault.stall)
            self._cut(line)
            return
        if fault is not None:
            time.sleep(fault.delay)
        if fault is not None and fault.status:
            self._answer(line, fault.status, dict(fault.headers), fault.body.encode())
            return
        status, headers, content = self.owner.forward(self, body)
        if fault is not None and fault.cut_download:
            self._start(status, headers, len(content))
            self.wfile.write(content[: fault.cut_download])
            self._cut(line)
            return
        length = int(headers.get("Content-Length", 0)) if self.command == "HEAD" else len(content)
        self._answer(line, status, headers, content, length)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        del self.headers["Transfer-Encoding"]
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(
        self, line: str, status: int, headers: dict[str, str], content: bytes, length: int | None = None
    ) -> None:
        self.owner.requests.append(f"{line} {status}")
        self._start(status, headers, len(content) if length is None else length)
        if self.command != "HEAD":
            self.wfile.write(content)

    def _start(self, status: int, headers: dict[str, str], length: int) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _cut(self, line: str) -> None:
        self.owner.requests.append(line)
        self.wfile.flush()
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Print nothing: `requests` records each request."""

    def __getattr__(self, name: str) -> Any:
        """Serve every method: the base class looks up `do_METHOD`."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)
