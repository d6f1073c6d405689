"""Times two actions in turn, A B A B …, and compares each pair, so that slow drifts of the machine cancel."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """Result of one comparison."""

    name: str
    unit: str
    ours: Sequence[float]
    peer: Sequence[float]
    target: float
    """Largest median ratio that meets the target."""

    @property
    def pairs(self) -> list[float]:
        """Ratio of our value to the peer's, for each pair."""
        return [ours / peer for ours, peer in zip(self.ours, self.peer, strict=True)]

    @property
    def median(self) -> float:
        """Median ratio, which is the one to quote."""
        return statistics.median(self.pairs)

    @property
    def held(self) -> bool:
        """True if the target is met."""
        return self.median <= self.target


def in_turn(
    ours: Callable[[], object],
    peer: Callable[[], object],
    rounds: int,
    before: Callable[[], object] = lambda: None,
) -> tuple[list[float], ...]:
    """Time both in turn; returns (seconds of `ours`, seconds of `peer`) without the first round, a warm-up.

    `before` is called before each of them, and is not timed.
    """

    def timed(action: Callable[[], object]) -> float:
        before()
        return seconds(action)

    pairs: list[tuple[float, float]] = [(timed(ours), timed(peer)) for _ in range(rounds + 1)]
    return tuple(list(column) for column in zip(*pairs[1:], strict=True))


def seconds(action: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    started = time.monotonic()
    action()
    return time.monotonic() - started


def table(ratios: Sequence[Ratio]) -> str:
    """Table with one line for each ratio: medians, and the spread of the pairs."""
    rows = [("what", "ours", "peer", "ratio", "from – to", "target", "")]
    rows += [
        (
            ratio.name,
            f"{statistics.median(ratio.ours):.2f} {ratio.unit}",
            f"{statistics.median(ratio.peer):.2f} {ratio.unit}",
            f"{ratio.median:.2f}",
            f"{min(ratio.pairs):.2f} – {max(ratio.pairs):.2f}",
            f"≤ {ratio.target:.2f}",
            "held" if ratio.held else "MISSED",
        )
        for ratio in ratios
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
