"""Ratios: pair by pair, the median quoted, a missed target said aloud."""

from bench.ratio import Ratio, in_turn, table


def ratio(ours: list[float], target: float = 1.0) -> Ratio:
    return Ratio(name="a / b", unit="s", ours=ours, peer=[2.0, 4.0, 1.0], target=target)


def test_the_median_is_that_of_the_pairs_and_not_of_the_sides() -> None:
    """The machine was half as fast in the second round: both sides of that pair say so."""
    one = ratio([1.0, 2.0, 3.0])
    assert one.pairs == [0.5, 0.5, 3.0]
    assert (one.median, one.held) == (0.5, True)


def test_a_missed_target_is_said() -> None:
    lines = table([ratio([2.0, 4.0, 1.0], target=0.9), ratio([1.0, 1.0, 1.0])]).splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["MISSED", "held"]
    assert lines[1].split()[:3] == ["a", "/", "b"]
    assert "1.00 – 1.00" in lines[1]


def test_two_things_take_turns_and_the_first_round_does_not_count() -> None:
    done: list[str] = []
    ours, peer = in_turn(lambda: done.append("a"), lambda: done.append("b"), rounds=2)
    assert done == ["a", "b"] * 3
    assert (len(ours), len(peer)) == (2, 2)
