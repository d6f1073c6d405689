"""The table of fault cases that ends a run."""

from tests.cases import CASES, table


def test_the_table_has_one_line_for_each_case_that_was_tried() -> None:
    outcomes = [(("13",), "passed"), (("9", "13"), "failed"), (("9",), "passed"), ((), "passed")]
    lines = table(outcomes)
    assert [line.split() for line in lines] == [
        ["9", *CASES[9].split(), "1", "failed,", "1", "passed"],
        ["13", *CASES[13].split(), "1", "failed,", "1", "passed"],
    ]


def test_a_run_without_cases_has_no_table() -> None:
    assert table([((), "passed")]) == []
