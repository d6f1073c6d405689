"""Benchmark ratios: taken pair by pair, reported as their median, with a message for a missed target."""

import json
import subprocess
import sys
import time
import uuid
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import __main__ as bench
from bench import boards, hosts
from bench.ratio import Ratio, in_turn, table
from settings.names import waves_of
from settings.reading import parse
from tests.e2e.boards import Board


def ratio(ours: list[float], target: float = 1.0) -> Ratio:
    return Ratio(name="a / b", unit="s", ours=ours, peer=[2.0, 4.0, 1.0], target=target)


def test_the_ratio_is_the_median_of_the_pairs_and_not_of_the_sides() -> None:
    """The machine was half as fast in the second round, which slows both sides of that pair."""
    one = ratio([1.0, 2.0, 3.0])
    assert one.pairs == [0.5, 0.5, 3.0]
    assert (one.median, one.held) == (0.5, True)


def test_a_missed_target_is_reported() -> None:
    lines = table([ratio([2.0, 4.0, 1.0], target=0.9), ratio([1.0, 1.0, 1.0])]).splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["MISSED", "held"]
    assert lines[1].split()[:3] == ["a", "/", "b"]
    assert "1.00 – 1.00" in lines[1]


def test_measured_runs_alternate_and_the_first_round_does_not_count() -> None:
    done: list[str] = []
    ours, peer = in_turn(lambda: done.append("a"), lambda: done.append("b"), rounds=2)
    assert done == ["a", "b"] * 3
    assert (len(ours), len(peer)) == (2, 2)


def test_a_case_that_ran_is_recorded_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "LAST", tmp_path / "last.json")
    bench._keep({"waves": ratio([1.0, 2.0, 3.0]), "size": ratio([1.0, 2.0, 3.0])})
    before = json.loads(bench.LAST.read_text())
    bench._keep({"boards": ratio([2.0, 4.0, 1.0], target=0.9)})
    after = json.loads(bench.LAST.read_text())
    assert list(after) == ["size", "boards", "waves"], "in the order of the cases"
    assert {name: after[name] for name in before} == before
    assert (after["boards"]["median"], after["boards"]["held"]) == (1.0, False)
    assert after["boards"]["date"]


def test_preparation_runs_before_each_measured_run_and_is_not_measured() -> None:
    done: list[str] = []

    def ready() -> None:
        done.append("ready")
        time.sleep(0.2)

    ours, peer = in_turn(lambda: done.append("a"), lambda: done.append("b"), rounds=1, before=ready)
    assert done == ["ready", "a", "ready", "b"] * 2
    assert max(*ours, *peer) < 0.1


def test_the_stack_of_the_boards_is_valid_and_goes_in_the_waves_that_its_target_counts() -> None:
    made = [Board(f"bench-{number}", number, Path("/boards")) for number in range(boards.BOARDS)]
    config = {**boards.settings(made), "skycoin:rollout": boards.WAVES}
    raw = {key.removeprefix("skycoin:"): value for key, value in config.items()}
    waves = waves_of(parse(raw))
    assert [len(wave) for wave in waves] == [1, 4, 3]
    assert len(waves) == boards.COUNT_OF_WAVES
    assert waves[0] == [boards.WAVES["first"]]


def test_the_picture_of_a_hosts_cost_is_drawn_from_the_figures_that_are_kept() -> None:
    figures = hosts.kept()
    assert hosts.PICTURE.read_text() == hosts.picture(figures)
    assert tuple(figures.hosts) == hosts.SIZES


def test_a_picture_has_each_figure_at_its_place() -> None:
    sizes, seconds, megabytes = [1, 50], [2.0, 10.0], [250, 500]
    figures = hosts.Figures(
        date="2026-11-26", machine="2 cores", rounds=1, hosts=sizes, seconds=seconds, megabytes=megabytes
    )
    drawn = hosts.picture(figures)
    assert '<polyline points="82,190 584,140"' in drawn, "a quarter and a half of 1 GB"
    assert '<polyline points="82,200 584,40"' in drawn, "a fifth of, and all of, 10 s"
    ElementTree.fromstring(drawn)  # noqa: S314 text of our own


def test_the_cost_of_a_run_is_that_of_the_processes_that_carry_its_mark() -> None:
    mark = str(uuid.uuid4())
    none = hosts.Used()
    none.look(mark.encode())
    assert (none.megabytes, none.seconds) == (0, {})
    busy = "while time.process_time() < 1: pass"
    work = f"import time\nheld = bytearray(50_000_000)\n{busy}\nprint(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", work],
        env={hosts.MARK: mark},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        used = hosts.Used()
        used.look(mark.encode())
        assert 50 < used.megabytes < 70
        assert 0.9 < used.seconds[str(process.pid)] < 1.5
        process.kill()
