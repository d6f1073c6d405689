"""Tests that take too long for `make test`, on the end-to-end tests' machine; their outcomes are recorded."""

from pathlib import Path

import pytest

from tests.e2e.conftest import first_up, hosted, machine, missing, up
from tests.soak.record import record

__all__ = ["first_up", "hosted", "machine", "up"]

HERE = Path(__file__).parent
HOURS = 4
"""Time limit for one test with its fixtures: one of them builds all workspaces."""
MINUTES: dict[str, float] = {}
OUTCOMES: dict[str, str] = {}
"""Outcome by test in this run: `passed`, `failed`, `error` or `skipped`; MINUTES has the time so far."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fail, rather than skip, if the tests can't run here: users have asked for them by name."""
    if (reason := missing()) is not None:
        raise pytest.UsageError(f"the tier tests/soak can't run here: {reason}")
    # It reads what all other tests have published.
    items.sort(key=lambda item: item.path.name == "test_published_images.py")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(HOURS * 3600))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Record a test's outcome in tests/soak/last.md once it has ended: a run may be stopped after hours."""
    name = report.nodeid.removeprefix("tests/soak/")
    if "/" in name.partition("::")[0]:
        return
    MINUTES[name] = MINUTES.get(name, 0) + report.duration / 60
    if report.when == "call" or not report.passed:
        OUTCOMES[name] = "error" if report.failed and report.when != "call" else report.outcome
    if report.when == "teardown":
        record({name: OUTCOMES[name]}, MINUTES)
