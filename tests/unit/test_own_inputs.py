"""Inputs of the project's own resources: components register what the provider accepts, and all of it.

They stand twice, in components/ and in providers/skycoin/, which must not import each other.
"""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from mocks.engine import OWN, Registered
from providers.kind import InputsAsState, Kind
from providers.skycoin.plugin import load
from providers.skycoin.retired import Retired
from tests.unit.engine import Engine
from tests.unit.projects import FILES, published, run_program, stack_settings, up, up_with
from tests.unit.yaml_like import DIGEST

Input = tuple[str, str]
"""(type of an own resource without `skycoin:index:`, name of its input)."""

UNCOMMITTED: Mapping[Input, str] = {
    ("NodeContainer", "pullFrom"): "hosts.NAME.pull-from",
    ("NodeContainer", "rollback"): "nodes.NAME.rollback",
    ("Preflight", "gui"): "nodes.NAME.gui",
    ("Preflight", "pullFrom"): "hosts.NAME.pull-from",
    ("Preflight", "user"): "nodes.NAME.user",
    ("PulledImage", "pullFrom"): "hosts.NAME.pull-from",
    ("WorkspacePreflight", "container"): "workspaces.NAME.open",
    ("WorkspacePreflight", "engine"): "workspaces.NAME.open",
    ("WorkspacePreflight", "folder"): "workspaces.NAME.open",
    ("WorkspacePreflight", "host"): "workspaces.NAME.open",
    ("WorkspacePreflight", "nestedEngine"): "workspaces.NAME.open",
    ("WorkspacePreflight", "sshOptions"): "workspaces.NAME.open",
}
"""Inputs that no committed stack registers, each with the setting that no committed stack has."""


@functools.cache
def served() -> Mapping[str, Kind]:
    """Kinds of the project's plugin, by type; nothing listens at that engine's address."""
    return load("127.0.0.1:1").kinds


def own(engine: Engine) -> Iterator[tuple[str, Registered]]:
    """Yield (type without its prefix, resource) of what the project's plugin serves."""
    for entry in engine.registered:
        if entry.custom and entry.type.startswith(OWN):
            yield entry.type.removeprefix(OWN), entry


def declared() -> set[Input]:
    return {
        (token.removeprefix(OWN), key)
        for token, kind in served().items()
        if isinstance(kind, InputsAsState)
        for key in kind.inputs
    }


def registered(*engines: Engine) -> set[Input]:
    return {(kind, key) for engine in engines for kind, entry in own(engine) for key in entry.inputs}


def with_other_settings() -> Iterator[Engine]:
    """Yield runs with the settings of UNCOMMITTED."""
    settings: dict[str, Any] = stack_settings(FILES["local"])
    settings["registries"]["hub"] = {"kind": "hub", "namespace": "skycoin"}
    settings["images"]["skycoin"]["registries"] = ["local", "hub"]
    settings["hosts"]["here"]["pull-from"] = "hub"
    back = {"digest": DIGEST, "reason": "stops.", "date": "2026-11-26T14:00:00Z"}
    settings["nodes"]["node-1"] |= {"user": "12000:12000", "rollback": back, "gui": True}
    yield run_program(Engine(stacks=published()), settings, "local")
    opening = {"host": "there", "folder": "/home/me/project", "dind": True}
    yield up_with(
        "workspace",
        hosts={"there": {"engine": "ssh://me@there.lan"}},
        workspaces={"cli": {"arches": ["amd64"], "dind": True, "open": opening}},
    )


@pytest.mark.parametrize("stack", FILES)
def test_the_provider_accepts_every_input_that_a_committed_stack_registers(stack: str) -> None:
    found = [*own(up(stack))]
    assert found
    assert {entry.type for _, entry in found} <= served().keys()
    assert registered(up(stack)) <= declared()
    for _, entry in found:
        # Given a state, a new tag is not looked up in its registry.
        checked = served()[entry.type].check(entry.name, {"tag": "in the state"}, entry.inputs)
        assert checked.failures == [], entry.name


def test_every_input_that_the_provider_has_is_registered_by_a_committed_stack_or_is_listed() -> None:
    committed = registered(*map(up, FILES))
    assert declared() - committed == UNCOMMITTED.keys()


def test_the_listed_inputs_are_registered_once_their_settings_are_there() -> None:
    assert UNCOMMITTED.keys() <= registered(*with_other_settings()) <= declared()


def test_every_kind_declares_its_inputs_but_one_that_is_only_removed() -> None:
    without = {token for token, kind in served().items() if not getattr(kind, "inputs", ())}
    assert without == {f"{OWN}WalletBackup"}
    assert isinstance(served()[f"{OWN}WalletBackup"], Retired)
