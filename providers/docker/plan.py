"""The state that new inputs would produce from the present one, for previews and comparisons."""

from typing import Any

from providers.base import UNKNOWN, Values
from providers.docker.schema import Field, Schema, Type


def planned(schema: Schema, news: Values, prior: Values | None = None) -> Values:
    """Plan every field of the schema; without `prior`, for a resource to be created.

    A missing input gets its default. Without one it keeps its value if the engine fills it in, and is empty
    otherwise. UNKNOWN stands for a value that only the engine will know.
    """
    made = prior is None
    olds: Values = {} if prior is None else prior
    return {name: _planned(one, news.get(name), olds.get(name), made=made) for name, one in schema.items()}


def _planned(one: Field, new: Any, old: Any, *, made: bool) -> Any:
    is_empty = new == "" and (one.computed or not one.empty_changes)
    if not one.given or new is None or is_empty or (new == [] and one.parts):
        return _absent(one, old, made=made)
    if new == UNKNOWN:
        return new
    if one.type is Type.OBJECT:
        return _part(one.parts, new, old, made=made)
    if not one.parts:
        return new
    if not one.ordered and same(one, old, new):
        return old
    olds = old if one.type is Type.LIST and isinstance(old, list) else []
    parts = [*olds, *[None] * len(new)]
    return [_part(one.parts, entry, part, made=made) for entry, part in zip(new, parts, strict=False)]


def _part(parts: Schema, new: Any, old: Any, *, made: bool) -> Any:
    if not isinstance(new, dict):
        return new  # UNKNOWN
    plan = planned(parts, new, None if made else old if isinstance(old, dict) else {})
    return {name: _EMPTY.get(parts[name].type) if value is None else value for name, value in plan.items()}


_EMPTY: dict[Type, Any] = {Type.TEXT: "", Type.SET: []}
"""Values of missing parts of an object that can't be None, by type."""


def _absent(one: Field, old: Any, *, made: bool) -> Any:
    if one.given and one.default is not None:
        return one.default
    if one.computed:
        return UNKNOWN if made else old
    if not made and (not old or not one.empty_changes):
        return old  # 0, false and empty mean the same as a missing input
    if one.parts and one.type is not Type.OBJECT:
        return []
    return {} if one.type is Type.MAP and not made else None


def same(one: Field, old: Any, new: Any) -> bool:
    """True if two values mean the same to the engine."""
    return essence(one, old) == essence(one, new)


def essence(one: Field, value: Any) -> str:
    """Canonical text of a value, with defaults and sorted sets; empty for None, 0, false and empty values."""
    if not value:
        return ""
    if isinstance(value, list):
        entries = [essence(one.entry, entry) for entry in value]
        return repr(entries if one.type is Type.LIST and one.ordered else sorted(entries))
    if one.type is Type.MAP and isinstance(value, dict):
        return repr(sorted(value.items()))
    if one.type is Type.OBJECT and isinstance(value, dict):
        parts = planned(one.parts, value, {})
        texts = {name: essence(one.parts[name], part) for name, part in parts.items()}
        return repr(sorted((name, text) for name, text in texts.items() if text))
    return repr(value)
