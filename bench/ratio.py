"""Two things timed in turn, A B A B …: the ratio of each pair, so that a drifting machine falls out."""

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
    """The ratio is to be no larger."""

    @property
    def pairs(self) -> list[float]:
        """Ours by the peer's, pair by pair."""
        return [ours / peer for ours, peer in zip(self.ours, self.peer, strict=True)]

    @property
    def median(self) -> float:
        """The figure to quote."""
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
    """(seconds of ours, seconds of the peer's), after one round that does not count.

    `before` prepares each of them; its time does not count.
    """

    def seconds(action: Callable[[], object]) -> float:
        before()
        return _seconds(action)

    found: list[tuple[float, float]] = [(seconds(ours), seconds(peer)) for _ in range(rounds + 1)]
    return tuple(list(column) for column in zip(*found[1:], strict=True))


def _seconds(action: Callable[[], object]) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


def table(ratios: Sequence[Ratio]) -> str:
    """Text for people: one line for each ratio, with medians and the spread of the pairs."""
    rows = [("what", "ours", "peer", "ratio", "from – to", "target", "")]
    rows += [
        (
            one.name,
            f"{statistics.median(one.ours):.2f} {one.unit}",
            f"{statistics.median(one.peer):.2f} {one.unit}",
            f"{one.median:.2f}",
            f"{min(one.pairs):.2f} – {max(one.pairs):.2f}",
            f"≤ {one.target:.2f}",
            "held" if one.held else "MISSED",
        )
        for one in ratios
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
