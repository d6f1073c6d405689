"""Messages from a provider to the user; the engine prints them together with those of the run."""

import contextlib
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeAlias

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from providers.kind import URN

Warn: TypeAlias = Callable[[str], None]
Status: TypeAlias = Callable[[str], None]
Say: TypeAlias = Callable[[str], None]


def warn_at(engine: str) -> Warn:
    """Create a function that prints a warning; `engine` is an address, the plugin's first argument."""
    stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine))

    def warn(message: str) -> None:
        request = engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=message)
        with contextlib.suppress(grpc.RpcError):  # an engine that is ending needs no message
            stub.Log(request, timeout=5)

    return warn


def say_at(engine: str) -> Say:
    """Create a function that prints a lasting message of the current resource in the run's output."""
    stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine))

    def say(message: str) -> None:
        request = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=message, urn=URN.get())
        with contextlib.suppress(grpc.RpcError):  # an engine that is ending needs no message
            stub.Log(request, timeout=5)

    return say


def status_at(engine: str) -> Status:
    """Create a function that shows what the current resource waits for, until the next status replaces it."""
    stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine))
    shown: ContextVar[tuple[str, str]] = ContextVar("shown", default=("", ""))

    def status(message: str) -> None:
        if shown.get() == (URN.get(), message):
            return
        shown.set((URN.get(), message))
        request = engine_pb2.LogRequest(
            severity=engine_pb2.INFO, message=message, urn=URN.get(), ephemeral=True
        )
        with contextlib.suppress(grpc.RpcError):  # an engine that is ending needs no message
            stub.Log(request, timeout=5)

    return status
