"""The simulation of tests/integration/test_simulation.py with many more seeds; about three minutes."""

from collections import Counter
from pathlib import Path

import pytest

from tests.integration.test_simulation import STEPS, Outcome, simulate
from tests.unit.test_handover import _clock

__all__ = ["_clock"]

SEEDS = range(1000, 1050)


def test_thousands_of_changes_faults_and_mistakes_lose_no_keys_of_a_wallet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clients.wallet_on_host.PAUSE", 0)
    counts = Counter[Outcome]()
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        counts += simulate(folder, seed, STEPS)
    print(*(f"{count:5} {', '.join(ended)}" for ended, count in counts.most_common()), sep="\n")
    assert counts.total() == len(SEEDS) * (STEPS + 1)
