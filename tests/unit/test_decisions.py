"""docs/adr: each decision has a title, a status and a row in the index."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from display.markdown import table
from tests.unit.projects import PROJECT

FOLDER = PROJECT / "docs" / "adr"
INDEX = FOLDER / "README.md"
HEAD = """# Decisions

Each record (ADR) says what was decided, which other ways there were, and what follows. A new one is
written from [template.md](template.md). `UPDATE_SNAPSHOTS=1 make unit` makes this list.
"""
STATUS = re.compile(
    r"Status: (?P<status>accepted|superseded(?: in part)? by ADR (?P<by>\d{4}))\. Date: \d{4}-\d\d-\d\d\.\n"
)


@dataclass(frozen=True, slots=True)
class Decision:
    """One ADR."""

    file: str
    title: str
    status: str
    superseded_by: str
    text: str

    @property
    def number(self) -> str:
        return self.file[:4]


def read(file: Path) -> Decision:
    text = file.read_text()
    title = re.match(r"# ADR (\d{4}): (.+)\n\n", text)
    assert title, f"{file.name}: its first line is not `# ADR NUMBER: TITLE`"
    assert title[1] == file.name[:4], f"{file.name}: its title has another number"
    status = STATUS.match(text, title.end())
    assert status, f"{file.name}: its third line is not a status as in template.md"
    return Decision(file.name, title[2], status["status"], status["by"] or "", text)


DECISIONS = [read(file) for file in sorted(FOLDER.glob("[0-9]*.md"))]


def index() -> str:
    rows = [
        [f"[{int(decision.number)}]({decision.file})", decision.title, re.sub(r"\b0+", "", decision.status)]
        for decision in DECISIONS
    ]
    return "\n".join([HEAD, *table(["ADR", "decision", "status"], rows), ""])


def test_the_index_lists_every_decision() -> None:
    if os.environ.get("UPDATE_SNAPSHOTS"):
        INDEX.write_text(index())
    assert INDEX.read_text() == index()


def test_no_number_is_missing() -> None:
    numbers = [int(decision.number) for decision in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("decision", DECISIONS, ids=[decision.number for decision in DECISIONS])
def test_a_decision_and_the_one_that_supersedes_it_name_each_other(decision: Decision) -> None:
    others = {decision.number: decision for decision in DECISIONS}
    if decision.superseded_by:
        assert f"ADR {decision.number}" in others[decision.superseded_by].text
    for number in re.findall(r"^Supersedes .*?ADR (\d{4})", decision.text, re.M):
        assert others[number].superseded_by == decision.number
