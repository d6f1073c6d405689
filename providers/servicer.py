"""gRPC servicer of a Pulumi provider: protobuf messages in and out, plain dictionaries to the kinds.

Protocol: pulumi/pulumi `proto/pulumi/provider.proto`. The engine unwraps secrets (Configure answers
acceptSecrets=False).
"""

import concurrent.futures
import functools
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2, json_format, struct_pb2
from google.rpc import status_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from catalogue.urns import name_of, type_of
from clients.errors import ServiceError, SilentError, message_of
from providers.kind import UNKNOWN, URN, CheckResult, InitError, Kind, ProviderError, Values, property_of
from providers.start import without_collections


def to_values(struct: struct_pb2.Struct) -> Values:
    """Convert a protobuf struct to plain values. All its numbers are floats; whole ones become int."""
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
    """Convert plain values to a protobuf struct."""
    struct = struct_pb2.Struct()
    struct.update(values)
    return struct


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
            # Errors from an engine and broken connections: docker's APIError and requests' are OSErrors.
            message = message_of(error)
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            message = f"internal error: {error!r} at {where}. Please report this"
        context.abort(grpc.StatusCode.UNKNOWN, message)
        raise AssertionError("abort raises")

    return reported


def _answer(checked: CheckResult) -> provider_pb2.CheckResponse:
    return provider_pb2.CheckResponse(
        inputs=to_struct({key: value for key, value in checked.inputs.items() if value is not None}),
        failures=[provider_pb2.CheckFailure(property=key, reason=reason) for key, reason in checked.failures],
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """Resource types that a plugin serves, and the handling of its own inputs."""

    kinds: Mapping[str, Kind]
    """Kinds by resource token."""
    check_configuration: Callable[[Values], CheckResult] = lambda given: CheckResult(inputs=given)
    """Function that checks the provider's own inputs."""
    configure: Callable[[Values], None] = lambda _: None
    """Function that receives the provider's own inputs before any kind is used."""


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Servicer of a provider that `load` creates in the background: the engine waits only for the port."""

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
        token, kinds = type_of(urn), self._provider.result().kinds
        if token not in kinds:
            raise ProviderError(f"resource type {token} is not served; this provider has {', '.join(kinds)}")
        return kinds[token]

    def _warn_once(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            self._warn(message)

    def GetPluginInfo(self, request: empty_pb2.Empty, context: Any) -> plugin_pb2.PluginInfo:
        """Version that the plugin was installed as."""
        return plugin_pb2.PluginInfo(version=self._version)

    @_reporting
    def CheckConfig(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        """Check the provider's own inputs; answer with their form in the state, and the errors in them."""
        return _answer(self._provider.result().check_configuration(to_values(request.news)))

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:
        """Report a change of the provider's inputs as an update, so that its resources are not replaced."""
        olds, news = to_values(request.old_inputs), to_values(request.news)
        if UNKNOWN in news.values():
            return provider_pb2.DiffResponse()
        difference = provider_pb2.PropertyDiff
        changed = {
            key: difference(
                kind=difference.ADD
                if key not in olds
                else difference.DELETE
                if key not in news
                else difference.UPDATE,
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
        """Take the provider's inputs, without connecting to anything."""
        self._provider.result().configure(to_values(request.args))
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    @_reporting
    def Check(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        """Answer with a resource's inputs, defaults included, and with the errors in them."""
        kind = self._kind(request.urn)
        name = name_of(request.urn)
        return _answer(kind.check(name, to_values(request.olds), to_values(request.news)))

    @_reporting
    def Diff(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:
        """Report the changes that new inputs would make."""
        URN.set(request.urn)
        change = self._kind(request.urn).diff(
            to_values(request.olds), to_values(request.old_inputs), to_values(request.news)
        )
        change = change.ignoring(request.ignoreChanges)
        detailed = change.details()
        some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(
            changes=some if detailed else none,
            diffs=sorted({property_of(path) for path in detailed}),
            replaces=list(change.replaces),
            stables=list(change.stables),
            detailedDiff=detailed,
            hasDetailedDiff=True,
            deleteBeforeReplace=bool(change.replaces) and change.delete_before_replace,
        )

    @_reporting
    def Create(self, request: provider_pb2.CreateRequest, context: Any) -> provider_pb2.CreateResponse:
        """Create a resource; in a preview, predict its state, with unknown outputs."""
        inputs = to_values(request.properties)
        kind = self._kind(request.urn)
        URN.set(request.urn)
        if request.preview:
            return provider_pb2.CreateResponse(id="", properties=to_struct(kind.planned(inputs, None)))
        identity, state = kind.create(inputs)
        return provider_pb2.CreateResponse(id=identity, properties=to_struct(state))

    @_reporting
    def Read(self, request: provider_pb2.ReadRequest, context: Any) -> provider_pb2.ReadResponse:
        """Refresh or import a resource; an empty id in the answer means that it is gone.

        If a host or registry does not answer, the state stays as it is, with a warning. An error would stop
        the refresh, and with it the update of every other host (ADR 28).
        """
        URN.set(request.urn)
        kind = self._kind(request.urn)
        try:
            result = kind.read(request.id, to_values(request.inputs), to_values(request.properties))
        except SilentError as error:
            if not request.properties.fields:
                raise
            self._warn_once(f"{str(error).rstrip('.')}. Its state was not refreshed.")
            return provider_pb2.ReadResponse(
                id=request.id, properties=request.properties, inputs=request.inputs
            )
        if result is None:
            return provider_pb2.ReadResponse(id="")
        return provider_pb2.ReadResponse(
            id=result.identity, properties=to_struct(result.state), inputs=to_struct(result.inputs)
        )

    @_reporting
    def Update(self, request: provider_pb2.UpdateRequest, context: Any) -> provider_pb2.UpdateResponse:
        """Change a resource in place; in a preview, predict its state with the new inputs."""
        olds, news, kind = to_values(request.olds), to_values(request.news), self._kind(request.urn)
        URN.set(request.urn)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=to_struct(kind.planned(news, olds)))
        state = kind.update(request.id, olds, news)
        return provider_pb2.UpdateResponse(properties=to_struct(state))

    @_reporting
    def Delete(self, request: provider_pb2.DeleteRequest, context: Any) -> empty_pb2.Empty:
        """Remove a resource. The kind gets its state, and the inputs that the state lacks."""
        URN.set(request.urn)
        state = to_values(request.old_inputs) | to_values(request.properties)
        self._kind(request.urn).delete(request.id, state)
        return empty_pb2.Empty()

    def Cancel(self, request: empty_pb2.Empty, context: Any) -> empty_pb2.Empty:
        """Do nothing: every operation has a time limit and may be run again."""
        return empty_pb2.Empty()
