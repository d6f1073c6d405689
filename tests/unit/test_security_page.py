"""SECURITY.md: what it calls tested is tested."""

import ast
import re

from tests.unit.projects import PROJECT

PAGE = (PROJECT / "SECURITY.md").read_text()


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    tests = {
        one.name
        for file in (PROJECT / "tests").rglob("test_*.py")
        for one in ast.walk(ast.parse(file.read_text()))
        if isinstance(one, ast.FunctionDef)
    }
    assert len(named) > 25
    assert not named - tests


def test_every_line_of_what_is_defended_names_a_test() -> None:
    rows = [row for row in PAGE.partition("## Defended")[2].splitlines() if row.startswith("| ")][1:]
    assert rows
    assert not [row for row in rows if "`test_" not in row]
