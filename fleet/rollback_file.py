"""A node's rollback in its stack's file: added and removed without changing any other character."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from display.errors import UserError

KEY, SECTION = "rollback", "skycoin:nodes"


def with_rollback(text: str, file: str, node: str, rollback: Mapping[str, str] | None) -> str:
    """Set a node's rollback in the text of a stack's file, or remove it if `rollback` is None.

    Raises UserError, with the lines to write by hand, if this can't edit the way in which the file is
    written.
    """
    wanted = _wanted(text, node, rollback)
    edited = _edited(text, node, rollback)
    try:
        if edited is not None and yaml.safe_load(edited) == wanted:
            return edited
    except yaml.YAMLError:
        pass
    line = f"Write `{_line(rollback)}` into" if rollback else f"Take the key `{KEY}` out of"
    raise UserError(
        f"{file} is not changed: {node} is written there in a way that this command can't edit. {line} its "
        f"entry in {SECTION} by hand, then run `up`."
    )


def _wanted(text: str, node: str, rollback: Mapping[str, str] | None) -> Any:
    """Expected content of the whole file afterwards. Raises UserError if it has no such node."""
    wanted = yaml.safe_load(text)
    try:
        nodes = wanted["config"][SECTION]
        # It needs a separate mapping: an alias shares its value with the anchor.
        others = {key: value for key, value in nodes[node].items() if key != KEY}
        nodes[node] = {**others, **({KEY: dict(rollback)} if rollback else {})}
    except (LookupError, TypeError, AttributeError):
        raise UserError(f"{node!r} has no entry in {SECTION}") from None
    return wanted


def _line(rollback: Mapping[str, str]) -> str:
    """The key as one line of YAML; a JSON string is a YAML string."""
    parts = ", ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in rollback.items())
    return f"{KEY}: {{{parts}}}"


def _edited(text: str, node: str, rollback: Mapping[str, str] | None) -> str | None:
    """Remove the key if it exists, then add it; None if there is no place for it."""
    entry = entry_of(text, node)
    if entry is not None:
        text = _without(text, entry)
        entry = entry_of(text, node)
    if entry is None or rollback is None:
        return text
    if entry.flow_style:
        place = entry.start_mark.index + 1
        between = "," if text[place].isspace() else ", "
        return f"{text[:place]}{_line(rollback)}{between}{text[place:]}"
    first = entry.value[0][0].start_mark
    return f"{text[: first.index]}{_line(rollback)}\n{' ' * first.column}{text[first.index :]}"


def entry_of(text: str, node: str) -> Any:
    """Mapping of a node, with its position in the text; None if there is none."""
    found: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for key in ("config", SECTION, node):
        found = next((value for name, value in _pairs(found) if name.value == key), None)
    return found if isinstance(found, yaml.MappingNode) and found.value else None


def _pairs(mapping: Any) -> Iterator[tuple[Any, Any]]:
    yield from mapping.value if isinstance(mapping, yaml.MappingNode) else ()


def _without(text: str, entry: Any) -> str:
    """Remove the key of an entry from the text; in block style, with the lines that it occupies."""
    at = next((number for number, (key, _) in enumerate(entry.value) if key.value == KEY), None)
    if at is None:
        return text
    key, value = entry.value[at]
    begin, end = key.start_mark.index, _end(value)
    if not entry.flow_style:
        return text[: text.rindex("\n", 0, begin) + 1] + text[end:].partition("\n")[2]
    if at + 1 < len(entry.value):
        return text[:begin] + text[end:].partition(",")[2].removeprefix(" ")
    return text[: _end(entry.value[at - 1][1]) if at else begin] + text[end:]


def _end(value: Any) -> int:
    """Position after a value; a block ends with its last value, not with the comments after it."""
    if isinstance(value, yaml.CollectionNode) and not value.flow_style and value.value:
        last = value.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    end: int = value.end_mark.index
    return end
