"""The table of boards: what follows from a board's memory and processor, and the page that shows it."""

import os
import re

import pytest

from catalogue.arch import ARCHES
from catalogue.boards import BOARDS, SERVER, SOURCES, Board
from display.markdown import table
from local.machine.layout import PROJECT
from settings.host import HostSettings

PAGE = PROJECT / "docs" / "boards.md"
BEGIN, END = "<!-- The table is made from catalogue/boards.py. -->\n", "<!-- The end of the table. -->\n"


@pytest.mark.parametrize("name", BOARDS)
def test_a_boards_limits_follow_from_its_memory(name: str) -> None:
    board = BOARDS[name]
    hardware = board.hardware
    assert hardware is not None
    assert board.memory == hardware.memory * 3 // 4
    assert board.memory_reservation == hardware.memory // 2
    assert board.go_memory_limit is not None
    assert 0.88 < board.go_memory_limit / board.memory <= 0.9
    assert hardware.source in SOURCES


@pytest.mark.parametrize("name", BOARDS)
def test_a_boards_variants_are_rows_of_the_table(name: str) -> None:
    board = BOARDS[name]
    assert board.hardware is not None
    assert board.arch in board.hardware.arches
    assert set(board.hardware.arches) <= ARCHES.keys()
    assert HostSettings(engine="local", board=name).variant == board.arch


@pytest.mark.parametrize("name", BOARDS)
def test_up_waits_at_least_as_long_as_a_board_may_take_to_start(name: str) -> None:
    board = BOARDS[name]
    parts = re.fullmatch(r"(\d+)m(\d+)s", board.start_period)
    assert parts is not None
    assert board.wait >= int(parts[1]) * 60 + int(parts[2])


@pytest.mark.parametrize(
    ("board", "arch"),
    [
        ("raspberry-pi-zero", "arm32v6"),
        ("raspberry-pi-zero-2", "arm64v8"),
        ("raspberry-pi-1", "arm32v6"),
        ("raspberry-pi-2", "arm32v7"),
        ("raspberry-pi-3", "arm32v7"),
        ("raspberry-pi-4", "arm64v8"),
        ("raspberry-pi-5", "arm64v8"),
        ("orange-pi-pc", "arm32v7"),
        ("orange-pi-prime", "arm64v8"),
        ("orange-pi-5", "arm64v8"),
        ("odroid-xu4", "arm32v7"),
    ],
)
def test_a_board_gets_a_variant_that_its_processor_runs(board: str, arch: str) -> None:
    assert BOARDS[board].arch == arch


def test_no_processor_of_32_bits_is_given_64() -> None:
    soc = {"BCM2835", "BCM2836, BCM2837", "H2+", "H3", "A20", "Exynos 5422", "RK3288"}
    old = {name for name, board in BOARDS.items() if board.hardware and board.hardware.soc in soc}
    assert old == {name for name, board in BOARDS.items() if "arm64v8" not in _arches(board)}


def _arches(board: Board) -> tuple[str, ...]:
    return board.hardware.arches if board.hardware else ()


def _rows() -> list[list[str]]:
    rows = []
    for name, board in [("none", SERVER), *BOARDS.items()]:
        hardware = board.hardware
        check = f"{board.health_interval} / {board.health_timeout} / {board.health_retries}"
        rows.append(
            [
                name if hardware is None else f"`{name}`",
                f"{hardware.model}: {hardware.soc}" if hardware else "a server",
                f"{hardware.memory}" if hardware else "",
                ", ".join(hardware.arches) if hardware else "`arch`, or the engine's",
                f"{board.memory}",
                f"{board.memory_reservation or '–'}",
                f"{board.go_memory_limit or '–'}",
                board.log_size,
                board.start_period,
                check,
                f"{board.wait}",
                hardware.source if hardware else "chosen",
            ]
        )
    return rows


def page() -> str:
    """docs/boards.md with the table that the code gives."""
    heads = [
        "`board`",
        "board",
        "RAM in MiB",
        "`arch`, the default first",
        "`memory`",
        "`memory-reservation`",
    ]
    heads += ["`go-memory-limit`", "`log-size`", "`start-period`"]
    heads += ["`health-interval` / `-timeout` / `-retries`", "`wait`", "source"]
    sources = [f"- {source}: {words}." for source, words in SOURCES.items()]
    made = "\n".join([*table(heads, _rows()), "", "Sources of processors and memory:", "", *sources, ""])
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return f"{before}{BEGIN}\n{made}\n{END}{rest.partition(END)[2]}"


def test_the_page_of_boards_matches_the_code() -> None:
    if os.environ.get("UPDATE_SNAPSHOTS"):
        PAGE.write_text(page())
    assert PAGE.read_text() == page()
