"""The stand-in docker plugin, called as the Pulumi engine calls it, over its own Docker engine.

The engine's folder is emptied before each run, and kept afterwards for inspection.
"""

import gc
import io
import os
import shutil
import subprocess
import sys
import tarfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import docker
import grpc
from google.rpc import status_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from local.engines import own_engine
from local.machine.layout import PROJECT, Layout
from local.machine.packages import ensure_packages
from providers.kind import Values
from providers.servicer import to_struct, to_values
from tests.e2e.layouts import layout_in
from tests.e2e.machine import HOME

SERVICE = "dockerd-plugin"
REPOSITORY = "plugin.test/busybox"
IMAGE = f"{REPOSITORY}:1"
OTHER_ENGINE = os.environ.get("SKYCOIN_TEST_DOCKERD")
"""Path of the dockerd that is tested instead of Debian's; its folder, with its containerd, must lead PATH.

The variable alone changes only what the tests expect.
"""
APPLETS = (
    *("sh", "sleep", "wget", "true", "false", "cat", "test", "touch", "echo", "id"),
    *("awk", "cp", "date", "diff", "find", "head", "ls", "mkdir", "mv", "readlink", "rm", "sed", "sort"),
    *("sync", "tail", "tr", "wc"),
)

CONTAINER = "docker:index/container:Container"
VOLUME = "docker:index/volume:Volume"
NETWORK = "docker:index/network:Network"
REMOTE_IMAGE = "docker:index/remoteImage:RemoteImage"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as the Pulumi engine stores it."""

    token: str
    id: str
    inputs: Values
    state: Values


class OperationError(Exception):
    """A failed operation; `kept` is the resource, if the plugin reports that it exists."""

    def __init__(self, message: str, kept: Resource | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.kept = kept


@dataclass(frozen=True, slots=True)
class Changes:
    """The plugin's answer to Diff."""

    replaces: list[str]
    updates: list[str]
    deletes_first: bool


def urn(token: str) -> str:
    """URN of a resource named `thing`."""
    return f"urn:pulumi:test::plugin::{token}::thing"


