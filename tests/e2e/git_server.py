"""A git server on loopback: a small HTTP server in front of git's own backend (git-http-backend(1))."""

import base64
import http.server
import os
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DATE = "2021-02-03T04:05:06Z"
_SETTINGS = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "tests",
    "GIT_AUTHOR_EMAIL": "tests@localhost",
    "GIT_COMMITTER_NAME": "tests",
    "GIT_COMMITTER_EMAIL": "tests@localhost",
    "GIT_AUTHOR_DATE": DATE,
    "GIT_COMMITTER_DATE": DATE,
}


class GitServer:
    """A server of all bare repositories below a folder, until closed; a token, if given, is required."""

    def __init__(self, folder: Path, token: str | None = None) -> None:
        self.folder = folder
        self.answers: list[int] = []
        """HTTP status of every answer."""
        self._login = None if token is None else base64.b64encode(f"x-access-token:{token}".encode()).decode()
        server = self

        class Handler(_Handler):
            owner = server

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, name: str) -> str:
        """`http://127.0.0.1:PORT/NAME.git`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{name}.git"

    def commit(self, name: str, files: Mapping[str, str]) -> str:
        """Commit exactly these files to `main` of a repository (created if missing); return the commit."""
        bare, work = self.folder / f"{name}.git", self.folder / name
        if not bare.exists():
            git(self.folder, "init", "-q", "--bare", "-b", "main", str(bare))
            git(self.folder, "clone", "-q", str(bare), str(work))
            git(work, "checkout", "-q", "-B", "main")
        git(work, "rm", "-q", "-r", "--ignore-unmatch", ".")
        write_files(work, files)
        git(work, "add", "-A")
        git(work, "commit", "-q", "-m", "change")
        git(work, "push", "-q", "origin", "main")
        return git(work, "rev-parse", "HEAD")

    def allows(self, login: str | None) -> bool:
        """True if an Authorization header has the token, or if none is required."""
        return self._login is None or login in (f"Basic {self._login}", f"basic {self._login}")

    @property
    def login(self) -> str:
        """The token as encoded in HTTP headers; tests search for it as a canary."""
        assert self._login is not None
        return self._login

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write texts to files by their relative paths."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def git(folder: Path, *arguments: str) -> str:
    """Run a git command, which must succeed, without the machine's git settings; return its output."""
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env={**os.environ, **_SETTINGS},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


class _Handler(http.server.BaseHTTPRequestHandler):
    owner: GitServer

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _serve(self, body: bytes) -> None:
        if not self.owner.allows(self.headers.get("Authorization")):
            self._answer(401, {"WWW-Authenticate": 'Basic realm="tests"'}, b"")
            return
        path, _, query = self.path.partition("?")
        env = {
            **os.environ,
            **_SETTINGS,
            "GIT_PROJECT_ROOT": str(self.owner.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self._answer(int(headers.pop("Status", "200").split()[0]), headers, content)

    def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.owner.answers.append(status)
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Print nothing: `answers` records each status."""
