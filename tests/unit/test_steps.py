"""Report of the steps of a set-up."""

import re

import pytest

from local.machine.steps import SetupError, step


def test_a_step_in_another_is_indented_with_its_outcome(capsys: pytest.CaptureFixture[str]) -> None:
    with step("plugin") as outer:
        with step("compiler") as inner:
            inner.found = "made"
        outer.found = "installed"
    assert re.sub(r"[\d.]+ s", "S", capsys.readouterr().out).splitlines() == [
        "• plugin",
        "    • compiler",
        "        made (S)",
        "    installed (S)",
    ]


def test_a_step_after_one_that_failed_is_not_indented(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SetupError), step("plugin"):
        raise SetupError("no network")
    with step("compiler"):
        pass
    assert capsys.readouterr().out.splitlines()[:2] == ["• plugin", "• compiler"]
