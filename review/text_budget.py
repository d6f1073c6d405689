"""Space for text: divides a number of characters between lists, and counts the lines that don't fit."""

from collections.abc import Callable, Sequence


def shares(needs: Sequence[int], budget: int) -> list[int]:
    """Divide `budget` characters between needs: small ones are met, the others share the rest equally."""
    granted, remaining = [0] * len(needs), budget
    for count, index in enumerate(sorted(range(len(needs)), key=needs.__getitem__)):
        granted[index] = min(needs[index], remaining // (len(needs) - count))
        remaining -= granted[index]
    return granted


def fit_lines(lines: Sequence[str], budget: int, note: Callable[[int], str]) -> list[str]:
    """Return the lines that fit, then, if any are missing, a note with their number.

    Each line counts with its line break.
    """
    if length(lines) <= budget:
        return [*lines]
    remaining, shown = budget - len(note(len(lines))) - 1, 0
    for line in lines:
        remaining -= len(line) + 1
        if remaining < 0:
            break
        shown += 1
    return [*lines[:shown], note(len(lines) - shown)]


def length(lines: Sequence[str]) -> int:
    """Characters of lines, including their line breaks."""
    return sum(len(line) + 1 for line in lines)
