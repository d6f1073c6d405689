"""A web server on loopback that serves given files, and fails as a test demands."""

import gzip
import http.server
import io
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Downloads:
    """Files to serve by path, how the transfer fails, and the paths that were asked for."""

    files: dict[str, bytes] = field(default_factory=dict)
    cut: int | None = None
    """Close the connection after this many bytes of a file."""
    stall: threading.Event | None = None
    """After the cut bytes, wait for this event, then send the rest."""
    asked: list[str] = field(default_factory=list)
    address: str = ""


@contextmanager
def serving(downloads: Downloads) -> Iterator[Downloads]:
    """Serve until the end of the block."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            downloads.asked.append(self.path)
            content = downloads.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response_only(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: downloads.cut])
            if downloads.stall is not None:
                self.wfile.flush()
                downloads.stall.wait(30)
                self.wfile.write(content[downloads.cut :])

        def log_message(self, *_: Any) -> None:
            """Print nothing: `asked` has the requests."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    downloads.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield downloads
    finally:
        server.shutdown()
        server.server_close()


def archive_of(files: Mapping[str, bytes]) -> bytes:
    """A gzipped archive of these executables."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)
