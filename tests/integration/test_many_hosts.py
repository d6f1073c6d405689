"""Fleets under mocks: a fixed number of resources per host, in time proportional to the number of hosts."""

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
"""Type → number of resources of a host with one node."""
A_STACK = {STACK: 1, STACK_REFERENCE: 1, PROGRAM_VERSION: 1}
WAVES: Mapping[str, Any] = {"first": "board-7", "waves": [1, 4]}
SLOWER = 5
"""Allowed ratio of the time per resource, large fleet to small.

It was 1.8 to 3.3, by the load of the machine; a program that looked at every host for each host would
reach 10.
"""


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
    """Return the engine, and the CPU seconds per resource, which other processes do not affect."""
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
    """A node waits only for the wave before its own: 4 nodes wait for the first one, and 195 for those 4."""
    engine, _ = deployed(MANY)
    containers = {entry.urn: entry for entry in engine.all_of(NODE_CONTAINER)}
    waits = Counter(len(entry.dependencies & containers.keys()) for entry in containers.values())
    assert waits == {0: 1, 1: 4, 4: 195}
