"""The stand-in docker plugin answers as the official one does: recorded calls, replayed without an engine."""

import json
import os
from collections import Counter
from textwrap import wrap
from typing import Any

import pytest

from clients.engine import Engine
from local.machine.layout import PROJECT
from providers.kind import Values
from providers.servicer import Servicer
from tests.official.answers import (
    EXCEPTIONS,
    FOLDER,
    LIVED_OTHERWISE,
    SCHEMAS,
    AbortError,
    Call,
    Outcome,
    ask,
    calls,
    compare,
    plain,
    pure,
    stand_in,
)

PAGE = PROJECT / "docs" / "docker-plugin.md"
PAGE_HEAD = """\
# The stand-in docker plugin compared with the official one

Where the official docker plugin has no recorded checksum, or can't be downloaded, a stand-in serves
its Container, Network, RemoteImage and Volume (ADR 2). The tests give it the calls of
[recordings](../tests/official/README.md) of the official plugin, and
compare its answers with the recorded ones. `UPDATE_SNAPSHOTS=1 make integration` makes this page.

## Answers that need no engine

The table counts calls:

- *equal*: both answer with the same failures, inputs, states, changes and property paths. Nulls among
  inputs, the keys of Pulumi's Terraform bridge (they begin with `__`) and the order of sets are not
  compared.
- *refused*: the stand-in does not support an input of the call, and its answer says which. No setting of
  a stack leads to such an input.
- *exception*: the answers differ on purpose, for one of the reasons [below](#exceptions).

| kind | method | equal | refused | exception |
|---|---|---|---|---|
"""
PAGE_EXCEPTIONS = """

## Answers that need an engine

`tests/e2e/test_official_life.py` repeats 58 recorded scenarios (378 calls) on a real engine. What is
created, read, updated and deleted has the recorded keys and values, except for values that differ from
run to run. If a call fails, the resource stays in the state if the official plugin keeps it there.

Every `make e2e` runs this on Debian 12's engine (20.10.24), and every `make soak` on Docker 26.1.5, 27.5.0
and 28.5.2 and on Moby 2.0.0-beta.24 (API 1.56), all with containerd 2.4.2 and runc 1.5.2. Two differences
of Moby are allowed for: it reports a gateway for a network whose subnet is given, and it lists the addresses
of a port in the given order.
[tested-on.md](tested-on.md) says what else has been run on which engine.

## Exceptions

"""
PAGE_REFUSED = """
## Inputs that are refused

- All kinds: an input that the kind does not have; an input under Terraform's name (`network_mode`); a
  missing `name`, which the official plugin would make up; a number in a map of strings.
- Provider: a login in `registryAuth`, which belongs in the docker config; certificates and contexts.
- Container: `wait` without a `healthcheck`, and the inputs in the next item.
"""


class ClosedEngine(Engine):
    """An engine that must not be called."""

    def client(self) -> Any:
        raise AssertionError("the engine was asked")


@pytest.fixture(scope="module")
def plugin() -> Servicer:
    return stand_in(ClosedEngine())


@pytest.fixture(scope="module")
def outcomes(plugin: Servicer) -> list[tuple[Call, Outcome, str]]:
    return [(call, *compare(plugin, call)) for call in calls() if pure(call)]


@pytest.mark.case(46)
def test_no_recorded_answer_of_the_official_plugin_differs_without_a_named_exception(
    outcomes: list[tuple[Call, Outcome, str]],
) -> None:
    """Plugins that answer alike can take over each other's states."""
    assert [words for _, outcome, words in outcomes if outcome is Outcome.DIFFERENT] == []


def test_every_exception_has_a_case(outcomes: list[tuple[Call, Outcome, str]]) -> None:
    """An exception that no recording needs any more would hide the next difference."""
    used = {words for _, outcome, words in outcomes if outcome is Outcome.EXCEPTED}
    assert used == {exception.reason for exception in EXCEPTIONS}


