"""Space for text: divides a number of characters between lists, and counts the lines that don't fit."""

from collections.abc import Callable, Sequence


def shares(needs: Sequence[int], room: int) -> list[int]:
    """Divide `room` characters between needs: small ones are met, the others share the rest equally."""
    given, left = [0] * len(needs), room
    for done, place in enumerate(sorted(range(len(needs)), key=needs.__getitem__)):
        given[place] = min(needs[place], left // (len(needs) - done))
        left -= given[place]
    return given


def fitted(lines: Sequence[str], room: int, note: Callable[[int], str]) -> list[str]:
    """Whole lines that fit, then a note with the number of missing ones; each ends with a line break."""
    if length(lines) <= room:
        return [*lines]
    left, shown = room - len(note(len(lines))) - 1, 0
    for line in lines:
        left -= len(line) + 1
        if left < 0:
            break
        shown += 1
    return [*lines[:shown], note(len(lines) - shown)]


def length(lines: Sequence[str]) -> int:
    """Characters of lines, including their line breaks."""
    return sum(len(line) + 1 for line in lines)
