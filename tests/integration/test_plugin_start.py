"""The plugins as the Pulumi engine starts them: a process that prints its port, then serves its kinds."""

import gc
import importlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from providers.servicer import to_struct
from providers.start import without_collections
from tests.unit.projects import PROJECT

Started = tuple[str, provider_pb2_grpc.ResourceProviderStub]
KINDS = {
    "providers.skycoin": ["Preflight", "Tag", "Verification", "WorkspacePreflight"],
    "providers.docker": ["Volume", "Network", "RemoteImage", "Container"],
}


@pytest.fixture(params=KINDS)
def started(request: pytest.FixtureRequest) -> Iterator[Started]:
    """(module, client) of a running plugin; nothing listens at its engine's address."""
    command = [sys.executable, "-m", request.param, "127.0.0.1:1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as process:
        assert process.stdout is not None
        with grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
            yield request.param, provider_pb2_grpc.ResourceProviderStub(channel)
        process.kill()


def test_a_plugin_serves_each_of_its_kinds(
    started: Started,
) -> None:
    """A plugin loads only the SDK's protocol messages; its kinds must need nothing else of the SDK."""
    module, stub = started
    assert stub.GetPluginInfo(empty_pb2.Empty()).version
    stub.Configure(provider_pb2.ConfigureRequest(args=to_struct({})))
    for kind in KINDS[module]:
        tokens = [f"skycoin:index:{kind}", f"docker:index/{kind[0].lower()}{kind[1:]}:{kind}"]
        token = tokens[module == "providers.docker"]
        request = provider_pb2.CheckRequest(
            urn=f"urn:pulumi:s::p::{token}::thing", news=to_struct({"colour": "red"})
        )
        assert "colour" in [failure.property for failure in stub.Check(request).failures]


@pytest.mark.parametrize("module", KINDS)
def test_a_plugin_that_is_interrupted_ends_without_a_traceback(module: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", module, "127.0.0.1:1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    ) as plugin:
        assert plugin.stdout is not None
        assert plugin.stdout.readline().strip().isdigit()
        plugin.send_signal(signal.SIGINT)
        _, said = plugin.communicate(timeout=30)
    assert plugin.returncode != 0
    assert said == ""


@pytest.mark.parametrize("module", KINDS)
def test_a_plugin_ends_when_the_engine_was_killed(module: str) -> None:
    """Before, `kill -9` of pulumi left a process of each plugin behind."""
    script = f"{sys.executable} -m {module} 127.0.0.1:1 & echo $!; wait"
    with subprocess.Popen(
        ["sh", "-c", script], stdout=subprocess.PIPE, text=True, cwd=PROJECT, start_new_session=True
    ) as engine:
        assert engine.stdout is not None
        plugin = Path(f"/proc/{engine.stdout.readline().strip()}")
        assert engine.stdout.readline().strip().isdigit(), "the port"
        engine.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 10
        while plugin.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not plugin.exists()


def test_a_kind_that_is_not_served_is_named_with_those_that_are(
    started: Started,
) -> None:
    module, stub = started
    with pytest.raises(
        grpc.RpcError, match=f"aws:s3:Bucket is not served; this provider has .*{KINDS[module][0]}"
    ):
        stub.Check(provider_pb2.CheckRequest(urn="urn:pulumi:s::p::aws:s3:Bucket::thing"))


def test_garbage_collection_is_enabled_again_after_a_failed_import() -> None:
    seen = list[bool]()

    @without_collections()
    def load() -> None:
        seen.append(gc.isenabled())
        importlib.import_module("no.such.module")

    with pytest.raises(ModuleNotFoundError):
        load()
    assert (seen, gc.isenabled(), gc.get_freeze_count() > 0) == ([False], True, True)
    gc.unfreeze()
