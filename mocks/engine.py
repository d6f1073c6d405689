"""A simulated Pulumi engine that records a program's requests and refuses those that it doesn't know.

It runs a program as the real language host does (`run_in_stack`), in a separate context
and event loop, so that no run sees another's configuration, tasks or exports.
"""

import asyncio
import contextlib
import contextvars
import functools
import hashlib
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, TypedDict, TypeVar, TypeVarTuple, cast
from unittest.mock import patch

from google.protobuf import empty_pb2, struct_pb2
from pulumi._types import resource_types
from pulumi.runtime.config import set_all_config
from pulumi.runtime.mocks import MockCallArgs, MockEngine, MockMonitor, MockResourceArgs, Mocks, MockSettings
from pulumi.runtime.proto import resource_pb2, source_pb2
from pulumi.runtime.settings import SETTINGS, configure
from pulumi.runtime.stack import run_in_stack

from catalogue.stack_outputs import Report, StackOutputs
from clients.pull import expected_name
from mocks.aliases import former_in
from mocks.wire import UNKNOWN_SIGNATURE, decode_struct

STACK = "pulumi:pulumi:Stack"
STACK_REFERENCE = "pulumi:pulumi:StackReference"
DOCKER_PROVIDER = "pulumi:providers:docker"
BUILD_PROVIDER = "pulumi:providers:docker-build"
BUILD = "docker-build:index:Image"
IMAGE = "skycoin:index:Image"
VOLUME = "docker:index/volume:Volume"
NETWORK = "docker:index/network:Network"
PULLED = "skycoin:index:PulledImage"
CONTAINER = "docker:index/container:Container"
PREFLIGHT = "skycoin:index:Preflight"
VERIFICATION = "skycoin:index:Verification"
NODE_CONTAINER = "skycoin:index:NodeContainer"
PROGRAM_VERSION = "skycoin:index:ProgramVersion"
WORKSPACE_PREFLIGHT = "skycoin:index:WorkspacePreflight"
TAG = "skycoin:index:Tag"
OWN = "skycoin:index:"
ECR = "aws:ecr/repository:Repository"

AWS = ("aws:", "pulumi:providers:aws")

REPORT: Report = {
    "labels": 9,
    "programs": {"X86_64, 64 bit, static": 3},
    "sboms": {"/usr/share/sbom/skycoin.cdx.json": {"digest": "sha256:5b", "components": 33}},
    "layers": [{"digest": "sha256:1a", "size": 1_000_000}, {"digest": "sha256:2b", "size": 12_000_000}],
    "packages": {"busybox": "1:1.35.0-4+b7", "ca-certificates": "20230311+deb12u1"},
}
"""Report of a verification, without its modules."""
MODULES = {"skycoin": {"golang.org/x/crypto": "0.59.0", "stdlib": "1.26.5"}}
"""Go modules that a verification finds, by program."""
PROOF: dict[str, Any] = {**REPORT, "modules": MODULES}
"""Report of a verification, as its provider returns it."""

_resource_types = functools.cache(resource_types)
_Answer = TypeVar("_Answer")
_Given = TypeVarTuple("_Given")

_OWN = {PREFLIGHT, VERIFICATION, TAG, NODE_CONTAINER, PROGRAM_VERSION, PULLED, WORKSPACE_PREFLIGHT}
_KNOWN = {DOCKER_PROVIDER, BUILD_PROVIDER, BUILD, VOLUME, NETWORK, CONTAINER, *_OWN}


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """One resource as the program registered it."""

    type: str
    name: str
    urn: str
    parent: str
    """URN of the parent; empty for the stack."""
    custom: bool
    inputs: dict[str, Any]
    """Decoded inputs, with `Secret` and `UNKNOWN` for the wire format's marks."""
    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool = False
    replace_on_changes: tuple[str, ...] = ()
    ignore_changes: tuple[str, ...] = ()
    deleted_with: str = ""
    aliases: tuple[str, ...] = ()
    """Former names, types or whole URNs."""
    provider: str = ""
    """URN of the explicit provider; empty if the engine would choose one."""
    version: str = ""
    dependencies: frozenset[str] = frozenset()
    """URNs of the resources that it depends on."""


