"""Text of hosts, nodes and build steps never commands the operator's terminal."""

import json

import pytest

from display.update import message
from fleet.answers import AnswerError, chain_and_disk
from fleet.nodes import Chain
from tests.unit.fleet_engine import DF, health, printed, progress

COMMANDS = [
    "\x1b]52;c;YmFk\x1b\\",  # fills the clipboard
    "\x1bc",  # resets the terminal
    "\x1b[>4;1m",
    "\x9b31m",
    "\x1b]0;title\x07",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_diagnostic_has_no_control_characters(command: str) -> None:
    said = message({"message": f"one{command}\n\ttwo\r\n"})
    assert said.startswith("one")
    assert said.endswith("\n\ttwo")
    assert said.replace("\n", "").replace("\t", "").isprintable()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_node_that_reports_a_version_of_control_characters_forges_no_row(command: str) -> None:
    report = json.loads(health())
    report["version"]["version"] = f"0.27.1{command}\nattic  ok"
    chain, _ = chain_and_disk(printed(json.dumps(report), progress(), DF))
    assert isinstance(chain, Chain)
    assert chain.version.startswith("0.27.1?")
    assert chain.version.isprintable()
    error, _ = chain_and_disk(printed(health(), f"wget: {command}", DF))
    assert isinstance(error, AnswerError)
    assert str(error).isprintable()
