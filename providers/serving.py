"""Serving a plugin on a loopback port, until its engine is gone."""

import concurrent.futures
import os
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from providers.callers import OwnCallers

GRACE = 120
"""Seconds that running operations get to finish after the engine is gone."""


Service: TypeAlias = Callable[[Any, grpc.Server], None]
"""Generated function that adds the servicer of one protocol to a server."""
PROVIDER: Service = provider_pb2_grpc.add_ResourceProviderServicer_to_server


def listening(servicer: object, service: Service = PROVIDER) -> tuple[grpc.Server, int]:
    """Start a server on a free loopback port; return it and the port."""
    callers = OwnCallers()
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(max_workers=32),
        interceptors=[callers],
        options=[("grpc.max_receive_message_length", 400 * 1024 * 1024)],
    )
    service(servicer, server)
    callers.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, callers.port


def serve(servicer: object, service: Service = PROVIDER) -> None:
    """Serve on a free loopback port, print the port for the engine, and run until killed.

    A killed engine cannot stop its plugins, so a plugin without its parent finishes its operations and exits.
    """
    engine = os.getppid()
    server, port = listening(servicer, service)
    print(port, flush=True)
    sys.stdout.close()
    while server.wait_for_termination(timeout=1) and os.getppid() == engine:
        pass
    server.stop(GRACE).wait()
