"""Answers of an engine that a test plays on a Unix socket."""

import http.server
import json
from collections.abc import Mapping
from types import MappingProxyType


class EngineAnswers(http.server.BaseHTTPRequestHandler):
    """Sends answers with their length, so that a connection can serve another request.

    A subclass says which, by methods under names of this project's style.
    """

    def get(self) -> None:
        """Answer a GET."""
        raise NotImplementedError

    def post(self) -> None:
        """Answer a POST."""
        raise NotImplementedError

    def delete(self) -> None:
        """Answer a DELETE."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """Serve a GET, under the name that the base class looks up."""
        self.get()

    def do_POST(self) -> None:
        """Serve a POST."""
        self.post()

    def do_DELETE(self) -> None:
        """Serve a DELETE."""
        self.delete()

    def answer(self, code: int, value: object) -> None:
        """Send an answer as JSON."""
        self.send(code, json.dumps(value).encode())

    def send(self, code: int, body: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        """Send an answer."""
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        """Return a name: a client of a Unix socket has no address."""
        return "unix"

    def log_message(self, *_: object) -> None:
        """Print nothing: tests record the requests that they need."""
