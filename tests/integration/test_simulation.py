"""Changes of stacks, faults, and mistakes of people, in an order that a seed decides (world_events.py)."""

from collections import Counter
from pathlib import Path

import pytest

from tests.integration.world import BrokenError, World
from tests.integration.world_events import EVENTS, Fleet, begin, mend
from tests.unit.test_handover import _clock

__all__ = ["_clock"]

STEPS, SEEDS = 60, range(4)


def simulate(root: Path, seed: int, steps: int) -> Counter[str]:
    """Let events happen; counts of how they ended. Raises BrokenError with the seed and all that happened."""
    fleet = Fleet(World(root), seed)
    told = list[str]()
    counts = Counter[str]()
    begin(fleet)
    for event in (*fleet.chance.choices([*EVENTS], [*EVENTS.values()], k=steps), mend):
        told.append(event.__name__)
        try:
            ended = event(fleet)
        except BrokenError as error:
            told.append(f"{error}")
            raise BrokenError(f"seed {seed}, {steps} steps: {', '.join(told)}") from error
        told[-1] += f" ({ended})"
        counts[f"{event.__name__}: {ended}"] += 1
    return counts


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
