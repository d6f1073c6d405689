"""The servicer over real gRPC: how errors reach the Pulumi engine."""

import concurrent.futures
import re
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import grpc
import pytest
from google.protobuf import empty_pb2
from google.rpc import status_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from clients.errors import SilentHostError
from providers import kind
from providers.kind import Change, CheckResult, InitError, InputsAsState, ProviderError, ReadResult, Values
from providers.servicer import Provider, Servicer, to_struct, to_values
from providers.skycoin.host_findings import HostFindings
from providers.skycoin.preflight import Preflight
from providers.skycoin.program_version import ProgramVersion
from providers.skycoin.pulled_image import PulledImage
from providers.skycoin.verification import Verification
from providers.skycoin.workspace_preflight import WorkspacePreflight

TOKEN = "test:index:Thing"
URN = f"urn:pulumi:local::project::{TOKEN}::thing"


class Thing(InputsAsState):
    """A kind of resource that fails as its inputs say."""

    computed: ClassVar[frozenset[str]] = frozenset(("size",))

    def check(self, name: str, olds: Values, news: Values) -> CheckResult:
        return CheckResult(inputs={**news, "checkedAs": name})

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        if news.get("fails"):
            raise ProviderError(f"{kind.URN.get()} can't be that")
        return Change(delete_before_replace=True)

    def create(self, inputs: Values) -> tuple[str, Values]:
        return "thing-1", self._state(inputs)

    def read(self, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        if identity == "silent":
            raise SilentHostError("no Docker engine answers at ssh://pi@attic.lan: Connection timed out.")
        return None if identity == "gone" else ReadResult(identity=identity, state=state, inputs=inputs)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        return self._state(news)

    def delete(self, identity: str, state: Values) -> None:
        raise ProviderError(f"thing is in use: {sorted(state.items())}")

    @staticmethod
    def _state(inputs: Values) -> Values:
        if inputs.get("fails") == "oddly":
            raise KeyError("layers")
        if inputs.get("fails") == "init":
            raise InitError("thing is not ready: müde", "thing-1", {**inputs, "size": 3})
        if inputs.get("fails"):
            raise ProviderError("thing can't be made")
        return inputs


@pytest.fixture
def configured() -> list[Values]:
    """Configuration that Configure received."""
    return []


@pytest.fixture
def warned() -> list[str]:
    """Warnings to the user."""
    return []


@pytest.fixture
def stub(configured: list[Values], warned: list[str]) -> Iterator[Any]:
    """A client of a provider on a loopback port."""
    provider = Provider(kinds={TOKEN: Thing()}, configure=configured.append)
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=2))
    servicer = Servicer("1.2.3", lambda: provider, warned.append)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    server.stop(None).wait()


def create(stub: Any, inputs: Values) -> Any:
    return stub.Create(provider_pb2.CreateRequest(urn=URN, properties=to_struct(inputs)))


def init_failure(error: Any) -> Any:
    """The error detail from which the engine learns that the resource exists."""
    metadata = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    assert status.message == error.details()
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    return detail


def test_a_resource_that_exists_but_is_not_ready_is_handed_over_with_the_error(stub: Any) -> None:
    """Without id and state, the engine would forget the resource, and the next `up` collide with it."""
    with pytest.raises(grpc.RpcError) as raised:
        create(stub, {"fails": "init", "name": "x"})
    error: Any = raised.value
    assert error.code() is grpc.StatusCode.UNKNOWN
    assert error.details() == "thing is not ready: müde"
    detail = init_failure(error)
    assert detail.id == "thing-1"
    assert list(detail.reasons) == ["thing is not ready: müde"]
    assert to_values(detail.properties) == {"fails": "init", "name": "x", "size": 3}


def test_an_update_that_does_not_become_ready_keeps_the_resource_too(stub: Any) -> None:
    request = provider_pb2.UpdateRequest(urn=URN, id="thing-1", news=to_struct({"fails": "init"}))
    with pytest.raises(grpc.RpcError) as raised:
        stub.Update(request)
    assert init_failure(raised.value).id == "thing-1"


