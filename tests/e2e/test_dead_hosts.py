"""Hosts that do not answer: the rest of the stack is deployed, and they catch up at the next run."""

import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.boards import Board, start_board
from tests.e2e.machine import Machine, Result

MORE = 30
"""Seconds by which a dead host may delay the others."""


@pytest.fixture(scope="module")
def far(up: Machine) -> Iterator[Board]:
    board = start_board(up.layout, "cellar", 8)
    yield board
    board.end()


@pytest.fixture(scope="module")
def fleet(up: Machine, far: Board) -> Iterator[Machine]:
    """The stack with a second node, on a board; restored afterwards."""
    before = up.settings()
    node = {"image": "skycoin", "host": "far"}
    up.change(with_entries(before, hosts={"far": far.host}, nodes={"far": node}))
    result = up.make("up")
    assert result.code == 0, result.text
    yield up
    retired = up.make("retire", "NODE=far")
    assert retired.code == 0, retired.text
    up.change(before)
    result = up.make("up")
    assert result.code == 0, result.text


@pytest.fixture(scope="module")
def attic(up: Machine) -> Iterator[Board]:
    board = start_board(up.layout, "loft", 9)
    yield board
    board.end()


def with_entries(config: dict[str, Any], **sections: dict[str, Any]) -> dict[str, Any]:
    added = {f"skycoin:{name}": {**config[f"skycoin:{name}"], **more} for name, more in sections.items()}
    return {**config, **added}


def with_argument(config: dict[str, Any], argument: str) -> dict[str, Any]:
    nodes = {name: {**node, "args": [argument]} for name, node in config["skycoin:nodes"].items()}
    return {**config, "skycoin:nodes": nodes}


def timed_up(machine: Machine) -> tuple[Result, float]:
    began = time.monotonic()
    result = machine.make("up")
    return result, time.monotonic() - began


def more_than(alone: float, took: float, machine: Machine) -> float:
    """Seconds by which a run took longer; a slow run is repeated, since other tests run alongside."""
    if took > alone + MORE:
        took = min(took, timed_up(machine)[1])
    print(f"an up without a change: {alone:.1f} s; beside a host that does not answer: {took:.1f} s")
    return took - alone


def state_of(machine: Machine, host: str) -> dict[str, Any]:
    """Properties that skipped resources of a host keep in the state; Pulumi drops their empty lists."""
    exported = machine.pulumi("stack", "export", "--stack", "local")
    resources = json.loads(exported.text)["deployment"]["resources"]
    keys = [*("id", "inputs", "outputs", "protect", "retainOnDelete"), *("parent", "provider", "modified")]
    return {
        resource["urn"]: {key: resource.get(key) for key in keys}
        for resource in resources
        if resource.get("inputs", {}).get("host") == host
        or f"::pulumi:providers:docker::{host}::" in resource.get("provider", "")
        or resource["urn"].endswith(f"::pulumi:providers:docker::{host}")
    }


def named(urn: str) -> str:
    return urn.split("::", 2)[2]


def arguments_of(container: dict[str, Any]) -> list[str]:
    found: list[str] = container["Config"]["Cmd"]
    return found


def far_container(far: Board) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(far.docker("container", "inspect", "skycoin-far"))[0]
    return found


def rows(text: str) -> list[list[str]]:
    """Rows of the table at the end of a run: host, what runs there, result."""
    lines = text.splitlines()
    head = max(number for number, line in enumerate(lines) if line.startswith("HOST "))
    table = itertools.takewhile(bool, lines[head + 1 :])
    return [line.split(maxsplit=2) for line in table]


