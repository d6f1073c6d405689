"""A small base for Pulumi providers in Python: gRPC in, plain dictionaries out.

A provider is a set of kinds; a kind handles one resource token. Protocol:
pulumi/pulumi `proto/pulumi/provider.proto`. Secrets and unknown values: the engine unwraps the
first (Configure answers accept_secrets=False), the second arrive as the sentinel `UNKNOWN`.
"""

import concurrent.futures
import functools
import os
import re
import sys
import traceback
from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2, json_format, struct_pb2
from google.rpc import status_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from clients.errors import ServiceError, SilentError
from providers.callers import OwnCallers
from providers.start import without_collections

Values: TypeAlias = dict[str, Any]

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Sentinel of an unknown string, sdk/python `pulumi.runtime.rpc.UNKNOWN`."""


URN: ContextVar[str] = ContextVar("URN", default="")
"""Resource that a kind reads or changes, or would change: what it makes can be marked as that one's."""


class ProviderError(Exception):
    """A resource operation failed; the message is for the user."""


class InitError(ProviderError):
    """The resource exists, but did not become ready: it is kept in state and tried again."""

    def __init__(self, message: str, identity: str, state: Values) -> None:
        super().__init__(message)
        self.identity = identity
        self.state = state


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """Effect of new inputs on an existing resource."""

    replaces: tuple[str, ...] = ()
    updates: tuple[str, ...] = ()
    delete_before_replace: bool = False
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Names of the protocol's PropertyDiff.Kind by property path, where a kind looks that closely."""
    stables: tuple[str, ...] = ()
    """Properties that no update changes."""

    def ignoring(self, properties: Collection[str]) -> "Change":
        """The change without what the program says to ignore (`ignore_changes`)."""
        return replace(
            self,
            replaces=tuple(key for key in self.replaces if key not in properties),
            updates=tuple(key for key in self.updates if key not in properties),
            kinds={path: kind for path, kind in self.kinds.items() if _property(path) not in properties},
            stables=tuple(sorted({*self.stables, *({*self.replaces} & {*properties})})),
        )

    def details(self) -> dict[str, provider_pb2.PropertyDiff]:
        """Changes by property path; without `kinds`, each is a change of a whole input."""
        make, names = provider_pb2.PropertyDiff, provider_pb2.PropertyDiff.Kind
        if self.kinds:
            return {path: make(kind=names.Value(kind)) for path, kind in self.kinds.items()}
        whole = dict.fromkeys(self.replaces, names.UPDATE_REPLACE) | dict.fromkeys(self.updates, names.UPDATE)
        return {key: make(kind=kind, inputDiff=True) for key, kind in whole.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A resource as the world has it."""

    identity: str
    state: Values
    inputs: Values


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """Inputs with defaults, and what is wrong with them: (property, reason)."""

    inputs: Values
    failures: list[tuple[str, str]] = field(default_factory=list)


class Kind(Protocol):
    """One resource token. Values are plain JSON; integers are integers."""

    def check(self, name: str, olds: Values, news: Values) -> Checked:
        """Defaults and faults of the inputs; a preview asks it too, so it must change nothing."""

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """What `news` would change, against the state and the inputs that made it."""

    def planned(self, news: Values, olds: Values | None) -> Values:
        """State that the inputs would make, for a preview; UNKNOWN for what only the change will show.

        `olds` is the state that is there, None for a resource to be made.
        """

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Make it: (id, state). Raises ProviderError, or InitError where it exists all the same."""

    def read(self, identity: str, inputs: Values, state: Values) -> Found | None:
        """What the world has under this id; None where it is gone. No inputs: an import."""

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Change it in place; the new state."""

    def delete(self, identity: str, state: Values) -> None:
        """Remove it; being gone already is fine."""


class Remade:
    """A kind whose state is its inputs and a few outputs that every change makes again."""

    computed: ClassVar[frozenset[str]] = frozenset()

    def planned(self, news: Values, olds: Values | None) -> Values:
        """Inputs over the state, with the outputs unknown."""
        return {**(olds or {}), **news, **dict.fromkeys(self.computed, UNKNOWN)}


def unknown_inputs(inputs: Values, known: Collection[str]) -> list[str]:
    """Names of inputs that a kind does not know, sorted; the engine's own begin with `__`."""
    return sorted(key for key in inputs if key not in known and not key.startswith("__"))


def to_values(struct: struct_pb2.Struct) -> Values:
    """A protobuf struct as plain values; its only number type is a float, whole ones become int."""
    return {key: _plain(value) for key, value in json_format.MessageToDict(struct).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def to_struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Plain values as a protobuf struct."""
    struct = struct_pb2.Struct()
    struct.update(values)
    return struct


def _property(path: str) -> str:
    """First step of a property path."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


_Request = TypeVar("_Request")
_Answer = TypeVar("_Answer")


def _reporting(
    method: Callable[["Servicer", _Request, Any], _Answer],
) -> Callable[["Servicer", _Request, Any], _Answer]:
    """Turn an error of a kind or of its clients into the gRPC error that the engine shows."""

    @functools.wraps(method)
    def reported(self: "Servicer", request: _Request, context: Any) -> _Answer:
        try:
            return method(self, request, context)
        except InitError as error:
            detail = provider_pb2.ErrorResourceInitFailed(
                id=error.identity, properties=to_struct(error.state), reasons=[str(error)]
            )
            packed = any_pb2.Any()
            packed.Pack(detail)
            code: int = grpc.StatusCode.UNKNOWN.value[0]
            status = status_pb2.Status(code=code, message=str(error), details=[packed])
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
            message = str(error)
        except (ProviderError, ServiceError) as error:
            message = str(error)
        except OSError as error:
            # An engine's answers and broken connections, docker's and requests' own: both are OSErrors.
            message = str(getattr(error, "explanation", None) or error)
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            message = f"an answer was not understood: {error!r} at {where}. Please report this"
        context.abort(grpc.StatusCode.UNKNOWN, message)
        raise AssertionError("abort raises")

    return reported


def _answer(checked: Checked) -> provider_pb2.CheckResponse:
    return provider_pb2.CheckResponse(
        inputs=to_struct({key: value for key, value in checked.inputs.items() if value is not None}),
        failures=[provider_pb2.CheckFailure(property=key, reason=reason) for key, reason in checked.failures],
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """Contents of a plugin."""

    kinds: Mapping[str, Kind]
    """Kinds by resource token."""
    check_configuration: Callable[[Values], Checked] = lambda given: Checked(inputs=given)
    """Looks at the provider's own inputs."""
    configure: Callable[[Values], None] = lambda _: None
    """Gets them before any kind is used."""


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Serves a provider, which `load` makes in the meantime: the engine goes on once it has the port."""

    def __init__(
        self, version: str, load: Callable[[], Provider], warn: Callable[[str], None] = lambda _: None
    ) -> None:
        self._version = version
        self._warn = warn
        self._warned = set[str]()
        self._provider = concurrent.futures.ThreadPoolExecutor(max_workers=1).submit(
            without_collections()(load)
        )

    def _kind(self, urn: str) -> Kind:
        token, kinds = urn.split("::")[2].rpartition("$")[2], self._provider.result().kinds
        if token not in kinds:
            raise ProviderError(f"resource type {token} is not served; this provider has {', '.join(kinds)}")
        return kinds[token]

    def _warn_once(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            self._warn(message)

    def GetPluginInfo(self, request: empty_pb2.Empty, context: Any) -> plugin_pb2.PluginInfo:
        """Version, as the plugin was installed."""
        return plugin_pb2.PluginInfo(version=self._version)

    @_reporting
    def CheckConfig(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        """Faults of the provider's inputs, and how they are kept."""
        return _answer(self._provider.result().check_configuration(to_values(request.news)))

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:
        """Another endpoint is an update of the provider: its resources stay."""
        olds, news = to_values(request.old_inputs), to_values(request.news)
        if UNKNOWN in news.values():
            return provider_pb2.DiffResponse()
        make = provider_pb2.PropertyDiff
        changed = {
            key: make(
                kind=make.ADD if key not in olds else make.DELETE if key not in news else make.UPDATE,
                inputDiff=True,
            )
            for key in {*olds, *news}
            if olds.get(key) != news.get(key)
        }
        some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(
            changes=some if changed else none, diffs=sorted(changed), detailedDiff=changed
        )

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: Any
    ) -> provider_pb2.ConfigureResponse:
        """Takes the provider's inputs; connects to nothing."""
        self._provider.result().configure(to_values(request.args))
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    @_reporting
    def Check(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        """Defaults and faults of a resource's inputs."""
        kind = self._kind(request.urn)
        name = request.urn.rpartition("::")[2]
        return _answer(kind.check(name, to_values(request.olds), to_values(request.news)))

    @_reporting
    def Diff(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:
        """Answer what new inputs would change."""
        URN.set(request.urn)
        change = self._kind(request.urn).diff(
            to_values(request.olds), to_values(request.old_inputs), to_values(request.news)
        )
        change = change.ignoring(request.ignoreChanges)
        detailed = change.details()
        some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(
            changes=some if detailed else none,
            diffs=sorted({_property(path) for path in detailed}),
            replaces=list(change.replaces),
            stables=list(change.stables),
            detailedDiff=detailed,
            hasDetailedDiff=True,
            deleteBeforeReplace=bool(change.replaces) and change.delete_before_replace,
        )

    @_reporting
    def Create(self, request: provider_pb2.CreateRequest, context: Any) -> provider_pb2.CreateResponse:
        """Make a resource; in a preview, its inputs, and what they will make as unknown."""
        inputs = to_values(request.properties)
        kind = self._kind(request.urn)
        URN.set(request.urn)
        if request.preview:
            return provider_pb2.CreateResponse(id="", properties=to_struct(kind.planned(inputs, None)))
        identity, state = kind.create(inputs)
        return provider_pb2.CreateResponse(id=identity, properties=to_struct(state))

    @_reporting
    def Read(self, request: provider_pb2.ReadRequest, context: Any) -> provider_pb2.ReadResponse:
        """Refresh or import; an empty id says that it is gone.

        Of a host or registry that does not answer nothing is known: what the state says stays, and a warning
        says so. An error would stop the refresh, and with it the update of every other host (ADR 28).
        """
        URN.set(request.urn)
        kind = self._kind(request.urn)
        try:
            found = kind.read(request.id, to_values(request.inputs), to_values(request.properties))
        except SilentError as error:
            if not request.properties.fields:
                raise
            self._warn_once(f"{str(error).rstrip('.')}. What the state has of it was not refreshed.")
            return provider_pb2.ReadResponse(
                id=request.id, properties=request.properties, inputs=request.inputs
            )
        if found is None:
            return provider_pb2.ReadResponse(id="")
        return provider_pb2.ReadResponse(
            id=found.identity, properties=to_struct(found.state), inputs=to_struct(found.inputs)
        )

    @_reporting
    def Update(self, request: provider_pb2.UpdateRequest, context: Any) -> provider_pb2.UpdateResponse:
        """Change a resource in place; in a preview, its state with the new inputs."""
        olds, news, kind = to_values(request.olds), to_values(request.news), self._kind(request.urn)
        URN.set(request.urn)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=to_struct(kind.planned(news, olds)))
        state = kind.update(request.id, olds, news)
        return provider_pb2.UpdateResponse(properties=to_struct(state))

    @_reporting
    def Delete(self, request: provider_pb2.DeleteRequest, context: Any) -> empty_pb2.Empty:
        """Remove a resource; a kind gets its inputs too, under what its state says."""
        URN.set(request.urn)
        known = to_values(request.old_inputs) | to_values(request.properties)
        self._kind(request.urn).delete(request.id, known)
        return empty_pb2.Empty()

    def Cancel(self, request: empty_pb2.Empty, context: Any) -> empty_pb2.Empty:
        """Nothing to cancel: what an operation waits for has time limits, and it may be run again."""
        return empty_pb2.Empty()


GRACE = 120
"""Seconds in which an operation may still end after the engine is gone."""


Service: TypeAlias = Callable[[Any, grpc.Server], None]
"""Generated function that adds the servicer of one protocol to a server."""
PROVIDER: Service = provider_pb2_grpc.add_ResourceProviderServicer_to_server


def listening(servicer: object, service: Service = PROVIDER) -> tuple[grpc.Server, int]:
    """A started server on a free loopback port, and that port."""
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
    """Serve on a free loopback port, print it (the engine reads it), run until killed.

    An engine that was killed itself ends nobody: a plugin without its parent ends by itself, after
    what it is in the middle of.
    """
    engine = os.getppid()
    server, port = listening(servicer, service)
    print(port, flush=True)
    sys.stdout.close()
    while server.wait_for_termination(timeout=1) and os.getppid() == engine:
        pass
    server.stop(GRACE).wait()
