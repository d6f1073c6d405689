"""States by a kind's schema, from what the engine says. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from providers.base import UNKNOWN, Values
from providers.docker.plan import same
from providers.docker.schema import Field, Schema, Type


def as_labels(labels: Mapping[str, str] | None) -> list[Values]:
    """The engine's labels as the list that a program gives."""
    return [{"label": key, "value": value} for key, value in sorted((labels or {}).items())]


def foreign(schema: Schema, state: Values) -> Values:
    """Outputs that only another plugin knows: they are kept, except the bridge's own (`__…`)."""
    return {key: value for key, value in state.items() if key not in schema and not key.startswith("__")}


def settled(schema: Schema, plan: Values, seen: Values) -> Values:
    """State after a change: what the engine says, but nothing stays nothing, and a set in its order."""
    state = dict(seen)
    for name, one in schema.items():
        wanted, found = plan[name], seen.get(name)
        is_nothing = wanted is None and found in ([], {})
        is_same = one.type is Type.SET and isinstance(wanted, list) and same(one, found, wanted)
        if is_nothing or is_same:
            state[name] = wanted
    return state


def refreshed(schema: Schema, inputs: Values, seen: Values) -> Values:
    """Inputs as they would have to be for what the engine says; as they are where they mean just that."""
    known = {key: value for key, value in inputs.items() if not key.startswith("__")}
    return {
        key: _corrected(replace(schema[key], ordered=True), value, seen.get(key)) if key in schema else value
        for key, value in known.items()
    }


def _corrected(one: Field, value: Any, seen: Any) -> Any:
    if same(one, value, seen):
        return value
    is_object = isinstance(value, dict) and isinstance(seen, dict) and one.type is Type.OBJECT
    return {key: seen.get(key) for key in value if key[:2] != "__"} if is_object else seen


def stored(schema: Schema, plan: Values, olds: Values) -> Values:
    """A plan as the state after an update; what is dropped from the program becomes zero or empty text."""
    nothing = {name: _NOTHING.get(one.type) for name, one in schema.items() if olds.get(name) is not None}
    values = {name: nothing.get(name) if value is None else value for name, value in plan.items()}
    return foreign(schema, olds) | values


def unfinished(schema: Schema, plan: Values) -> Values:
    """A plan as the state of what was made, and failed; nothing is known yet of what the engine fills in."""
    empty: Values = {
        name: [] if one.type is Type.SET and one.computed else None for name, one in schema.items()
    }
    return {name: empty[name] if value == UNKNOWN else value for name, value in plan.items()}


_NOTHING: Mapping[Type, Any] = MappingProxyType({Type.NUMBER: 0, Type.TEXT: ""})


def imported(schema: Schema, seen: Values) -> Values:
    """Inputs of a resource that is imported: what the engine says, where that is something of its own."""
    return {
        key: _imported(one, value)
        for key, one in schema.items()
        if one.given and one.served and (value := seen.get(key)) and value != one.default
    }


def _imported(one: Field, value: Any) -> Any:
    if one.parts and isinstance(value, list):
        return [imported(one.parts, entry) for entry in value]
    return imported(one.parts, value) if one.parts else value
