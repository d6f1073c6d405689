"""Tests that take too long for `make test`, on the end-to-end tests' machine; their outcomes are recorded."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from display.markdown import table
from tests.e2e.conftest import first_up, hosted, machine, missing, up

__all__ = ["first_up", "hosted", "machine", "up"]

HERE = Path(__file__).parent
LAST = HERE / "last.md"
HEADING = "# The last run of each test of `make soak`"
COLUMNS = ("test", "outcome", "minutes", "date", "cores", "commit")
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
    """Record this run's outcomes in tests/soak/last.md; a test that did not run keeps its row."""
    minutes: dict[str, float] = {}
    outcomes: dict[str, str] = {}
    for outcome in ("passed", "failed", "error", "skipped", ""):
        for report in terminalreporter.stats.get(outcome, []):
            name = report.nodeid.removeprefix("tests/soak/")
            minutes[name] = minutes.get(name, 0) + report.duration / 60
            if outcome and "/" not in name:
                outcomes[name] = outcome
    where = (f"{datetime.now(UTC):%Y-%m-%d}", f"{os.cpu_count()} × {platform.machine()}", _revision())
    ran = {name: (name, outcomes[name], f"{minutes[name]:.1f}", *where) for name in outcomes}
    if ran:
        rows = {row[0]: row for row in recorded() if exists(row[0])} | ran
        LAST.write_text("\n".join([HEADING, "", *table(COLUMNS, (rows[name] for name in sorted(rows))), ""]))


def recorded() -> list[tuple[str, ...]]:
    """Rows of tests/soak/last.md."""
    lines = LAST.read_text().splitlines()
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines if "::" in line]


def exists(name: str) -> bool:
    """Whether a test with this id, parameters aside, is still in this folder."""
    file, function = name.partition("[")[0].split("::")
    path = HERE / file
    return path.is_file() and f"\ndef {function}(" in path.read_text()


def _revision() -> str:
    command = ["git", "describe", "--always", "--dirty=, edited", "--exclude=*"]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True).stdout.strip()
