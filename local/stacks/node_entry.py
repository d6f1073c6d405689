"""Edit a node's entry in its stack's file: only its rollback or its host, and no other character."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import yaml

from display.errors import UserError

SECTION, ROLLBACK, HOST = "skycoin:nodes", "rollback", "host"
_UNREADABLE = (yaml.YAMLError, ValueError)
"""Errors of PyYAML, also for some values that Pulumi reads, such as `=` and `0x_`."""


def with_rollback(text: str, file: str, node: str, rollback: Mapping[str, str] | None) -> str:
    """Set a node's rollback in the text of a stack's file, or remove it if `rollback` is None.

    Raises UserError if the node has no entry or, with the lines to write by hand, if the file is written in a
    way that this can't edit.
    """
    with suppress(*_UNREADABLE):
        wanted = _wanted(text, node, rollback)
        edited = _edited(text, node, rollback)
        if _is(edited, wanted):
            return edited
    line = f"Write `{_line(rollback)}` into" if rollback else f"Take the key `{ROLLBACK}` out of"
    raise _refusal(file, node, f"{line} its entry in {SECTION} by hand, then run `up`.")


def with_host(text: str, file: str, node: str, host: str) -> str:
    """Set another host for a node in the text of a stack's file; every other character stays.

    Raises UserError if the node has no entry or, with the lines to write by hand, if the file is written in a
    way that this can't edit.
    """
    with suppress(*_UNREADABLE):
        wanted = yaml.safe_load(text)
        try:
            nodes = wanted["config"][SECTION]
            # It needs a separate mapping: an alias shares its value with the anchor.
            nodes[node] = {**nodes[node], HOST: host}
        except (LookupError, TypeError):
            raise UserError(f"{node!r} has no entry in {SECTION} of {file}") from None
        entry = _entry_of(text, node)
        value = next((value for key, value in entry.value if key.value == HOST), None) if entry else None
        if value is not None:
            written = host if _is(host, host) else json.dumps(host)
            edited = text[: value.start_mark.index] + written + text[value.end_mark.index :]
            if _is(edited, wanted):
                return edited
    way = f"Write `{HOST}: {host}` into its entry in {SECTION} by hand, then run the same command again."
    raise _refusal(file, node, way)


def _refusal(file: str, node: str, way: str) -> UserError:
    return UserError(
        f"{file} is not changed: {node} is written there in a way that this command can't edit. {way}"
    )


def _is(text: str, wanted: Any) -> bool:
    """True if a string is YAML for a value."""
    try:
        return bool(yaml.safe_load(text) == wanted)
    except _UNREADABLE:
        return False


def _wanted(text: str, node: str, rollback: Mapping[str, str] | None) -> Any:
    """Expected content of the whole file afterwards. Raises UserError if it has no such node."""
    wanted = yaml.safe_load(text)
    try:
        nodes = wanted["config"][SECTION]
        # It needs a separate mapping: an alias shares its value with the anchor.
        others = {key: value for key, value in nodes[node].items() if key != ROLLBACK}
        nodes[node] = {**others, **({ROLLBACK: dict(rollback)} if rollback else {})}
    except (LookupError, TypeError, AttributeError):
        raise UserError(f"{node!r} has no entry in {SECTION}") from None
    return wanted


def _line(rollback: Mapping[str, str]) -> str:
    """The key as one line of YAML; a JSON string is a YAML string."""
    parts = ", ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in rollback.items())
    return f"{ROLLBACK}: {{{parts}}}"


def _edited(text: str, node: str, rollback: Mapping[str, str] | None) -> str:
    """Remove the key if it exists, then add it if there are a rollback and a place for it."""
    entry = _entry_of(text, node)
    if entry is not None:
        text = _without(text, entry)
        entry = _entry_of(text, node)
    if entry is None or rollback is None:
        return text
    if entry.flow_style:
        place = entry.start_mark.index + 1
        between = "," if text[place].isspace() else ", "
        return f"{text[:place]}{_line(rollback)}{between}{text[place:]}"
    first = entry.value[0][0].start_mark
    return f"{text[: first.index]}{_line(rollback)}\n{' ' * first.column}{text[first.index :]}"


def _entry_of(text: str, node: str) -> Any:
    """Mapping of a node, with its position in the text; None if there is none, or it is empty."""
    found: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for key in ("config", SECTION, node):
        found = next((value for name, value in _pairs(found) if name.value == key), None)
    return found if isinstance(found, yaml.MappingNode) and found.value else None


def _pairs(mapping: Any) -> Iterator[tuple[Any, Any]]:
    yield from mapping.value if isinstance(mapping, yaml.MappingNode) else ()


def _without(text: str, entry: Any) -> str:
    """Remove the key of an entry from the text; in block style, with the lines that it occupies."""
    at = next((number for number, (key, _) in enumerate(entry.value) if key.value == ROLLBACK), None)
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
