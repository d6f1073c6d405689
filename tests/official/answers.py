"""The stand-in asked as the official plugin was, and both answers compared."""

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from pulumi.runtime.proto import provider_pb2

from providers.container.container_schema import CONTAINER
from providers.container.schema import Schema, Type
from providers.docker.configuration import CONFIGURATION, check_configuration
from providers.docker.container import Container
from providers.docker.image import RemoteImage
from providers.docker.network import Network
from providers.docker.other_schemas import NETWORK, REMOTE_IMAGE, VOLUME
from providers.docker.volume import Volume
from providers.kind import Kind, Values
from providers.servicer import Provider, Servicer

FOLDER = Path(__file__).parent
SCHEMAS: Mapping[str, Schema] = {
    "docker:index/container:Container": CONTAINER,
    "docker:index/network:Network": NETWORK,
    "docker:index/remoteImage:RemoteImage": REMOTE_IMAGE,
    "docker:index/volume:Volume": VOLUME,
}
REQUESTS = {
    "Check": provider_pb2.CheckRequest,
    "CheckConfig": provider_pb2.CheckRequest,
    "Configure": provider_pb2.ConfigureRequest,
    "Create": provider_pb2.CreateRequest,
    "Diff": provider_pb2.DiffRequest,
    "DiffConfig": provider_pb2.DiffRequest,
    "Update": provider_pb2.UpdateRequest,
}
"""Methods that need no engine; Create and Update in a preview only."""


class Outcome(StrEnum):
    """Outcome of one comparison."""

    EQUAL = "equal"
    REFUSED = "refused"
    """An input is refused by name in Check that the official plugin takes."""
    EXCEPTED = "excepted"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Exemption:
    """Cases in which another answer is wanted."""

    method: str
    property: str
    """The property whose change is answered otherwise; empty where the whole answer is."""
    cases: str
    """Pattern of the whole name."""
    reason: str


EXCEPTIONS = (
    Exemption(
        "Diff",
        "mounts",
        "(refreshed-)?(diff|update)-mount.*",
        "a change of a mount replaces the container; the official plugin only writes it to the state, and "
        "the container keeps the old volume",
    ),
    Exemption(
        "Diff",
        "ports",
        "life-port-two-addresses-diff",
        "another order of the two addresses of a port is no change; with the official plugin, it replaces "
        "the container at every run",
    ),
    Exemption(
        "Diff",
        "ports",
        "state-port-without-protocol-diff",
        "a port without a protocol, as in a state of version 0.1.0, is tcp; the official plugin replaces "
        "the container",
    ),
    Exemption(
        "Diff",
        "healthcheck",
        "state-healthcheck-fewer-fields-diff",
        "a health check without `startInterval`, as in a state of version 0.1.0, is no change; to the "
        "official plugin it is one",
    ),
    Exemption(
        "Diff",
        "capabilities",
        "diff-unprefixed-(with-prefix|all-dropped)",
        "a capability without `CAP_`, as in a state of version 0.1.0, is no change; the official plugin "
        "replaces the container",
    ),
    Exemption(
        "Diff",
        "envs",
        "import-by-id-diff-plain",
        "an imported container keeps its variables if the program names none; the official plugin replaces "
        "it",
    ),
    Exemption(
        "Diff",
        "",
        "state-(without-(networkDatas|ports|envs|labels|mounts|entrypoints)|more-.*|no-labels|labels-null)-diff",
        "a state whose keys don't match the bridge's own (`__…`) is read; the process of the official "
        "plugin ends",
    ),
    Exemption(
        "Configure",
        "",
        "configure-(nothing|host-wrong-socket|host-tcp-refused|host-unknown-scheme)",
        "a preview continues if an engine does not answer; the official plugin fails at once",
    ),
    Exemption(
        "Configure",
        "",
        "image-login-address-only-(home|nowhere)-configure",
        "a missing docker config is an error only when a login is needed; the official plugin fails at once",
    ),
)


LIVED_OTHERWISE = {
    "(fail-bad-command|fail-wait-unhealthy|port-taken)-(again|free)": (
        "a resource that a failed or killed `up` has created from the same inputs is taken over; the "
        "official plugin fails because its name is in use"
    ),
    "life-port-two-addresses-refresh": "the ports are listed as the engine has them, in the inputs too",
}
"""Patterns of cases with an engine that end otherwise on purpose, and why."""


@dataclass(slots=True)
class Call:
    """One recorded call."""

    case: str
    method: str
    request: Values
    response: Values | None
    error: Values | None
    scenario: str
    step: int
    volatile: list[str] = field(default_factory=list)

    @property
    def token(self) -> str:
        """Type of its resource; empty for the provider."""
        return str(self.request.get("urn", "")).rpartition("::")[0].rpartition("::")[2].rpartition("$")[2]