class Plugin:
    """A started plugin, configured for one host."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    def check(self, token: str, inputs: Values) -> Values:
        """Check inputs and add the defaults; raises OperationError if they are wrong."""
        request = provider_pb2.CheckRequest(urn=urn(token), news=to_struct(inputs))
        answer = self._stub.Check(request)
        if answer.failures:
            raise OperationError(
                "; ".join(f"{failure.property}: {failure.reason}" for failure in answer.failures)
            )
        return to_values(answer.inputs)

    def create(self, token: str, inputs: Values) -> Resource:
        """Check inputs and create a resource."""
        checked = self.check(token, inputs)
        request = provider_pb2.CreateRequest(urn=urn(token), properties=to_struct(checked))
        with _failing(token, checked):
            made = self._stub.Create(request)
        return Resource(token, made.id, checked, to_values(made.properties))

    def preview(self, token: str, inputs: Values) -> Values:
        """Create a resource in a preview; return its outputs."""
        checked = self.check(token, inputs)
        request = provider_pb2.CreateRequest(urn=urn(token), properties=to_struct(checked), preview=True)
        return to_values(self._stub.Create(request).properties)

    def diff(self, old: Resource, inputs: Values) -> Changes:
        """Compare a resource with other inputs."""
        answer = self._stub.Diff(
            provider_pb2.DiffRequest(
                id=old.id,
                urn=urn(old.token),
                olds=to_struct(old.state),
                old_inputs=to_struct(old.inputs),
                news=to_struct(self.check(old.token, inputs)),
            )
        )
        replaces = list(answer.replaces)
        updates = [key for key in answer.diffs if key not in replaces]
        return Changes(replaces, updates, answer.deleteBeforeReplace)

    def update(self, old: Resource, inputs: Values) -> Resource:
        """Check inputs and update a resource."""
        checked = self.check(old.token, inputs)
        request = provider_pb2.UpdateRequest(
            id=old.id, urn=urn(old.token), olds=to_struct(old.state), news=to_struct(checked)
        )
        with _failing(old.token, checked):
            answer = self._stub.Update(request)
        return replace(old, inputs=checked, state=to_values(answer.properties))

    def refresh(self, old: Resource) -> Resource | None:
        """Read a resource from the engine; None if it is gone."""
        return self._read(old.token, old.id, inputs=to_struct(old.inputs), properties=to_struct(old.state))

    def unchanged(self, old: Resource) -> bool:
        """True if a refresh finds the same resource, without a difference from its inputs."""
        found = self.refresh(old)
        return (
            found is not None
            and (found.id, found.inputs) == (old.id, old.inputs)
            and self.diff(found, old.inputs) == Changes([], [], deletes_first=False)
        )

    def import_(self, token: str, identity: str) -> Resource | None:
        """Read a resource that Pulumi did not create."""
        return self._read(token, identity)

    def _read(self, token: str, identity: str, **known: Any) -> Resource | None:
        with _failing(token, {}):
            answer = self._stub.Read(provider_pb2.ReadRequest(id=identity, urn=urn(token), **known))
        if not answer.id:
            return None
        return Resource(token, answer.id, to_values(answer.inputs), to_values(answer.properties))

    def delete(self, old: Resource) -> float:
        """Delete a resource; return the seconds that it took."""
        request = provider_pb2.DeleteRequest(
            id=old.id, urn=urn(old.token), properties=to_struct(old.state), old_inputs=to_struct(old.inputs)
        )
        began = time.monotonic()
        with _failing(old.token, old.inputs):
            self._stub.Delete(request)
        return time.monotonic() - began


@contextmanager
def _failing(token: str, inputs: Values) -> Iterator[None]:
    """Turn a gRPC error into an OperationError, as the Pulumi engine reads it."""
    try:
        yield
    except grpc.RpcError as raised:
        error: Any = raised
        details = dict(error.trailing_metadata()).get("grpc-status-details-bin")
        kept = None
        if details is not None:
            failed = provider_pb2.ErrorResourceInitFailed()
            assert status_pb2.Status.FromString(details).details[0].Unpack(failed)
            kept = Resource(token, failed.id, inputs, to_values(failed.properties))
        raise OperationError(error.details(), kept) from raised


@contextmanager
def started_plugin(host: str, **provider_inputs: Any) -> Iterator[Plugin]:
    """Start the plugin in a separate process, as `pulumi-resource-docker` does."""
    with subprocess.Popen(
        [sys.executable, "-m", "providers.docker", "127.0.0.1:1"],  # Pulumi's address; nothing listens there
        cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = provider_pb2_grpc.ResourceProviderStub(channel)
                inputs = to_struct({"host": host, **provider_inputs})
                stub.Configure(provider_pb2.ConfigureRequest(args=inputs))
                yield Plugin(stub)
        finally:
            process.terminate()


@contextmanager
def started_engine() -> Iterator[Any]:
    """docker-py's client of a new Docker engine that has one small image and nothing else."""
    layout = layout_in(HOME / "plugin", 15445)
    folder = layout.state / "engine"
    own_engine.stop(layout, SERVICE, folder)
    own_engine.remove_traces(folder)
    subprocess.run(["rm", "-rf", "--one-file-system", str(layout.state)], check=True)
    ensure_packages(layout, "the plugin's tests", ["docker.io", "iptables", "iproute2"])
    yield from _engine(layout, folder)


def _engine(layout: Layout, folder: Path) -> Iterator[Any]:
    try:
        with warnings.catch_warnings():
            # Two warnings are expected: the service outlives the object that started it, and docker-py drops
            # a socket that it could not connect, which is closed when the test run ends.
            warnings.simplefilter("ignore", ResourceWarning)
            own_engine.start(layout, SERVICE, folder)
            gc.collect()
        client = docker.DockerClient(base_url=f"unix://{folder}/docker.sock")
        client.api.import_image_from_data(busybox_archive(), repository=REPOSITORY, tag="1")
        yield client
        for container in client.containers.list(all=True):
            container.remove(force=True)
        client.close()
    finally:
        own_engine.stop(layout, SERVICE, folder)
        own_engine.remove_traces(folder)


def socket_of(engine: Any) -> str:
    """Address of the engine's socket, from docker-py's client."""
    address: str = engine.api.adapters["http+docker://"].socket_path
    return f"unix://{address}"


def busybox() -> Path:
    """Program of Debian's static busybox, which is installed if it is missing."""
    if shutil.which("busybox") is None:
        ensure_packages(layout_in(HOME / "plugin", 15445), "the tests' images", ["busybox-static"])
    return Path(shutil.which("busybox") or "")


def busybox_archive() -> bytes:
    """A root file system with Debian's static busybox, as a tar archive."""
    found = busybox()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for folder in ("bin", "tmp", "data"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o777
            tar.addfile(entry)
        tar.add(found.resolve(), "bin/busybox")
        for applet in APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return archive.getvalue()


def until(condition: Callable[[], bool], what: str, seconds: float = 15, pause: float = 0.05) -> None:
    """Wait for a condition, checking it again after each pause."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not after {seconds} s"
        time.sleep(pause)
