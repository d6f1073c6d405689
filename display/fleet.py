"""A table that fits a width: whole if possible, otherwise in parts that each repeat the names."""

from collections.abc import Sequence

from display.columns import columns


def table(parts: Sequence[Sequence[str]], rows: Sequence[Sequence[str]], width: int | None) -> str:
    """Format a table.

    `parts` has groups of column heads that stay together, the names' column first. `width` None means any
    width.
    """
    heads = [head for part in parts for head in part]
    whole = columns([heads, *rows])
    if width is None or max(map(len, whole.splitlines())) <= width:
        return whole
    drawn, begins = list[str](), 0
    for part in parts:
        shown = [*((0,) if begins else ()), *range(begins, begins + len(part))]
        drawn.append(columns([[row[place] for place in shown] for row in (heads, *rows)]))
        begins += len(part)
    return "\n\n".join(drawn)
