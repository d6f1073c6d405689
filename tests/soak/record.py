"""tests/soak/last.md: the last result of each test in this folder."""

import os
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from display.markdown import table

HERE = Path(__file__).parent
PAGE = HERE / "last.md"
HEADING = "# The last run of each test in `tests/soak`"
NONE = "not recorded yet"
"""Outcome of a test that has not run since results have been recorded."""
COLUMNS = ("test", "outcome", "minutes", "date", "cores", "commit")


def record(outcomes: Mapping[str, str], minutes: Mapping[str, float]) -> None:
    """Write the results of this run, by test; other tests keep their rows."""
    where = (f"{datetime.now(UTC):%Y-%m-%d}", f"{os.cpu_count()} × {platform.machine()}", revision())
    ran: dict[str, tuple[str, ...]] = {
        name: (name, outcome, f"{minutes[name]:.1f}", *where) for name, outcome in outcomes.items()
    }
    PAGE.write_text(text(recorded() | ran))


def text(rows: Mapping[str, Sequence[str]]) -> str:
    """Text of the page: a row for each test that has run, and one for each test that has not."""
    there = [*tests()]
    kept = {name: row for name, row in rows.items() if function_of(name) in there and row[1] != NONE}
    ran = {function_of(name) for name in kept}
    kept |= {name: (name, NONE, "", "", "", "") for name in there if name not in ran}
    return "\n".join([HEADING, "", *table(COLUMNS, (kept[name] for name in sorted(kept))), ""])


def recorded() -> dict[str, tuple[str, ...]]:
    """Read the page's rows, by test."""
    lines = [line for line in PAGE.read_text().splitlines() if "::" in line]
    rows = [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in lines]
    return {row[0]: row for row in rows}


def tests() -> Iterator[str]:
    """Yield FILE::FUNCTION of each test in this folder."""
    for path in sorted(HERE.glob("test_*.py")):
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE):
            yield f"{path.name}::{name}"


def function_of(name: str) -> str:
    """FILE::FUNCTION of a test, without its parameters."""
    return name.partition("[")[0]


def revision() -> str:
    """Commit of the checkout, and whether it has edits other than the pages that these tests write."""
    commit = _git("rev-parse", "--short=8", "HEAD")
    pages = [f":(exclude){path.name}" for path in HERE.glob("*.md")]
    return f"{commit}, edited" if _git("status", "--porcelain", "--", ":/", *pages) else commit


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True).stdout.strip()
