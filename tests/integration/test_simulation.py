"""Changes of stacks, faults, and mistakes of people, in an order that a seed decides (world_events.py)."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.integration.world import BrokenError, Host, World
from tests.integration.world_engine import world_engines
from tests.integration.world_events import EVENTS, Event, Fleet, begin, mend
from tests.unit.test_handover import _clock

__all__ = ["_clock"]

STEPS, SEEDS = 60, range(4)
NO_FAULT = "none"

Outcome = tuple[str, str, str]
"""(event, fault that came at one of its calls to an engine, how it ended)."""


def simulate(root: Path, seed: int, steps: int) -> Counter[Outcome]:
    """Let events happen; counts of how they ended. Raises BrokenError with the seed and all that happened."""
    fleet = Fleet(World(world_engines(root)), seed)
    return play(fleet, fleet.chance.choices([*EVENTS], [*EVENTS.values()], k=steps), f"seed {seed}")


def play(fleet: Fleet, events: Sequence[Event], named: str) -> Counter[Outcome]:
    """Let these events happen, and a last `mend`; the error of a violation begins with a name."""
    engines = [*fleet.world.hosts.values()]
    told = list[str]()
    counts = Counter[Outcome]()
    try:
        begin(fleet)
        for event in (*events, mend):
            told.append(event.__name__)
            ended = event(fleet)
            fault = _fault(engines)
            told[-1] += f" ({ended})"
            counts[event.__name__, fault, ended] += 1
    except Exception as error:
        told.append(f"{error}" if isinstance(error, BrokenError) else repr(error))
        raise BrokenError(f"{named}, {len(events)} steps: {', '.join(told)}") from error
    return counts


def _fault(engines: Sequence[Host]) -> str:
    """Name of the fault that has come since the last call."""
    came = [str(fault) for engine in engines for fault in engine.came]
    for engine in engines:
        engine.came.clear()
    return came[0] if came else NO_FAULT


def test_make_test_lets_at_least_200_events_happen() -> None:
    assert STEPS * len(SEEDS) >= 200


@pytest.mark.case(35, 37, 39)
@pytest.mark.parametrize("seed", SEEDS)
def test_no_order_of_changes_faults_and_mistakes_loses_keys_of_a_wallet(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No wallet gets two writers, no empty one takes its place, and no seed leaves it.

    No node runs on a wallet that was moved away or belongs to another user, or on a newer version's database.

    A failure names its seed: `pytest -k "keys_of_a_wallet[SEED]"` repeats it, for any seed in SEEDS.
    """
    monkeypatch.setattr("clients.wallet_on_host.PAUSE", 0)
    counts = simulate(tmp_path, seed, STEPS)
    assert sum(counts.values()) == STEPS + 1
