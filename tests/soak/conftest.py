"""Tests that take too long for `make test`, on the end-to-end tests' machine; their outcomes are recorded."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import first_up, hosted, machine, missing, up
from tests.soak.record import record

__all__ = ["first_up", "hosted", "machine", "up"]

HERE = Path(__file__).parent
HOURS = 4
"""Time limit for one test with its fixtures: one of them builds all workspaces."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fail, rather than skip, if the tests can't run here: users have asked for them by name."""
    if (reason := missing()) is not None:
        raise pytest.UsageError(f"the tier tests/soak can't run here: {reason}")
    # It reads what all other tests have published.
    items.sort(key=lambda item: item.path.name == "test_published_images.py")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(HOURS * 3600))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Record this run's outcomes in tests/soak/last.md."""
    minutes: dict[str, float] = {}
    outcomes: dict[str, str] = {}
    for outcome in ("passed", "failed", "error", "skipped", ""):
        for report in terminalreporter.stats.get(outcome, []):
            name = report.nodeid.removeprefix("tests/soak/")
            minutes[name] = minutes.get(name, 0) + report.duration / 60
            if outcome and "/" not in name.partition("::")[0]:
                outcomes[name] = outcome
    if outcomes:
        record(outcomes, minutes)
