"""Answers of an engine that a test plays on a Unix socket."""

import http.server
import json


class EngineAnswers(http.server.BaseHTTPRequestHandler):
    """Sends answers as JSON; a subclass says which."""

    def get(self) -> None:
        """Answer a GET."""
        raise NotImplementedError

    def post(self) -> None:
        """Answer a POST."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """Serve a GET, under the name that the base class looks up."""
        self.get()

    def do_POST(self) -> None:
        """Serve a POST."""
        self.post()

    def answer(self, code: int, value: object) -> None:
        """Send an answer with its length, so that the connection can serve another request."""
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        """A client of a Unix socket has no address."""
        return "unix"

    def log_message(self, *_: object) -> None:
        """Print nothing: tests record the requests that they need."""
