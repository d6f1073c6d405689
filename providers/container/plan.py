"""The state that new inputs would produce from the present state, for previews and comparisons."""

from typing import Any

from providers.container.schema import Field, Schema, Type
from providers.kind import UNKNOWN, Values


def planned(schema: Schema, news: Values, prior: Values | None = None) -> Values:
    """Plan every field of the schema; without `prior`, for a resource to be created.

    A missing input gets its default. If it has none, it keeps its value if the engine fills it in, and is
    empty otherwise. UNKNOWN stands for a value that only the engine will know.
    """
    is_new = prior is None
    olds: Values = {} if prior is None else prior
    return {
        name: _planned(field, news.get(name), olds.get(name), is_new=is_new) for name, field in schema.items()
    }


def _planned(field: Field, new: Any, old: Any, *, is_new: bool) -> Any:
    is_empty = new == "" and (field.computed or not field.empty_changes)
    if not field.settable or new is None or is_empty or (new == [] and field.parts):
        return _absent(field, old, is_new=is_new)
    if new == UNKNOWN:
        return new
    if field.type is Type.OBJECT:
        return _part(field.parts, new, old, is_new=is_new)
    if not field.parts:
        return new
    if not field.ordered and same(field, old, new):
        return old
    olds = old if field.type is Type.LIST and isinstance(old, list) else []
    parts = [*olds, *[None] * len(new)]
    return [_part(field.parts, entry, part, is_new=is_new) for entry, part in zip(new, parts, strict=False)]


def _part(parts: Schema, new: Any, old: Any, *, is_new: bool) -> Any:
    if not isinstance(new, dict):
        return new  # UNKNOWN
    plan = planned(parts, new, None if is_new else old if isinstance(old, dict) else {})
    return {name: _EMPTY.get(parts[name].type) if value is None else value for name, value in plan.items()}


_EMPTY: dict[Type, Any] = {Type.TEXT: "", Type.SET: []}
"""Values of missing parts of an object that can't be None, by type."""


def _absent(field: Field, old: Any, *, is_new: bool) -> Any:
    if field.settable and field.default is not None:
        return field.default
    if field.computed:
        return UNKNOWN if is_new else old
    if not is_new and (not old or not field.empty_changes):
        return old  # 0, false and empty mean the same as a missing input
    if field.parts and field.type is not Type.OBJECT:
        return []
    return {} if field.type is Type.MAP and not is_new else None


def same(field: Field, old: Any, new: Any) -> bool:
    """True if two values mean the same to the engine."""
    return essence(field, old) == essence(field, new)


def essence(field: Field, value: Any) -> str:
    """Canonical text of a value, with defaults and sorted sets; empty for None, 0, false and empty values."""
    if not value:
        return ""
    if isinstance(value, list):
        entries = [essence(field.entry, entry) for entry in value]
        return repr(entries if field.type is Type.LIST and field.ordered else sorted(entries))
    if field.type is Type.MAP and isinstance(value, dict):
        return repr(sorted(value.items()))
    if field.type is Type.OBJECT and isinstance(value, dict):
        parts = planned(field.parts, value, {})
        texts = {name: essence(field.parts[name], part) for name, part in parts.items()}
        return repr(sorted((name, text) for name, text in texts.items() if text))
    return repr(value)
