"""Fleets under mocks: so many resources a host, in time that grows as their number does."""

import functools
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from mocks.engine import (
    DOCKER_PROVIDER,
    NETWORK,
    NODE_CONTAINER,
    PREFLIGHT,
    PROGRAM_VERSION,
    PULLED,
    STACK,
    STACK_REFERENCE,
    VOLUME,
)
from tests.unit.engine import Engine
from tests.unit.projects import RELEASE_STACK, published, run_program

FEW, MANY = 20, 200
A_HOST = {
    DOCKER_PROVIDER: 1,
    PREFLIGHT: 1,
    VOLUME: 2,
    NETWORK: 1,
    PULLED: 1,
    NODE_CONTAINER: 1,
    "skycoin:index:Node": 1,
}
"""Resources of a host with one node."""
A_STACK = {STACK: 1, STACK_REFERENCE: 1, PROGRAM_VERSION: 1}
WAVES: Mapping[str, Any] = {"first": "board-7", "waves": [1, 4]}
SLOWER = 3
"""Times that a resource of the large fleet may take of one of the small fleet: it was 1.8, and a program that
looked at every host for each host would take 10."""


def fleet(hosts: int) -> dict[str, Any]:
    names = [f"board-{number}" for number in range(hosts)]
    return {
        "images-from": RELEASE_STACK,
        "hosts": {name: {"engine": f"ssh://pi@{name}.lan", "arch": "arm64v8"} for name in names},
        "nodes": {name: {"image": "skycoin", "host": name} for name in names},
        "rollout": WAVES,
    }


@functools.cache
def deployed(hosts: int) -> tuple[Engine, float]:
    """The engine, and the processor's seconds that a resource took: other processes do not change them."""
    began = time.process_time()
    engine = run_program(Engine(stacks=published()), fleet(hosts))
    return engine, (time.process_time() - began) / len(engine.registered)


@pytest.mark.parametrize("hosts", [FEW, MANY])
def test_each_host_of_a_fleet_adds_the_same_resources(hosts: int) -> None:
    engine, _ = deployed(hosts)
    wanted = A_STACK | {type_: count * hosts for type_, count in A_HOST.items()}
    assert Counter(entry.type for entry in engine.registered) == wanted
    names = set(fleet(hosts)["hosts"])
    assert set(engine.exports()["nodes"]) == names
    assert {entry.provider.rpartition("::")[2] for entry in engine.all_of(VOLUME)} == names


def test_a_resource_of_two_hundred_hosts_takes_hardly_longer_than_one_of_twenty() -> None:
    (_, few), (_, many) = deployed(FEW), deployed(MANY)
    assert many <= SLOWER * few, f"{many / few:.2f} times"


def test_two_hundred_hosts_go_in_waves_and_none_waits_for_all_of_those_before() -> None:
    """Each waits for the nodes of one wave: 1, then 4, then 195."""
    engine, _ = deployed(MANY)
    containers = {entry.urn: entry for entry in engine.all_of(NODE_CONTAINER)}
    waits = Counter(len(entry.dependencies & containers.keys()) for entry in containers.values())
    assert waits == {0: 1, 1: 4, 4: 195}
