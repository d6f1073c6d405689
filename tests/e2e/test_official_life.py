"""The stand-in treats a real engine as the official docker plugin does: recorded scenarios are replayed.

In these scenarios, nothing else changes the engine, and no image needs a registry.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf import json_format
from google.rpc import status_pb2
from pulumi.runtime.proto import provider_pb2

from clients.engine import Engine
from providers.kind import Values
from providers.servicer import Servicer
from tests.e2e.plugin import IMAGE, OTHER_ENGINE, socket_of, started_engine
from tests.official.answers import (
    LIVED_OTHERWISE,
    REQUESTS,
    SCHEMAS,
    AbortError,
    Call,
    Context,
    Outcome,
    calls,
    compare,
    in_order,
    normal,
    plain,
    stand_in,
)

IMAGES: dict[str, Values] = {
    "tiny:1": {"Cmd": ["sleep", "600"]},
    "tiny:2": {"Cmd": ["sleep", "600"], "Labels": {"version": "2"}},
    "rich:1": {
        "Entrypoint": ["/bin/sh"],
        "Cmd": ["-c", "while :; do sleep 1; done"],
        "Env": ["MODE=image", "PATH=/bin"],
        "User": "1000:1000",
        "WorkingDir": "/data",
        "Labels": {"role": "from-image"},
        "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 10**9, "Timeout": 2 * 10**9, "Retries": 2},
        "StopSignal": "SIGINT",
    },
}
"""Configurations of the images that the recordings use."""
REGISTRY_IMAGE = "127.0.0.1:5000/team/app@sha256:<digest-app-1>"
"""Image in recordings for which these tests use tiny:1."""
VOLATILE = (".ipPrefixLength", ".bridge")
"""Values that depend on the configuration of the engine."""
PLAYED = re.compile(r"(life|fail|update|base|network|volume)-.*|replace|delete-without-volumes|port-taken")
HANDS = re.compile(
    "life-image-(by-id|pulled)|fail-image-needs-login|network-(import|removed|name-conflict|delete).*"
    "|volume-(delete|adopted|in-use|removed).*|update-(must-run|mounts)|base-workspace|life-must-run-.*exits"
)
"""Scenarios in which somebody else acts, two things race, or something is needed that is missing here."""
ON_ANOTHER_ENGINE = {
    "life-port-two-addresses": [
        "life-port-two-addresses Create properties.ports.0.ip: official 127.0.0.2, stand-in 127.0.0.1",
        "life-port-two-addresses Create properties.ports.1.ip: official 127.0.0.1, stand-in 127.0.0.2",
    ],
}
"""Scenario → possible differences on a newer Docker.

28 and 29, unlike 20.10 and 26, list a port's addresses in the given order.
"""
RECORDED_PORT, FREE_PORT = 6420, 16449
"""Port of this machine in the recordings, which a running node of `make up` has, and the tests' own."""
METHODS = {**REQUESTS, "Read": provider_pb2.ReadRequest, "Delete": provider_pb2.DeleteRequest}


def scenarios() -> dict[str, list[Call]]:
    """Recorded scenarios that can be replayed, by name: those with inputs that the stand-in supports."""
    grouped = itertools.groupby(map(on_free_port, calls()), key=lambda call: call.scenario)
    found = {name: list(group) for name, group in grouped}
    asked = stand_in(Engine())
    return {
        name: [call for call in group if not call.request.get("preview")]
        for name, group in found.items()
        if PLAYED.fullmatch(name)
        and not HANDS.fullmatch(name)
        and any(call.method == "Create" for call in group)
        and not any(compare(asked, call)[0] is Outcome.REFUSED for call in group if call.method == "Check")
    }


def on_free_port(call: Call) -> Call:
    """Exchange the recorded port of this machine, in all that the call and its answer say of ports."""
    return replace(call, request=_exchanged(call.request), response=_exchanged(call.response))


def _exchanged(value: Any) -> Any:
    if isinstance(value, list):
        return [_exchanged(part) for part in value]
    if not isinstance(value, dict):
        return value
    moved = {"external": FREE_PORT} if value.get("external") == RECORDED_PORT else {}
    return {key: _exchanged(part) for key, part in value.items()} | moved


SCENARIOS = scenarios()


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    with started_engine() as client:
        template = client.api.create_container(IMAGE, "true")["Id"]
        for name, config in IMAGES.items():
            repository, _, tag = name.partition(":")
            client.api.commit(template, repository, tag, conf=config)
        client.api.remove_container(template)
        yield client


@pytest.fixture(scope="module")
def plugin(engine: Any) -> Servicer:
    configured = Engine()
    configured.configure({"host": socket_of(engine)})
    return stand_in(configured)


