"""Values in the answers of hosts and their engines, which may send anything.

A compromised board must neither end a command for the other hosts, nor write to the operator's terminal.
"""

from display.printable import printable_line

LARGEST = 2**64 - 1
"""Largest number that Docker, Linux and nodes use."""
LONGEST = 400
"""Maximum length of a text in messages, in characters."""
MALFORMED = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)
"""Errors that occur when an answer does not have the expected form."""


def line(text: object) -> str:
    """Any text as one printable line of a limited length: of a long one, its beginning and its end."""
    whole = printable_line(" ".join(str(text).split()))
    if len(whole) <= LONGEST:
        return whole
    return f"{whole[: LONGEST // 2]} … {whole[3 - LONGEST // 2 :]}"


def word(text: object) -> str:
    """Text that must be a string, as `line` shows it. Raises TypeError for anything else."""
    if not isinstance(text, str):
        raise TypeError(f"{line(repr(text))} is not text")
    return line(text)


def count(number: object, least: int = 0) -> int:
    """Whole number from `least` to LARGEST. Raises TypeError or ValueError for anything else."""
    if not isinstance(number, int):
        raise TypeError(f"{line(repr(number))} is not a whole number")
    if not least <= number <= LARGEST:
        raise ValueError("a number is too small or too large to be true")
    return number