def test_no_input_of_the_program_is_refused(outcomes: list[tuple[Call, Outcome, str]]) -> None:
    """Only inputs that no setting produces are refused, such as no name, or `wait` with no health check."""
    refused = {
        (call.token, name)
        for call, outcome, words in outcomes
        if outcome is Outcome.REFUSED
        for name in words.split(", ")
    }
    served = {
        name
        for token, name in refused
        if token in SCHEMAS and name in SCHEMAS[token] and SCHEMAS[token][name].supported
    }
    assert served == {"name", "wait", "healthcheck", "mounts", "logOpts", "driverOpts", "triggers"}


@pytest.mark.parametrize("states", ["", "-with-swap"])
@pytest.mark.parametrize("kind", ["up", "refreshed"])
def test_a_preview_over_a_recorded_state_equals_that_of_the_official_plugin(
    plugin: Servicer, kind: str, states: str
) -> None:
    answers = json.loads((FOLDER / f"state-answers{states}.json").read_text())
    known = {
        answer["resource"]: answer[f"diff_after_{'refresh' if kind == 'refreshed' else kind}"]
        for answer in answers
    }
    seen = {}
    for resource in json.loads((FOLDER / f"state-{kind}{states}.json").read_text())["deployment"][
        "resources"
    ]:
        if resource["type"] in SCHEMAS:
            name = resource["urn"].rpartition("::")[2]
            seen[name] = _diff(plugin, resource).get("detailedDiff", {})
    assert seen == {name: answer.get("detailedDiff", {}) for name, answer in known.items()}
    assert any(seen.values()) == (states == "")


def _diff(plugin: Servicer, resource: Values) -> Values:
    checked = ask(plugin, "Check", {"urn": resource["urn"], "news": plain(resource["inputs"])})
    request = {
        "urn": resource["urn"],
        "id": resource["id"],
        "olds": resource["outputs"],
        "news": checked["inputs"],
    }
    return ask(plugin, "Diff", request | {"oldInputs": resource["inputs"]})


def test_a_type_that_is_not_served_is_named_with_those_that_are(plugin: Servicer) -> None:
    with pytest.raises(
        AbortError, match="resource type docker:index/service:Service is not served"
    ) as aborted:
        ask(
            plugin, "Check", {"urn": "urn:pulumi:local::skycoin::docker:index/service:Service::x", "news": {}}
        )
    assert all(token in str(aborted.value) for token in SCHEMAS)


def test_the_page_of_the_docker_plugin_matches_the_replay(
    outcomes: list[tuple[Call, Outcome, str]],
) -> None:
    text = _page(outcomes)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        PAGE.write_text(text)
    assert PAGE.read_text() == text


def _page(outcomes: list[tuple[Call, Outcome, str]]) -> str:
    counts: dict[tuple[str, str], Counter[Outcome]] = {}
    for call, outcome, _ in outcomes:
        kind = call.token.rpartition(":")[2] if call.token in SCHEMAS else "provider"
        method = f"{call.method}, preview" if call.method in ("Create", "Update") else call.method
        counts.setdefault((kind, method), Counter())[outcome] += 1
    shown = (Outcome.EQUAL, Outcome.REFUSED, Outcome.EXCEPTED)
    rows = [
        f"| {kind} | {method} | {' | '.join(str(found[outcome]) for outcome in shown)} |"
        for (kind, method), found in sorted(counts.items())
    ]
    unserved = {
        token.rpartition(":")[2]: [
            name for name, one in sorted(schema.items()) if one.settable and not one.supported
        ]
        for token, schema in SCHEMAS.items()
    }
    text = PAGE_HEAD + "\n".join(rows) + PAGE_EXCEPTIONS
    for exception in EXCEPTIONS:
        subject = f"`{exception.property}`" if exception.property else "the whole answer"
        item = f"- {exception.method}, {subject}: {exception.reason}."
        text += "\n".join(wrap(item, 110, subsequent_indent="  ")) + "\n"
    for reason in LIVED_OTHERWISE.values():
        text += "\n".join(wrap(f"- With an engine: {reason}.", 110, subsequent_indent="  ")) + "\n"
    text += PAGE_REFUSED
    for kind, names in unserved.items():
        listed = ", ".join(f"`{name}`" for name in names)
        text += "\n".join(wrap(f"- {kind}: {listed}.", 110, subsequent_indent="  ")) + "\n"
    return text
