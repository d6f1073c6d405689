"""The simulation fails if the program is broken: each defect here breaks another promise about wallets.

Its error names the seed that replays it, all events up to the failure, and what must never happen.
"""

import re
from pathlib import Path

import pytest

from tests.integration import defects, test_simulation
from tests.integration.test_simulation import STEPS, simulate
from tests.integration.world import BrokenError
from tests.unit.test_handover import _clock

__all__ = ["_clock"]

SEEDS = range(10)
"""Seeds among which one must meet a defect; most defects are met by the first."""


def failure(root: Path) -> tuple[int, str]:
    """Return the first seed with which the simulation fails, and its message."""
    for seed in SEEDS:
        if message := run(root / f"{seed}", seed):
            return seed, message
    pytest.fail(f"no seed in {SEEDS} meets the defect")


def run(root: Path, seed: int) -> str:
    """Run the simulation; return the message of its failure, empty if there is none."""
    root.mkdir(parents=True)
    try:
        simulate(root, seed, STEPS)
    except BrokenError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("plant", "broken"),
    [
        pytest.param(defects.removal_with_volumes, r"keys are gone: \[", id="a lost wallet"),
        pytest.param(defects.no_copy, r"an update made a container and has not copied \[", id="no copy"),
        pytest.param(
            defects.no_copy_of_growth, r"an update with a refresh has not copied \[", id="no copy of growth"
        ),
        pytest.param(defects.no_guard_against_writers, r"two writers: \[", id="two writers"),
        pytest.param(
            defects.no_comparison, r"an update went on with a wallet that lacks \[", id="an empty wallet"
        ),
        pytest.param(
            defects.no_undo, r"an update without a fault has stopped (one|two): ", id="a stopped node"
        ),
        pytest.param(defects.printed_seeds, r"a seed has left its volume", id="a seed that leaves"),
    ],
)
def test_a_planted_defect_fails_with_the_seed_that_replays_it_and_all_events(
    plant: defects.Defect, broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clients.wallet_on_host.PAUSE", 0)
    plant(monkeypatch)
    seed, message = failure(tmp_path / "first")
    events = rf"(\w+ \([^)]*\), )*\w+, {broken}"
    assert re.match(rf"seed {seed}, {STEPS} steps: {events}", message), message
    assert run(tmp_path / "again", seed) == message, "the seed replays it"


def test_an_unexpected_error_names_the_seed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug of the program or of the simulation; with many seeds in one test, its own message names none."""

    def fail(_: object) -> None:
        raise KeyError("wallet")

    monkeypatch.setattr(test_simulation, "begin", fail)
    assert run(tmp_path / "first", 7) == f"seed 7, {STEPS} steps: KeyError('wallet')"
