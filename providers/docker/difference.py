"""Differences between a state and a planned state, by property path.

Paths and kinds of changes follow the official plugin's bridge: pulumi/pulumi-terraform-bridge v3.137.0,
`pkg/tfbridge/detailed_diff.go`.
"""

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any, TypeAlias

from providers.container.plan import essence, planned
from providers.container.schema import Field, Schema, Type
from providers.kind import UNKNOWN, Change, Values

Kinds: TypeAlias = dict[str, str]
"""Property path (`ports[0].external`) → ADD, UPDATE or DELETE, with `_REPLACE` if the change replaces."""
_NAME = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)


def change(schema: Schema, olds: Values, news: Values, *, delete_first: bool) -> Change:
    """Compare the state `olds` with the state planned for the inputs `news`."""
    # A state may lack defaults that are false or 0.
    olds = {
        name: field.default for name, field in schema.items() if field.settable and not field.default
    } | olds
    plan = planned(schema, news, olds)
    changed = {
        name: differing
        for name, field in sorted(schema.items())
        if (differing := _differences(name, field, olds.get(name), plan[name]))
    }
    if all(olds.get(name) is None and not plan[name] for name in changed):
        changed = {}  # false, 0 and empty instead of nothing count only with another change
    kinds: Kinds = {}
    replaces = []
    for name, differing in changed.items():
        field = schema[name]
        if field.replaces:
            replaces.append(name)
        kinds |= {path: f"{kind}_REPLACE" if field.replaces else kind for path, kind in differing.items()}
    return Change(
        kinds=kinds,
        replaces=tuple(replaces),
        stables=tuple(
            name for name, field in sorted(schema.items()) if field.replaces and name not in replaces
        ),
        delete_before_replace=delete_first,
    )


def _differences(path: str, field: Field, old: Any, new: Any) -> Kinds:
    if field.type in (Type.LIST, Type.SET):
        old, new = old or None, new or None
    if new == UNKNOWN or old is None or new is None:
        return {} if old == new or (old is None and new in ("", {})) else {path: _kind(old, new)}
    if field.type is Type.OBJECT:
        return _of_object(path, field.parts, old, new)
    if field.type is Type.MAP:
        return _of_map(path, old, new)
    if field.type in (Type.LIST, Type.SET):
        return _of_entries(path, field, old, new)
    return {path: "UPDATE"} if old != new else {}


def _kind(old: Any, new: Any) -> str:
    return "ADD" if old is None else "DELETE" if new is None else "UPDATE"


def _of_object(path: str, parts: Schema, old: Values, new: Values) -> Kinds:
    return _merged(
        _differences(f"{path}.{name}", field, old.get(name), new.get(name)) for name, field in parts.items()
    )


def _of_map(path: str, old: Values, new: Values) -> Kinds:
    changed = {key for key in {*old, *new} if old.get(key) != new.get(key)}
    return {_key(path, key): _kind(old.get(key), new.get(key)) for key in changed}


def _merged(parts: Iterable[Kinds]) -> Kinds:
    return {path: kind for part in parts for path, kind in part.items()}


def _key(path: str, key: str) -> str:
    return f"{path}.{key}" if _NAME.fullmatch(key) else f"{path}[{json.dumps(key)}]"


def _of_entries(path: str, field: Field, old: list[Any], new: list[Any]) -> Kinds:
    """Compare entries by their index; in a set, only those that the other side lacks."""
    if field.type is Type.LIST and not field.parts:
        return _of_texts(path, old, new)
    before, after = dict(enumerate(old)), dict(enumerate(new))
    if field.type is Type.SET:
        before, after = _missing(field.entry, before, new), _missing(field.entry, after, old)
    return _merged(
        _differences(f"{path}[{index}]", field.entry, before.get(index), after.get(index))
        for index in sorted({*before, *after})
    )


def _missing(entry: Field, entries: dict[int, Any], counterparts: list[Any]) -> dict[int, Any]:
    known = {essence(entry, counterpart) for counterpart in counterparts}
    return {index: value for index, value in entries.items() if essence(entry, value) not in known}


def _of_texts(path: str, old: list[Any], new: list[Any]) -> Kinds:
    """Find the shortest edit; among equally short ones, the one that removes first."""

    @cache
    def common(i: int, j: int) -> int:
        if i == len(old) or j == len(new):
            return 0
        if old[i] == new[j]:
            return 1 + common(i + 1, j + 1)
        return max(common(i + 1, j), common(i, j + 1))

    kinds: Kinds = {}
    i = j = 0
    while i < len(old) or j < len(new):
        if i < len(old) and j < len(new) and old[i] == new[j]:
            i, j = i + 1, j + 1
        elif j == len(new) or (i < len(old) and common(i + 1, j) >= common(i, j + 1)):
            kinds[f"{path}[{i}]"] = "UPDATE" if f"{path}[{i}]" in kinds else "DELETE"
            i += 1
        else:
            kinds[f"{path}[{j}]"] = "UPDATE" if f"{path}[{j}]" in kinds else "ADD"
            j += 1
    return kinds
