"""A plugin answers only its own user and root: over real gRPC, called by a process of another user."""

import contextlib
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2_grpc

from providers import callers
from providers.servicer import Provider, Servicer
from providers.serving import listening

NOBODY = 65534
PASS_ON = "exec 3<>/dev/tcp/127.0.0.1/{port}; cat <&3 & exec cat >&3"
"""A shell script that connects as its user, and passes bytes on in both directions."""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="another user's process takes root")
with_shell = pytest.mark.skipif(
    None in map(shutil.which, ("bash", "setpriv")), reason="no bash or no setpriv on this machine"
)


@pytest.fixture
def port() -> Iterator[int]:
    """Port of a running plugin."""
    provider = Provider(kinds={}, configure=lambda _: None)
    server, port = listening(Servicer("1.2.3", lambda: provider, lambda _: None))
    yield port
    server.stop(None).wait()


def pumped(source: socket.socket, target: socket.socket) -> None:
    """Pass bytes on until either end is closed."""
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)


@pytest.mark.case(41)
def test_a_call_from_another_address_with_the_port_of_our_own_connection_is_refused(port: int) -> None:
    """Every user may call from 127.0.0.2; before, the port alone made such a call look like our own."""
    with (
        socket.create_connection(("127.0.0.1", port)) as ours,
        socket.create_server(("127.0.0.1", 0)) as door,
        socket.socket() as borrowed,
        grpc.insecure_channel(f"127.0.0.1:{door.getsockname()[1]}") as channel,
    ):
        borrowed.bind(("127.0.0.2", ours.getsockname()[1]))
        borrowed.connect(("127.0.0.1", port))
        asked = provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo.future(empty_pb2.Empty())
        connection, _ = door.accept()
        with connection:
            for ends in ((connection, borrowed), (borrowed, connection)):
                threading.Thread(target=pumped, args=ends, daemon=True).start()
            with pytest.raises(grpc.RpcError) as raised:
                asked.result(timeout=30)
    refused: Any = raised.value
    assert refused.code() is grpc.StatusCode.PERMISSION_DENIED


def test_the_users_own_process_is_answered(port: int) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        assert stub.GetPluginInfo(empty_pb2.Empty()).version == "1.2.3"


def connected() -> tuple[socket.socket, socket.socket]:
    """Both ends of a connection on loopback, the caller's first."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        caller = socket.create_connection(door.getsockname())
        return caller, door.accept()[0]


@pytest.mark.parametrize("answers", [True, False], ids=["asked", "listed"])
def test_a_closed_connection_has_no_owner(answers: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel reports a closed end as root's, so a caller that closes at once would be taken for root."""
    if not answers:
        monkeypatch.setattr(callers, "SOCK_DIAG", 31)  # as on a kernel without it
    caller, end = connected()
    ports = caller.getsockname()[1], end.getsockname()[1]
    with closing(end):
        assert callers.owner(*ports) == os.getuid()
        assert callers.owner(ports[1], ports[0]) == os.getuid()
        caller.close()
        assert callers.owner(*ports) is None
    assert callers.owner(1, ports[1]) is None


def test_a_hundred_caller_checks_take_less_than_50_milliseconds() -> None:
    """A run makes about a hundred calls, whose checks take less than 0.05 s of processor time in all."""
    caller, end = connected()
    with caller, end:
        ports = caller.getsockname()[1], end.getsockname()[1]
        if callers._ask_kernel(*ports) is None:
            pytest.skip("this kernel answers by /proc alone")
        began = time.process_time()
        for _ in range(100):
            callers.owner(*ports)
        assert time.process_time() - began < 0.05