class Play:
    """A replayed scenario: the recording compared with the stand-in."""

    def __init__(self, plugin: Servicer) -> None:
        self._plugin = plugin
        self._ours: dict[str, Values] = {}
        self._volatile: set[str] = set()
        self._found: list[str] = []

    @property
    def differences(self) -> list[str]:
        """Lines that describe differences, except those of values that vary from run to run."""
        return [
            line for line in self._found if not line.partition(":")[0].endswith((*VOLATILE, *self._volatile))
        ]

    def call(self, call: Call) -> None:
        """Replay one call."""
        places = [pointer.partition("/properties/")[2] for pointer in call.volatile]
        self._volatile |= {f".{place.replace('/', '.')}" for place in places if place}
        request = self._request(call)
        context = Witness()
        try:
            message = json_format.ParseDict(request, METHODS[call.method](), ignore_unknown_fields=True)
            answer: Values = json_format.MessageToDict(getattr(self._plugin, call.method)(message, context))
            error = None
        except AbortError as raised:
            answer, error = {}, str(raised)
        self._keep(call, answer, context.kept)
        self._compare(call, answer, error, context.kept)

    def _request(self, call: Call) -> Values:
        request: Values = local(
            plain({key: value for key, value in call.request.items() if key != "randomSeed"})
        )
        ours = self._ours.get(call.request["urn"])
        if ours and call.method in ("Read", "Update", "Delete", "Diff"):
            request |= {key: ours[place] for key, place in _KEPT.items() if key in request}
        return request

    def _keep(self, call: Call, answer: Values, kept: Values | None) -> None:
        made = kept or answer
        if call.method == "Check":
            self._ours.setdefault(call.request["urn"], {})["news"] = answer["inputs"]
        elif made.get("properties") is not None:
            ours = self._ours[call.request["urn"]]
            ours["state"] = made["properties"]
            ours["id"] = made.get("id", ours.get("id"))
            ours["inputs"] = made.get("inputs", ours["news"])

    def _compare(self, call: Call, answer: Values, error: str | None, kept: Values | None) -> None:
        wanted = call.response or {}
        if call.error:
            [wanted] = call.error.get("details") or [{}]
            answer = kept or {}
        if (bool(error), bool(kept)) != (bool(call.error), bool(call.error and wanted)):
            found = error or "no error"
            self._found.append(f"{call.case} {call.method}: official {call.error}, stand-in {found}")
        elif call.method == "Diff":
            expected, got = normal(call, wanted), normal(call, answer)
            self._found += unlike(f"{call.case} Diff", expected, got)
        elif call.method != "Check":
            parts = [part for part in ("properties", "inputs") if part in wanted]
            for part in parts:
                expected, got = (
                    in_order(SCHEMAS[call.token], plain(properties.get(part, {})))
                    for properties in (wanted, answer)
                )
                self._found += unlike(f"{call.case} {call.method} {part}", local(expected), got)


_KEPT = {
    "id": "id",
    "properties": "state",
    "olds": "state",
    "inputs": "inputs",
    "oldInputs": "inputs",
    "old_inputs": "inputs",
}
"""Field of a request → the stand-in's own value to put there."""


class Witness(Context):
    """A gRPC context that records the resource of a failed operation."""

    def __init__(self) -> None:
        self.kept: Values | None = None

    def set_trailing_metadata(self, metadata: Any) -> None:
        failed = provider_pb2.ErrorResourceInitFailed()
        assert (
            status_pb2.Status.FromString(dict(metadata)["grpc-status-details-bin"]).details[0].Unpack(failed)
        )
        self.kept = json_format.MessageToDict(failed)


def local(value: Any) -> Any:
    """Replace the recorded image in a value by the one used here."""
    if isinstance(value, dict):
        return {key: local(part) for key, part in value.items()}
    if isinstance(value, list):
        return [local(part) for part in value]
    return "tiny:1" if value == REGISTRY_IMAGE else value


def unlike(place: str, expected: Any, got: Any) -> list[str]:
    """List the places where two values differ; a placeholder matches any value of its form."""
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        return unlike(place, dict(enumerate(expected)), dict(enumerate(got)))
    if isinstance(expected, dict) and isinstance(got, dict):
        keys = sorted({*expected, *got}, key=str)
        pairs = [(key, expected.get(key, "-"), got.get(key, "-")) for key in keys]
        return [line for key, one, other in pairs for line in unlike(f"{place}.{key}", one, other)]
    if isinstance(expected, str) and isinstance(got, str) and "<" in expected:
        pattern = re.sub(r"<[^>]*>", ".+", re.escape(expected))
        return [] if re.fullmatch(pattern, got) else [f"{place}: official {expected}, stand-in {got}"]
    if place.endswith((".ipPrefixLength", ".bridge")) or expected == got:
        return []
    return [f"{place}: official {expected}, stand-in {got}"]


@pytest.fixture(autouse=True)
def emptied(engine: Any, request: pytest.FixtureRequest) -> Iterator[None]:
    """Give each scenario the node's network, and remove afterwards what it has created."""
    if "network-life" not in request.node.name:
        engine.networks.create("skycoin-node-1")
    yield
    for container in engine.containers.list(all=True):
        container.remove(force=True)
    engine.networks.prune()


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.case(46)
def test_a_scenario_ends_as_with_the_official_plugin(plugin: Servicer, name: str) -> None:
    play = Play(plugin)
    for call in SCENARIOS[name]:
        if any(re.fullmatch(pattern, call.case) for pattern in LIVED_OTHERWISE):
            break
        play.call(call)
    known = ON_ANOTHER_ENGINE.get(name, []) if OTHER_ENGINE and play.differences else []
    assert "\n".join(play.differences) == "\n".join(known)


def test_the_number_of_scenarios_of_each_kind_is_the_expected_one() -> None:
    """Otherwise, a pattern that matches too little would pass unnoticed."""
    assert Counter(name.partition("-")[0] for name in SCENARIOS) == {
        "base": 5,
        "delete": 1,
        "fail": 15,
        "life": 14,
        "network": 12,
        "port": 1,
        "replace": 1,
        "update": 7,
        "volume": 2,
    }
