"""A rollout over two boards: a change must work on the first before it reaches the second."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.boards import Board, start_board
from tests.e2e.machine import Machine
from tests.e2e.test_dead_hosts import with_argument, with_entries

QUIET = "-log-level=warn"


@pytest.fixture(scope="module")
def boards(up: Machine) -> Iterator[tuple[Board, Board]]:
    first, second = start_board(up.layout, "scout", 11), start_board(up.layout, "barn", 12)
    yield first, second
    first.end()
    second.end()


@pytest.fixture(scope="module")
def fleet(up: Machine, boards: tuple[Board, Board]) -> Iterator[Machine]:
    """A node on each board; `scout` comes first, though its name is last in order."""
    before = up.settings()
    hosts = {board.name: {**board.host, "arch": "amd64"} for board in boards}
    nodes = {board.name: {"image": "skycoin", "host": board.name, "wait": 60} for board in boards}
    wanted = with_entries(before, hosts=hosts, nodes=nodes)
    up.change({**wanted, "skycoin:rollout": {"first": "scout", "waves": [1]}})
    result = up.make("up")
    assert result.code == 0, result.text
    yield up
    for name in nodes:
        retired = up.make("retire", f"NODE={name}")
        assert retired.code == 0, retired.text
    up.change(before)
    result = up.make("up")
    assert result.code == 0, result.text


def node_on(board: Board) -> tuple[str, str]:
    """(id, arguments) of the running node on a board."""
    said = board.docker(
        "inspect", "-f", "{{.Id}} {{.State.Running}} {{.Config.Cmd}}", f"skycoin-{board.name}"
    )
    identity, running, command = said.strip().split(" ", 2)
    assert running == "true"
    return identity, command


@pytest.mark.case(39)
def test_a_change_that_fails_on_the_first_board_reaches_no_other(
    fleet: Machine, boards: tuple[Board, Board]
) -> None:
    before: dict[str, Any] = fleet.settings()
    was = [node_on(board) for board in boards]
    fleet.change(with_argument(before, "-max-connections=many"))
    try:
        failed = fleet.make("up")
    finally:
        fleet.change(before)
    assert failed.code != 0
    assert 'invalid value "many" for flag -max-connections' in failed.text
    assert "The old container skycoin-scout was restored unchanged" in failed.text
    assert [node_on(board) for board in boards] == was
    again = fleet.make("up")
    assert again.code == 0, again.text


@pytest.mark.long
def test_a_dead_first_board_does_not_stop_the_next_wave(fleet: Machine, boards: tuple[Board, Board]) -> None:
    scout, barn = boards
    was = node_on(scout)
    fleet.change(with_argument(fleet.settings(), QUIET))
    scout.stop_sshd()
    try:
        part = fleet.make("up")
    finally:
        scout.start_sshd()
    assert part.code == 2, "make's own; the command's is 4"
    assert "host scout is skipped" in part.text
    assert QUIET in node_on(barn)[1]
    assert node_on(scout) == was
    caught_up = fleet.make("up")
    assert caught_up.code == 0, caught_up.text
    assert QUIET in node_on(scout)[1]
    unchanged = fleet.pulumi(
        "preview", "--refresh", "--expect-no-changes", "--run-program", "--stack", "local"
    )
    assert unchanged.code == 0, unchanged.text
