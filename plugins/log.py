"""What a provider says to the user beside its results: the engine prints it with the resource's step."""

from collections.abc import Callable
from typing import TypeAlias

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

Warn: TypeAlias = Callable[[str], None]


def warn_at(engine: str) -> Warn:
    """A function that prints a warning through the engine at this address (the plugin's first argument)."""
    stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine))

    def warn(message: str) -> None:
        stub.Log(engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=message))

    return warn
