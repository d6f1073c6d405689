"""Messages of a provider to the user: the engine prints them among those of a run."""

import contextlib
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeAlias

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from providers.base import URN

Warn: TypeAlias = Callable[[str], None]
Status: TypeAlias = Callable[[str], None]
Say: TypeAlias = Callable[[str], None]


def warn_at(engine: str) -> Warn:
    """A function that prints a warning through the engine at this address (the plugin's first argument)."""
    stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine))

    def warn(message: str) -> None:
        request = engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=message)
        with contextlib.suppress(grpc.RpcError):  # an engine that ends need not hear it
            stub.Log(request, timeout=5)

    return warn


def say_at(engine: str) -> Say:
    """A function that prints a line of a resource, which stays among a run's messages."""
    stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine))

    def say(message: str) -> None:
        request = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=message, urn=URN.get())
        with contextlib.suppress(grpc.RpcError):  # an engine that ends need not hear it
            stub.Log(request, timeout=5)

    return say


def status_at(engine: str) -> Status:
    """A function that shows next to a resource what its operation waits for; the next status replaces it."""
    stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine))
    shown: ContextVar[tuple[str, str]] = ContextVar("shown", default=("", ""))

    def status(message: str) -> None:
        if shown.get() == (URN.get(), message):
            return
        shown.set((URN.get(), message))
        request = engine_pb2.LogRequest(
            severity=engine_pb2.INFO, message=message, urn=URN.get(), ephemeral=True
        )
        with contextlib.suppress(grpc.RpcError):  # an engine that ends need not hear it
            stub.Log(request, timeout=5)

    return status