def test_an_ordinary_failure_carries_its_message_and_no_resource(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        create(stub, {"fails": "yes"})
    error: Any = raised.value
    assert error.details() == "thing can't be made"
    assert "grpc-status-details-bin" not in dict(error.trailing_metadata())


def test_an_unexpected_exception_is_reported_with_its_place_in_the_code(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        create(stub, {"fails": "oddly"})
    error: Any = raised.value
    said = error.details()
    where = r"at test_servicer\.py:\d+\. Please report this"
    assert re.fullmatch(rf"internal error: KeyError\('layers'\) {where}", said), said


def test_a_failed_delete_is_an_error(stub: Any) -> None:
    with pytest.raises(grpc.RpcError, match="thing is in use"):
        stub.Delete(provider_pb2.DeleteRequest(urn=URN, id="thing-1"))


def test_a_delete_gets_the_recorded_inputs_and_the_state(stub: Any) -> None:
    """A state taken over from another type lacks what only this type's inputs have: the engine's address."""
    request = provider_pb2.DeleteRequest(
        urn=URN,
        id="thing-1",
        old_inputs=to_struct({"engine": "ssh://pi@attic", "name": "asked"}),
        properties=to_struct({"name": "is"}),
    )
    wanted = re.escape("[('engine', 'ssh://pi@attic'), ('name', 'is')]")
    with pytest.raises(grpc.RpcError, match=wanted):
        stub.Delete(request)


def test_a_resource_is_created_with_its_id_and_state(stub: Any) -> None:
    made = create(stub, {"name": "x"})
    assert (made.id, to_values(made.properties)) == ("thing-1", {"name": "x"})


def test_a_resource_that_no_longer_exists_is_read_as_an_empty_id(stub: Any) -> None:
    assert stub.Read(provider_pb2.ReadRequest(urn=URN, id="gone")).id == ""
    assert stub.Read(provider_pb2.ReadRequest(urn=URN, id="there")).id == "there"


def test_check_gets_the_resources_name_from_its_urn(stub: Any) -> None:
    checked = stub.Check(provider_pb2.CheckRequest(urn=URN, news=to_struct({})))
    assert to_values(checked.inputs) == {"checkedAs": "thing"}


def test_a_refusal_of_a_preview_knows_its_resource(stub: Any) -> None:
    with pytest.raises(grpc.RpcError, match=f"{re.escape(URN)} can't be that"):
        stub.Diff(provider_pb2.DiffRequest(urn=URN, news=to_struct({"fails": "yes"})))


def test_nothing_to_replace_means_nothing_to_delete_first(stub: Any) -> None:
    answer = stub.Diff(provider_pb2.DiffRequest(urn=URN))
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert not answer.deleteBeforeReplace


def test_configure_hands_over_the_inputs_and_supports_previews_without_secrets(
    stub: Any, configured: list[Values]
) -> None:
    answer = stub.Configure(provider_pb2.ConfigureRequest(args=to_struct({"host": "h"})))
    assert configured == [{"host": "h"}]
    assert answer.supportsPreview
    assert not answer.acceptSecrets


def test_another_endpoint_updates_the_provider_and_keeps_its_resources(stub: Any) -> None:
    """Replacing the provider would replace every resource that uses it."""
    old, new = to_struct({"host": "a"}), to_struct({"host": "b"})
    changed = stub.DiffConfig(provider_pb2.DiffRequest(urn=URN, old_inputs=old, news=new))
    assert changed.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert not changed.replaces
    same = stub.DiffConfig(provider_pb2.DiffRequest(urn=URN, old_inputs=old, news=old))
    assert same.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert to_values(stub.CheckConfig(provider_pb2.CheckRequest(urn=URN, news=new)).inputs) == {"host": "b"}


def test_the_version_is_returned_and_cancelling_is_harmless(stub: Any) -> None:
    assert stub.GetPluginInfo(empty_pb2.Empty()).version == "1.2.3"
    assert stub.Cancel(empty_pb2.Empty()) == empty_pb2.Empty()


def test_a_refresh_keeps_the_state_of_a_host_that_does_not_answer_and_warns_once(
    stub: Any, warned: list[str]
) -> None:
    """An error would stop the refresh of all other hosts; "gone" would create a wallet's volume again."""
    inputs, state = to_struct({"name": "a"}), to_struct({"name": "a", "size": 3, "nothing": None})
    request = provider_pb2.ReadRequest(urn=URN, id="silent", inputs=inputs, properties=state)
    for _ in range(2):
        answer = stub.Read(request)
        assert (answer.id, answer.inputs, answer.properties) == ("silent", inputs, state)
    assert warned == [
        "no Docker engine answers at ssh://pi@attic.lan: Connection timed out. Its state was not refreshed."
    ]


def test_an_import_from_a_host_that_does_not_answer_fails(stub: Any, warned: list[str]) -> None:
    with pytest.raises(grpc.RpcError, match="no Docker engine answers"):
        stub.Read(provider_pb2.ReadRequest(urn=URN, id="silent"))
    assert warned == []


OWN = {
    "a preflight": lambda: Preflight(HostFindings(pytest.fail)),
    "a workspace's preflight": lambda: WorkspacePreflight(pytest.fail),
    "the image on a host": lambda: PulledImage(pytest.fail),
    "the version of a stack": ProgramVersion,
    "a verification": lambda: Verification(pytest.fail),
}


@pytest.mark.parametrize(("subject", "made"), OWN.items(), ids=OWN)
def test_what_up_creates_again_can_not_be_imported(subject: str, made: Callable[[], kind.Kind]) -> None:
    """Before, `pulumi import` said: internal error: KeyError('host'). Please report this."""
    with pytest.raises(ProviderError, match=f"^{subject} can't be imported: `pulumi up` creates it$"):
        made().read("id", {}, {})
