"""The table of fault cases, at the end of a test run and in the docs."""

import os

from local.machine.layout import PROJECT
from tests.cases import CASES, NOTHING, names_by_case, page, table


def test_a_run_ends_with_a_line_for_every_case() -> None:
    """Before, the table hid the cases that nothing tests."""
    outcomes = [(("13",), "passed"), (("9", "13"), "failed"), (("9",), "passed"), ((), "passed")]
    lines = table(outcomes)
    assert [int(line.split()[0]) for line in lines] == list(range(1, 49))
    assert lines[8].split() == ["9", *CASES[9].fault.split(), "1", "failed,", "1", "passed"]
    assert lines[12].endswith("1 failed, 1 passed")
    assert lines[13].endswith("not in this run")
    assert lines[39].endswith("(weak)")
    untried = {int(line.split()[0]) for line in lines if line.endswith(NOTHING)}
    assert untried == CASES.keys() - names_by_case().keys()


def test_the_page_of_faults_matches_the_tests() -> None:
    file = PROJECT / "docs" / "faults.md"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.write_text(page())
    assert file.read_text() == page()


def test_a_test_that_make_test_does_not_run_is_marked() -> None:
    [kills] = [line for line in page().splitlines() if line.startswith("- 1: ")]
    assert "`test_a_save_that_is_killed_always_leaves_one_complete_wallet`," in kills
    assert "`test_a_node_that_is_killed_while_it_saves_runs_again_with_all_its_wallets` (soak)" in kills


def test_a_case_is_weak_only_where_something_tries_it() -> None:
    assert not [number for number, case in CASES.items() if case.weak and number not in names_by_case()]