class _NoMocks(Mocks):
    """Mocks that MockMonitor requires but never calls: Engine answers everything itself."""

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise NotImplementedError(f"unexpected invoke {args.token}")

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        raise NotImplementedError(f"unexpected resource {args.typ}")


class Origin(TypedDict):
    """Origin of an image of another stack."""

    image: str
    stack: str
    """Full name of the stack that publishes it."""
    context: Mapping[str, Any]
    """Build context, as the build's input has it."""


class _Loop(asyncio.SelectorEventLoop):
    """Event loop that makes the calls to the engine at once: the SDK's threads took a tenth of the time."""

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*_Given], _Answer], *args: *_Given
    ) -> asyncio.Future[_Answer]:
        future: asyncio.Future[_Answer] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass(eq=False)
class Engine(MockMonitor):
    """Monitor that records registrations. With `preview`, images that would be built have no digest yet."""

    preview: bool = False
    unchanged: bool = False
    """In a preview: everything is in the state already, so all digests are known."""
    state: "Engine | None" = None
    """In a preview: the run that produced the state. Outputs of resources with unchanged inputs are known."""
    stacks: Mapping[str, StackOutputs] = field(default_factory=dict)
    """Outputs of other stacks, by the stack's full name."""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Origin by digest of an image of those stacks."""
    bare: str | None = None
    """Value of an image's `ref` in a preview; None for its first tag."""
    left_out: Collection[str] = ()
    """Logical names of the tags (resources) that fail in an optional registry."""
    aws: Callable[[str, Mapping[str, Any], Mapping[str, Any]], dict[str, Any]] | None = None
    """Stand-in for AWS: (type, inputs, the provider's inputs) → outputs (tests/unit/aws.py)."""
    registered: list[Registered] = field(default_factory=list)
    outputs: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """(URN, decoded outputs) of every RegisterResourceOutputs."""
    digests: dict[str, str] = field(default_factory=dict)
    """Digest → name of the resource that it was derived from."""

    def __post_init__(self) -> None:
        super().__init__(_NoMocks())
        self._by_urn: dict[str, Registered] = {}
        self._was = {entry.urn: entry for entry in self.state.registered} if self.state else {}

    def run(self, program: Callable[[], object], *, stack: str = "test") -> None:
        """Run `program` with all its registrations. Raises the error of the program or of a registration."""
        # The stack trace of each registration takes a third of the time, and nothing reads it.
        no_trace = patch("pulumi.runtime.resource._get_stack_trace", source_pb2.StackTrace)
        # The SDK waits for all outputs again whenever one is known, which takes a fifth of the time. To wait
        # until all are known, or the first has failed, comes to the same thing.
        all_at_once = patch("pulumi.runtime.stack.asyncio.FIRST_COMPLETED", asyncio.FIRST_EXCEPTION)
        # It also takes each output that is known out of those to wait for, which takes 7 % of the time.
        all_kept = patch("pulumi.Output._track", lambda output: SETTINGS.outputs.add(output._data))
        # The SDK finds the types of a class's properties again for each of its resources.
        types_once = patch("pulumi._types.resource_types", _resource_types)
        # asyncio.Runner would look for tasks to cancel among those of all earlier runs.
        with no_trace, all_at_once, all_kept, types_once, contextlib.closing(_Loop()) as loop:
            contextvars.copy_context().run(loop.run_until_complete, self._run(program, stack))

    async def _run(self, program: Callable[[], object], stack: str) -> None:
        # A failed registration fails all that wait for it. `run` raises the first error; the rest is noise.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        self.stack = stack
        set_all_config({}, [])
        configure(
            MockSettings(  # type: ignore[no-untyped-call]
                monitor=self,
                monitor_features=set(),
                engine=MockEngine(None),
                project="skycoin",
                stack=stack,
                dry_run=self.preview,
                organization="organization",
                callbacks=None,
                outputs=set(),
                lock=threading.Lock(),
                package_refs={},
                base_providers_by_ref={},
            )
        )

        def body() -> None:
            program()

        await run_in_stack(body)

    # Queries for tests and for the rest of this package.

    def one(self, type_: str, name: str) -> Registered:
        """The only resource with this type and name. Raises LookupError if there is none or more than one."""
        entries = [entry for entry in self.registered if (entry.type, entry.name) == (type_, name)]
        if len(entries) != 1:
            raise LookupError(f"{len(entries)} × {type_} {name}; there are {self.names()}")
        return entries[0]

    def all_of(self, type_: str) -> list[Registered]:
        """All resources of a type, sorted by name: they are not registered in the program's order."""
        entries = [entry for entry in self.registered if entry.type == type_]
        return sorted(entries, key=lambda entry: entry.name)

    def names(self) -> list[str]:
        """Sorted `type name` of all resources except the stack."""
        return sorted(f"{entry.type} {entry.name}" for entry in self.registered if entry.type != STACK)

    def children(self, parent: Registered) -> list[tuple[str, str]]:
        """Sorted (type, name) of a resource's direct children."""
        return sorted((entry.type, entry.name) for entry in self.registered if entry.parent == parent.urn)

    def outputs_of(self, type_: str, name: str) -> dict[str, Any]:
        """Outputs that a component registered."""
        urn = self.one(type_, name).urn
        return next(outputs for of, outputs in self.outputs if of == urn)

    def exports(self) -> StackOutputs:
        """The stack's outputs."""
        urn = next(entry.urn for entry in self.registered if entry.type == STACK)
        return cast("StackOutputs", next(outputs for of, outputs in self.outputs if of == urn))

    def digest(self, name: str) -> str:
        """Digest of the image or manifest list with this name, derived from the name for stable snapshots."""
        digest = f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"
        self.digests[digest] = name
        return digest

    # Functions that the SDK calls.

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """Build a URN as the engine does, with the types of all ancestors except the stack."""
        qualified = parent.split("::")[2] if parent else ""
        prefix = f"{qualified}$" if qualified not in ("", STACK) else ""
        return f"urn:pulumi:{self.stack}::skycoin::{prefix}{type_}::{name}"

    def Invoke(self, request: Any) -> Any:
        raise NotImplementedError(f"unexpected invoke {request.tok}")

    def RegisterResource(
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        own = request.type == STACK or (request.type.startswith(OWN) and not request.custom)
        known = request.type in _KNOWN or (self.aws is not None and request.type.startswith(AWS))
        if not own and not known:
            raise NotImplementedError(f"unexpected resource {request.type} ({request.name})")
        entry = self._recorded(request)
        if own:
            return resource_pb2.RegisterResourceResponse(urn=entry.urn)
        state = struct_pb2.Struct()
        state.CopyFrom(request.object)
        state.update(self._kept(entry))
        state.update(self._computed(entry))
        identity = "" if self._is_new(entry) else f"id-of-{request.name}"
        return resource_pb2.RegisterResourceResponse(urn=entry.urn, id=identity, object=state)

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> resource_pb2.ReadResourceResponse:
        if request.type != STACK_REFERENCE:
            raise NotImplementedError(f"unexpected read of {request.type} ({request.name})")
        urn = self.make_urn(request.parent, request.type, request.name)
        inputs = {"name": request.id}
        entry = Registered(
            type=request.type,
            name=request.name,
            urn=urn,
            parent=request.parent,
            custom=True,
            inputs=inputs,
        )
        self.registered.append(entry)
        if request.id not in self.stacks:
            raise NotImplementedError(f"unexpected stack {request.id}")
        state = struct_pb2.Struct()
        state.update({**inputs, "outputs": dict(self.stacks[request.id]), "secretOutputNames": []})
        return resource_pb2.ReadResourceResponse(urn=urn, properties=state)

    def RegisterResourceOutputs(
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        self.outputs.append((request.urn, decode_struct(request.outputs)))
        return empty_pb2.Empty()

    def _recorded(self, request: resource_pb2.RegisterResourceRequest) -> Registered:
        entry = Registered(
            type=request.type,
            name=request.name,
            urn=self.make_urn(request.parent, request.type, request.name),
            parent=request.parent,
            custom=request.custom,
            inputs=decode_struct(request.object),
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            delete_before_replace=request.deleteBeforeReplace,
            replace_on_changes=tuple(request.replaceOnChanges),
            ignore_changes=tuple(request.ignoreChanges),
            deleted_with=request.deletedWith,
            aliases=tuple(alias.urn or alias.spec.name or alias.spec.type for alias in request.aliases),
            provider=request.provider.rpartition("::")[0],
            version=request.version,
            dependencies=frozenset(request.dependencies),
        )
        self.registered.append(entry)
        self._by_urn[entry.urn] = entry
        return entry

    def _kept(self, entry: Registered) -> dict[str, Any]:
        """Take from the state, as the engine does, inputs whose changes the program ignores; return them."""
        was = former_in(entry, self._by_urn, self._was, self.make_urn) if entry.ignore_changes else None
        inputs = was.inputs if was else {}
        kept = {key: inputs[key] for key in entry.ignore_changes if key in inputs}
        entry.inputs.update(kept)
        return kept

    def _own(self, entry: Registered) -> dict[str, Any]:
        """Outputs of a resource of this project's own provider."""
        if entry.type == PREFLIGHT:
            return {"runs": "native"}
        if entry.type in (NODE_CONTAINER, PROGRAM_VERSION, WORKSPACE_PREFLIGHT):
            return {}
        if entry.type == VERIFICATION:
            sizes = {"size": 13_000_000, "unpacked": 37_000_000, "layers": 3}
            return {**sizes, "report": PROOF}
        return {"digest": "" if entry.name in self.left_out else self.digest(entry.name)}

    def _computed(self, entry: Registered) -> dict[str, Any]:
        """Outputs that the provider adds to the inputs."""
        first = self._is_to_be_made(entry)
        if entry.type == PULLED:
            return {"ref": _name_of_pulled(entry.inputs)}
        if entry.type in _OWN:
            outputs = self._own(entry)
            return dict.fromkeys(outputs, UNKNOWN_SIGNATURE) if first else outputs
        if entry.type.startswith(AWS):
            return self._computed_by_aws(entry, first=first)
        if entry.type != BUILD:
            return {}
        tag = entry.inputs["tags"][0]
        if not isinstance(tag, str):
            return {"ref": UNKNOWN_SIGNATURE, "digest": UNKNOWN_SIGNATURE}
        digest = self.digest(entry.name)
        # The docker-build provider adds `latest` to a repository without a tag.
        built = {"ref": f"{tag}:latest@{digest}", "digest": digest}
        return {"ref": tag if self.bare is None else self.bare, "digest": ""} if first else built

    def _is_new(self, entry: Registered) -> bool:
        return self.preview and not self.unchanged and entry.urn not in self._was

    def _is_to_be_made(self, entry: Registered) -> bool:
        """True in a preview if a resource is new, or its inputs differ from the state."""
        if not self.preview or self.unchanged:
            return False
        was = former_in(entry, self._by_urn, self._was, self.make_urn)
        return was is None or was.inputs != entry.inputs

    def _computed_by_aws(self, entry: Registered, *, first: bool) -> dict[str, Any]:
        """Outputs of an aws resource; unknown in a preview that would create or change it."""
        if first or self.aws is None:
            return dict.fromkeys(("repositoryUrl", "arn"), UNKNOWN_SIGNATURE)
        provider = next((other.inputs for other in self.registered if other.urn == entry.provider), {})
        return self.aws(entry.type, entry.inputs, provider)


def _name_of_pulled(inputs: Mapping[str, Any]) -> str:
    given = [inputs["image"], inputs.get("pullFrom")]
    is_known = all(entry is None or isinstance(entry, str) for entry in given)
    return expected_name(given[0], inputs) if is_known else UNKNOWN_SIGNATURE
