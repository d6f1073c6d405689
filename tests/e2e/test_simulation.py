"""Changes of stacks, faults and mistakes of people on real engines, in an order that a seed decides.

What happens, and what never may, is written once for this test and for that of tests/integration, which has
far more events on a simulated engine. Here the engines, the nodes, their wallets and the power cuts are real.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.e2e.boards import Board, start_board
from tests.e2e.machine import Machine
from tests.e2e.real_world import RealHost, RealNode, RealWorld, prepare
from tests.integration import defects
from tests.integration.test_simulation import play
from tests.integration.world import CANARY, HOSTS, BrokenError, address
from tests.integration.world_events import EVENTS, STRANGER, Event, Fleet, mend

pytestmark = pytest.mark.long

SEED = "SKYCOIN_TEST_SEED"
"""Variable with another seed than DEFAULT: a failure prints its own."""
DEFAULT = 1
STEPS = 40
MOST_CALLS = 30
"""Requests that change something on an engine, among which an update's fault comes."""


@pytest.fixture(scope="module")
def boards(up: Machine) -> Iterator[list[Board]]:
    made = [start_board(up.layout, name, 94 + number) for number, name in enumerate(HOSTS)]
    yield made
    for board in made:
        board.end()


@pytest.fixture(scope="module")
def hosts(up: Machine, boards: list[Board], tmp_path_factory: pytest.TempPathFactory) -> dict[str, RealHost]:
    archive = tmp_path_factory.mktemp("image") / "image.tar"
    image = up.inspect("container", "skycoin-node-1")["Image"]
    assert up.docker("save", "-o", str(archive), image).code == 0
    return {board.name: prepare(board, archive) for board in boards}


def container_of_node(up: Machine) -> Any:
    """Inputs of the container of `make up`."""
    state = json.loads(up.pulumi("stack", "export", "--stack", "local").text)
    resources = state["deployment"]["resources"]
    return next(
        resource["inputs"]
        for resource in resources
        if resource["type"].endswith(":NodeContainer") and resource["inputs"]["name"] == "skycoin-node-1"
    )


def steps(fleet: Fleet) -> Sequence[Event]:
    """Events in random order, as often as in the simulation, but each at least once; every tenth mends."""
    others = {event: often for event, often in EVENTS.items() if event is not mend}
    more = fleet.chance.choices([*others], [*others.values()], k=STEPS * 9 // 10 - len(others))
    order = fleet.chance.sample([*others, *more], k=len(others) + len(more))
    return [event for at in range(0, len(order), 9) for event in (*order[at : at + 9], mend)]


@pytest.mark.case(35, 37, 39)
def test_no_order_of_changes_faults_and_mistakes_loses_a_wallet_on_real_engines(
    up: Machine, hosts: dict[str, RealHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The simulation's promises, of real wallets: none is lost, has two writers, or is empty unnoticed.

    A failure begins with `SKYCOIN_TEST_SEED=…`; with this in the environment, the test repeats it.
    """
    seed = int(os.environ.get(SEED, DEFAULT))
    monkeypatch.setattr(RealNode, "template", container_of_node(up), raising=False)
    fleet = Fleet(RealWorld(hosts), seed, RealNode, MOST_CALLS)
    counts = play(fleet, steps(fleet), f"{SEED}={seed}")
    print(f"{SEED}={seed}: {dict(counts)}")
    assert sum(counts.values()) == STEPS + 1
    assert {event for event, _, _ in counts} == {event.__name__ for event in EVENTS}
    seeds = {file for host in hosts.values() for file in host.files_with(CANARY)}
    assert seeds, "the wallets have them"
    assert seeds <= {file for host in hosts.values() for file in host.files_of_wallets()}


def changed(fleet: Fleet) -> str:
    node = fleet.nodes[0]
    node.wanted["command"] = ["-x=2"]
    return node.up()


def grown(fleet: Fleet) -> str:
    node = fleet.nodes[0]
    fleet.world.save(node.place, "mine.wlt", address(node.name, "grown"))
    return node.up(refresh=True)


def emptied(fleet: Fleet) -> str:
    node = fleet.nodes[0]
    node.up(refresh=True)  # the state gets to know its wallet
    fleet.world.put(node.place, {}, node.wanted["user"])
    return node.up(refresh=True)


def joined(fleet: Fleet) -> str:
    """A user runs an unrelated container on the wallet of a stopped node, which an `up` then starts."""
    node = fleet.nodes[0]
    node.engine.halt(node.running[0])
    node.engine.run_stranger(STRANGER, node.wallet)
    return node.up(refresh=True)


def cleared(hosts: dict[str, RealHost]) -> dict[str, RealHost]:
    """The hosts without containers and volumes."""
    for host in hosts.values():
        for box in [*host.boxes.values()]:
            host.drop(box)
        for volume in host.volumes_there:
            host.remove_volume(volume)
        host.violations.clear()
        host.heard.clear()
    return hosts


@pytest.mark.case(35, 37, 39)
@pytest.mark.parametrize(
    ("plant", "event", "expected"),
    [
        pytest.param(defects.no_copy, changed, r"an update made a container and has not copied \["),
        pytest.param(defects.no_copy_of_growth, grown, r"an update with a refresh has not copied \["),
        pytest.param(defects.no_comparison, emptied, r"an update went on with a wallet that lacks \["),
        pytest.param(defects.no_guard_against_writers, joined, r"two writers: \["),
        pytest.param(defects.printed_seeds, grown, r"a seed has left its volume"),
    ],
)
def test_a_planted_defect_is_found_on_real_engines(
    up: Machine,
    hosts: dict[str, RealHost],
    monkeypatch: pytest.MonkeyPatch,
    plant: defects.Defect,
    event: Event,
    expected: str,
) -> None:
    monkeypatch.setattr(RealNode, "template", container_of_node(up), raising=False)
    fleet = Fleet(RealWorld(cleared(hosts)), DEFAULT, RealNode)
    with pytest.raises(BrokenError) as found:
        play_with(plant, fleet, event, monkeypatch)
    assert re.search(rf"{event.__name__}, {expected}", str(found.value)), found.value


def play_with(plant: defects.Defect, fleet: Fleet, event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apply one event to deployed nodes, with the defect planted in the program."""

    def planted(fleet: Fleet) -> str:
        plant(monkeypatch)
        return event(fleet)

    planted.__name__ = event.__name__
    play(fleet, [planted], "one event")
