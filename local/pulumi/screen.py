"""A running update on the screen: moving rows on a terminal, lines through a pipe."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from display.update import Row, Update, seconds

_STYLES = {"✓": "green", "✗": "red", "error:": "bold red", "warning:": "yellow"}
"""First word of a line → its style on a terminal."""
_FRAME = 0.1
"""Seconds between two drawings of the rows."""


class Screen(Protocol):
    """An output that shows an update."""

    def say(self, lines: Sequence[str]) -> None:
        """Show lines permanently."""

    def look(self, update: Update, now: float) -> None:
        """Show the current operations."""


class Lines:
    """Plain lines, for a pipe or the log of an automatic run."""

    def say(self, lines: Sequence[str]) -> None:
        """Print lines at once. If the reader has gone (Ctrl-C ended `tee`), the update still continues."""
        try:
            for line in lines:
                print(line, flush=True)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def look(self, update: Update, now: float) -> None:
        """Print operations that take long, and a sign of life after a silence."""
        self.say(update.beats(now))


class Terminal:
    """A terminal on which finished steps scroll by above one row for each running step."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._spinner = Spinner("dots")
        self._drawn = 0.0

    def say(self, lines: Sequence[str]) -> None:
        """Print above the rows, with the colours that the terminal supports."""
        for line in lines:
            first = line.split(maxsplit=1)[0] if line.strip() else ""
            self._live.console.print(Text(line, _STYLES.get(first, "")), soft_wrap=True)

    def look(self, update: Update, now: float) -> None:
        """Draw the rows again."""
        if now - self._drawn >= _FRAME:
            self._drawn = now
            self._live.update(self.table(update.rows(now)), refresh=True)

    def table(self, rows: Sequence[Row]) -> Table:
        """Rows that fit, and the number of the others."""
        room = max(1, self._live.console.height - 2)
        table = Table.grid(padding=(0, 1), expand=True)
        for ratio in (None, None, 1, None):
            # The step gets the remaining width and is truncated first.
            table.add_column(no_wrap=True, overflow="ellipsis", ratio=ratio)
        for row in rows[:room]:
            table.add_row(self._spinner, Text(row.doing), Text(row.step, "dim"), seconds(row.seconds))
        if len(rows) > room:
            table.add_row("", f"and {len(rows) - room} more")
        return table


@contextmanager
def screen() -> Iterator[Screen]:
    """Rows on a terminal that can move its cursor, otherwise lines."""
    if not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        yield Lines()
        return
    with Live(console=Console(), auto_refresh=False, transient=True) as live:
        yield Terminal(live)
