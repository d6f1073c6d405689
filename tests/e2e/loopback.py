"""A server on this machine's loopback, and the TCP ports on which this machine's processes listen."""

import contextlib
import http.server
import json
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

LISTENS = "0A"
"""State of a listening socket in /proc/net/tcp (proc(5))."""


def addresses() -> list[str]:
    """Addresses of this machine, including loopback; link-local ones have no meaning elsewhere."""
    links = json.loads(subprocess.run(["ip", "-j", "address"], check=True, capture_output=True).stdout)
    return sorted(
        address["local"] for link in links for address in link["addr_info"] if address["scope"] != "link"
    )


def asked_on_loopback(asks: Callable[[str], bool]) -> list[str]:
    """Paths of the requests that reached a server on this machine's loopback.

    `asks` is called with a URL for each IPv4 address of the machine and must fail. The last request is this
    process's own, so that an empty server is noticed.
    """
    asked: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        for address in (address for address in addresses() if ":" not in address):
            assert not asks(f"http://{address}:{port}/{address}")
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/control", timeout=10)
        server.shutdown()
    return asked


@dataclass(frozen=True, slots=True)
class Listening:
    """A port on which a process of this network namespace accepts TCP connections."""

    address: str
    port: int
    pid: int
    """0 if no process of this PID namespace has it."""

    @property
    def command(self) -> str:
        """Command line of the process, separated by spaces; empty if it has ended."""
        return command_of(self.pid)


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def listening() -> list[Listening]:
    """Listening TCP ports of this network namespace, with their processes."""
    owners = dict(_socket_owners())
    return [
        Listening(address, port, owners.get(inode, 0))
        for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6))
        for address, port, inode in _sockets(Path("/proc/net", table), family)
    ]


def ports_of(pid: int) -> set[tuple[str, int]]:
    """(address, port) of the listening TCP ports in a process's network namespace."""
    tables = (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6))
    return {
        (address, port)
        for table, family in tables
        for address, port, _ in _sockets(Path(f"/proc/{pid}/net", table), family)
    }


def _sockets(table: Path, family: socket.AddressFamily) -> Iterator[tuple[str, int, str]]:
    for line in table.read_text().splitlines()[1:]:
        _, local, _, state, *rest = line.split()
        if state == LISTENS:
            address, _, port = local.partition(":")
            # Words of 32 bits, each in this machine's order of bytes.
            words = bytes.fromhex(address)
            packed = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
            named = socket.inet_ntop(family, packed).removeprefix("::ffff:")
            yield named, int(port, 16), rest[5]


def _socket_owners() -> Iterator[tuple[str, int]]:
    """Yield (inode, process) of each open socket."""
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            for handle in folder.iterdir():
                with contextlib.suppress(OSError):
                    target = str(handle.readlink())
                    if target.startswith("socket:["):
                        yield target[8:-1], int(folder.parent.name)