def calls() -> Iterator[Call]:
    """Every recorded call, in the order of the files and of their lines."""
    for path in sorted(FOLDER.glob("*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            told = json.loads(line)
            told = {key: told.get(key) for key in Call.__dataclass_fields__ if key in told}
            yield Call(**told)


def pure(call: Call) -> bool:
    """True for a call that needs no engine."""
    return call.method in REQUESTS and (
        call.method not in ("Create", "Update") or bool(call.request.get("preview"))
    )


class AbortError(Exception):
    """Error of `context.abort`, as gRPC would raise it."""


class Context:
    """A gRPC context that keeps nothing."""

    def abort(self, code: Any, message: str) -> None:
        raise AbortError(message)


def stand_in(engine: Any) -> Servicer:
    """The four kinds over one engine, in this process."""
    kinds: dict[str, Kind] = {
        "docker:index/container:Container": Container(engine),
        "docker:index/network:Network": Network(engine),
        "docker:index/remoteImage:RemoteImage": RemoteImage(engine),
        "docker:index/volume:Volume": Volume(engine),
    }
    return Servicer(
        "5.2.0",
        lambda: Provider(kinds=kinds, check_configuration=check_configuration, configure=engine.configure),
    )


def ask(plugin: Servicer, method: str, request: Values) -> Values:
    """The stand-in's answer. Raises AbortError."""
    known = {key: value for key, value in request.items() if key != "randomSeed"}
    message = json_format.ParseDict(known, REQUESTS[method](), ignore_unknown_fields=True)
    answer: Values = json_format.MessageToDict(getattr(plugin, method)(message, Context()))
    return answer


def compare(plugin: Servicer, call: Call) -> tuple[Outcome, str]:
    """How the stand-in answers a call that needs no engine, and both answers if they differ."""
    wanted = call.response
    try:
        found = ask(plugin, call.method, call.request)
    except AbortError as error:
        found, wanted = {"error": str(error)}, call.response
    if call.error and ("error" in found or found.get("failures")):
        return Outcome.EQUAL, ""
    exemption = next((exception for exception in EXCEPTIONS if _fits(exception, call)), None)
    if wanted is not None and "error" not in found:
        expected, got = (normal(call, answer) for answer in (wanted, found))
        if expected == got:
            return Outcome.EQUAL, ""
        if exemption and exemption.property:
            expected, got = (_without(answer, exemption.property) for answer in (expected, got))
            if expected == got:
                return Outcome.EXCEPTED, exemption.reason
    elif exemption and not exemption.property:
        return Outcome.EXCEPTED, exemption.reason
    else:
        expected, got = {"error": call.error}, found
    if refused := _refused(plugin, call):
        return Outcome.REFUSED, ", ".join(sorted(refused))
    return Outcome.DIFFERENT, f"{call.case}: official {expected}, stand-in {got}"


def _fits(exemption: Exemption, call: Call) -> bool:
    return exemption.method == call.method and re.fullmatch(exemption.cases, call.case) is not None


def _refused(plugin: Servicer, call: Call) -> set[str]:
    """Inputs of the call that the stand-in's Check refuses, by the steps of their paths."""
    config = call.method in ("CheckConfig", "Configure", "DiffConfig")
    inputs = call.request.get("news") or call.request.get("args") or call.request.get("properties") or {}
    answer = ask(
        plugin,
        "CheckConfig" if config else "Check",
        {"urn": call.request.get("urn", ""), "news": inputs},
    )
    official = {_property(failure) for failure in (call.response or {}).get("failures", [])}
    return {_property(failure) for failure in answer.get("failures", [])} - official


def _property(failure: Values) -> str:
    """First step of a failure's path; the official plugin has it in the reason only."""
    match = re.search(r"Examine values at '[^.']*\.([^'.\[]*)", failure["reason"])
    return match[1] if match else re.split(r"[.\[]", failure["property"])[0]


def normal(call: Call, answer: Values) -> Any:
    """An answer without what may differ: order of sets, keys of the bridge, words of a failure."""
    schema = SCHEMAS.get(call.token, CONFIGURATION)
    if call.method in ("Check", "CheckConfig"):
        failing = {_property(failure) for failure in answer.get("failures", [])}
        return {"failures": sorted(failing)} if failing else {"inputs": kept(answer.get("inputs", {}))}
    if call.method in ("Diff", "DiffConfig"):
        return _normal_diff(schema, answer)
    if call.method == "Configure":
        return bool(answer.get("supportsPreview"))
    return in_order(schema, plain(answer.get("properties", {})))


def _normal_diff(schema: Schema, answer: Values) -> Values:
    kinds = {}
    for path, change in answer.get("detailedDiff", {}).items():
        name = re.split(r"[.\[]", path)[0]
        kind = change.get("kind", "ADD")
        is_set = name in schema and schema[name].type is Type.SET
        # The order of a set is a hash's: which of its entries changed how is known by their number only.
        kinds[name if is_set and path != name else path] = (
            "REPLACE" * kind.endswith("REPLACE") if is_set else kind
        )
    return {
        "changes": answer.get("changes"),
        "kinds": kinds,
        "replaces": sorted(set(answer.get("replaces", []))),
        "diffs": sorted(set(answer.get("diffs", []))),
        "stables": sorted(answer.get("stables", [])),
        "deletes first": answer.get("deleteBeforeReplace", False),
    }


def _without(diff: Values, name: str) -> Values:
    """A normal diff without one property, and what follows from it."""
    kinds = {path: kind for path, kind in diff["kinds"].items() if re.split(r"[.\[]", path)[0] != name}
    rest = {
        key: [replaced for replaced in diff[key] if replaced != name]
        for key in ("replaces", "diffs", "stables")
    }
    return {"kinds": kinds, **rest}


def plain(value: Any) -> Any:
    """A value without keys that begin with `__`; whole numbers as integers."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def kept(inputs: Values) -> Values:
    """Checked inputs without those that are null."""
    return {key: value for key, value in plain(inputs).items() if value is not None}


def in_order(schema: Schema, state: Values) -> Values:
    """A state with its sets in one order, at every depth."""
    result = dict(state)
    for name, one in schema.items():
        value = result.get(name)
        if isinstance(value, list) and one.parts:
            value = [in_order(one.parts, entry) for entry in value]
        if one.type is Type.OBJECT and isinstance(value, dict):
            value = in_order(one.parts, value)
        if one.type is Type.SET and isinstance(value, list):
            value = sorted(value, key=lambda entry: json.dumps(entry, sort_keys=True))
        if name in result:
            result[name] = value
    return result