@pytest.mark.case(22)
def test_up_leaves_a_dead_host_out_and_catches_up_when_it_is_back(fleet: Machine, far: Board) -> None:
    settings = fleet.settings()
    all_alive, alone = timed_up(fleet)
    assert all_alive.code == 0, all_alive.text
    assert rows(all_alive.text) == [["here", "node-1", "unchanged"], ["far", "far", "unchanged"]]
    fleet.change(with_argument(settings, "-log-level=debug"))
    before = state_of(fleet, "far")
    assert len(before) > 6
    far.stop_sshd()
    try:
        result, _ = timed_up(fleet)
        assert result.code != 0
        assert "Error 4" in result.text, "make names the exit code of what it ran"
        refused = f"ssh: connect to host {far.address} port 22: Connection refused"
        reason = f"{far.engine} does not answer: {refused}"
        assert rows(result.text) == [["here", "node-1", "updated"], ["far", "far", f"skipped: {reason}"]]
        assert "`make up` catches up" in result.text
        assert "Traceback" not in result.text
        assert "-log-level=debug" in arguments_of(fleet.inspect("container", "skycoin-node-1"))
        assert state_of(fleet, "far") == before
        again, took = timed_up(fleet)
        assert "Error 4" in again.text
        assert more_than(alone, took, fleet) <= MORE
        assert state_of(fleet, "far") == before
    finally:
        far.start_sshd()
    assert "-log-level=debug" not in arguments_of(far_container(far))
    caught_up = fleet.make("up")
    assert caught_up.code == 0, caught_up.text
    assert rows(caught_up.text) == [["here", "node-1", "unchanged"], ["far", "far", "updated"]]
    assert "-log-level=debug" in arguments_of(far_container(far))
    assert json.loads(far.get("/api/v1/version", 6420))["version"] == "0.27.1"
    wallets = {urn: one["id"] for urn, one in state_of(fleet, "far").items() if urn.endswith("-wallet")}
    assert wallets == {urn: one["id"] for urn, one in before.items() if urn.endswith("-wallet")}
    fleet.change(settings)


@pytest.mark.case(22)
@pytest.mark.parametrize("options", [(), ("--refresh",)], ids=["", "refreshed"])
def test_plain_pulumi_names_a_dead_host_in_a_line_and_brings_the_rest_up(
    fleet: Machine, far: Board, options: tuple[str, ...]
) -> None:
    """Plain Pulumi used to end with the traceback of an interrupt, and a refresh failed as a whole."""
    settings = fleet.settings()
    argument = f"-log-level={'info' if options else 'error'}"
    fleet.change(with_argument(settings, argument))
    before = state_of(fleet, "far")
    far.stop_sshd()
    try:
        result = fleet.pulumi("up", "--yes", "--continue-on-error", "--stack", "local", *options)
        assert result.code != 0
        assert "Traceback" not in result.text
        assert "KeyboardInterrupt" not in result.text
        errors = [
            line for line in result.text.splitlines() if f"no Docker engine answers at {far.engine}" in line
        ]
        assert all("Connection refused" in line for line in errors)
        assert errors
        assert argument in arguments_of(fleet.inspect("container", "skycoin-node-1"))
        assert state_of(fleet, "far") == before
    finally:
        far.start_sshd()
        fleet.change(settings)


@pytest.mark.long
@pytest.mark.case(22)
def test_a_board_whose_link_or_engine_is_down_costs_its_time_limit_once(fleet: Machine, attic: Board) -> None:
    """The board's node was never created: the state holds only its host's provider, with the address."""
    settings = fleet.settings()
    for _ in range(2):  # the first may still undo another test's change
        result, alone = timed_up(fleet)
        assert result.code == 0, result.text
    node = {"image": "skycoin", "host": "attic"}
    fleet.change(with_entries(settings, hosts={"attic": attic.host}, nodes={"attic": node}))
    attic.unplug()
    try:
        result, took = timed_up(fleet)
        assert "Error 4" in result.text
        assert rows(result.text)[-1][:2] == ["attic", "attic"]
        assert "skipped" in rows(result.text)[-1][2]
        assert "timed out" in rows(result.text)[-1][2]
        assert more_than(alone, took, fleet) <= MORE
        assert [*map(named, state_of(fleet, "attic"))] == ["pulumi:providers:docker::attic"]
    finally:
        attic.plug()
    attic.kill_engine()
    try:
        result = fleet.skyinfra("fleet", "up", "-s", "local")
        assert result.code == 4, result.text
        assert "docker.sock: connect: connection refused" in rows(result.text)[-1][2]
        assert "\n  Start it on the host: `sudo systemctl enable --now docker`.\n" in result.text
        assert "`./skyinfra fleet up -s local` catches up" in result.text
    finally:
        attic.start_engine()
    stranger = {**attic.host, "ssh-options": ["-i", str(attic.folder / "host_key"), *attic.ssh_options[2:]]}
    fleet.change(with_entries(settings, hosts={"attic": stranger}, nodes={"attic": node}))
    try:
        result = fleet.skyinfra("fleet", "up", "-s", "local")
        assert result.code == 4, result.text
        assert "Permission denied" in rows(result.text)[-1][2]
        assert f"\n  Copy one there with `ssh-copy-id root@{attic.address}`" in result.text
        assert [*map(named, state_of(fleet, "attic"))] == ["pulumi:providers:docker::attic"]
    finally:
        fleet.change(settings)
    result = fleet.skyinfra("fleet", "up", "-s", "local")
    assert result.code == 0, result.text
    assert state_of(fleet, "attic") == {}
