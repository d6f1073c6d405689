"""SECURITY.md and docs/promises.md: every line names a test, and these tests exist."""

import re

import pytest

from tests.unit.projects import PROJECT

PAGE = (PROJECT / "SECURITY.md").read_text()
PROMISES = (PROJECT / "docs" / "promises.md").read_text()


@pytest.mark.parametrize("page", [PAGE, PROMISES], ids=["security", "promises"])
def test_every_test_that_a_page_names_exists(page: str) -> None:
    named = set(re.findall(r"`(test_\w+)`", page))
    tests = {
        name
        for file in (PROJECT / "tests").rglob("test_*.py")
        for name in re.findall(r"^ *def (test_\w+)", file.read_text(), re.MULTILINE)
    }
    assert len(named) > 25
    assert not named - tests
    assert not [file for file in re.findall(r"`(tests/[\w/]+\.py)`", page) if not (PROJECT / file).is_file()]


def test_every_defence_and_promise_names_a_test() -> None:
    defended, promised = (
        [row for row in table.splitlines() if row.startswith("| ")][1:]
        for table in (PAGE.partition("## Defended")[2], PROMISES)
    )
    assert defended
    assert promised
    assert not [row for row in defended if "`test_" not in row]
    assert not [row for row in promised if "`test_" not in row and "`tests/" not in row]
