"""Hooks for all tests: print the table of fault cases (tests/cases.py) at the end of a run."""

from typing import Any

import pytest

from tests.cases import CASES, table

CASE = "case"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Attach the numbers of its cases to each test's report; refuse unknown numbers."""
    for item in items:
        for mark in item.iter_markers(CASE):
            for number in mark.args:
                if number not in CASES:
                    raise pytest.UsageError(f"{item.nodeid}: there is no case {number}")
                item.user_properties.append((CASE, number))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table if any test of the run belongs to a case."""
    outcomes = [
        (tuple(str(number) for name, number in report.user_properties if name == CASE), outcome)
        for outcome in ("passed", "failed", "error", "skipped")
        for report in terminalreporter.stats.get(outcome, [])
        if hasattr(report, "user_properties")
    ]
    if any(numbers for numbers, _ in outcomes):
        terminalreporter.section("fault cases")
        for line in table(outcomes):
            terminalreporter.line(line)
