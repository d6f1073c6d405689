"""Access control for a plugin: it serves only processes of its own user and of root.

A plugin listens on loopback, as Pulumi requires, where every user of the machine can connect.
"""

import os
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20
"""Netlink protocol and message type of sock_diag(7), which reports one socket in microseconds.

Reading /proc/net/tcp takes milliseconds.
"""
ESTABLISHED = 1
"""State of a connection that a process holds; the kernel reports a closed one as root's."""
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBxxI")
_CONNECTION = struct.Struct("!HH4s12x4s12x12s")
_ANSWER = struct.Struct("=xB62xI")
_LOOPBACK = bytes((127, 0, 0, 1))


class OwnCallers(grpc.ServerInterceptor):  # type: ignore[type-arg]  # generic in its stubs alone
    """Interceptor that refuses every call from a process of another user, except root."""

    def __init__(self) -> None:
        self.port = 0
        """Port of the server; set once it listens."""

    def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        """Wrap a handler, so that it checks whose process calls."""
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler  # providers here answer unary calls only

        def checked(request: Any, context: Any) -> Any:
            if not self._is_own(context.peer()):
                context.abort(
                    grpc.StatusCode.PERMISSION_DENIED,
                    "Another user's process called: this plugin answers those of its own user, and root's.",
                )
            return handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(
            checked, handler.request_deserializer, handler.response_serializer
        )

    def _is_own(self, peer: str) -> bool:
        # Any user may call from any 127.x.x.x, where a port may equal that of one of this user's connections.
        address, _, port = peer.rpartition(":")
        return address == "ipv4:127.0.0.1" and owner(int(port), self.port) in (0, os.getuid())


def owner(port: int, to: int) -> int | None:
    """Id of the user who holds a loopback connection from `port` to the port `to`; None if nobody does."""
    try:
        user = _ask_kernel(port, to)
    except OSError:
        user = None
    return _read_table(port, to) if user is None else user


def _ask_kernel(port: int, to: int) -> int | None:
    """Ask the kernel by sock_diag; None if it finds no such connection, or was built without sock_diag."""
    request = _REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, 1 << ESTABLISHED)
    # The last twelve bytes match any interface and any cookie.
    request += _CONNECTION.pack(port, to, _LOOPBACK, _LOOPBACK, bytes(4) + b"\xff" * 8)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as kernel:
        kernel.send(_HEADER.pack(_HEADER.size + len(request), SOCK_DIAG_BY_FAMILY, 1, 0, 0) + request)
        answer = kernel.recv(4096)
    if _HEADER.unpack_from(answer)[1] != SOCK_DIAG_BY_FAMILY:
        return None
    state, uid = _ANSWER.unpack_from(answer, _HEADER.size)
    return int(uid) if state == ESTABLISHED else None


def _read_table(port: int, to: int) -> int | None:
    ends = [f"{int.from_bytes(_LOOPBACK, sys.byteorder):08X}:{number:04X}" for number in (port, to)]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1:3] == ends and int(fields[3], 16) == ESTABLISHED:
            return int(fields[7])
    return None
