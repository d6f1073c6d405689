"""Conversion of the engine's values to states and inputs, by a schema. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from providers.base import UNKNOWN, Values
from providers.docker.plan import same
from providers.docker.schema import Field, Schema, Type


def as_labels(labels: Mapping[str, str] | None) -> list[Values]:
    """Convert the engine's labels to the list that a program gives."""
    return [{"label": key, "value": value} for key, value in sorted((labels or {}).items())]


def foreign(schema: Schema, state: Values) -> Values:
    """Outputs that only another plugin has, to be kept; without the bridge's internal ones (`__…`)."""
    return {key: value for key, value in state.items() if key not in schema and not key.startswith("__")}


def settled(schema: Schema, plan: Values, seen: Values) -> Values:
    """State after a change: the engine's values, except that None stays None and sets keep their order."""
    state = dict(seen)
    for name, one in schema.items():
        wanted, found = plan[name], seen.get(name)
        is_nothing = wanted is None and found in ([], {})
        is_same = one.type is Type.SET and isinstance(wanted, list) and same(one, found, wanted)
        if is_nothing or is_same:
            state[name] = wanted
    return state


def refreshed(schema: Schema, inputs: Values, seen: Values) -> Values:
    """Correct the inputs that differ from the engine's values; equivalent ones stay as given."""
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
    """State after an update, from its plan. A number or text dropped from the program becomes 0 or empty."""
    nothing = {name: _NOTHING.get(one.type) for name, one in schema.items() if olds.get(name) is not None}
    values = {name: nothing.get(name) if value is None else value for name, value in plan.items()}
    return foreign(schema, olds) | values


def unfinished(schema: Schema, plan: Values) -> Values:
    """State of a resource that was created and then failed, from its plan; unknown values are empty."""
    empty: Values = {
        name: [] if one.type is Type.SET and one.computed else None for name, one in schema.items()
    }
    return {name: empty[name] if value == UNKNOWN else value for name, value in plan.items()}


_NOTHING: Mapping[Type, Any] = MappingProxyType({Type.NUMBER: 0, Type.TEXT: ""})


def imported(schema: Schema, seen: Values) -> Values:
    """Inputs of an imported resource: the engine's values, except empty ones and defaults."""
    return {
        key: _imported(one, value)
        for key, one in schema.items()
        if one.given and one.served and (value := seen.get(key)) and value != one.default
    }


def _imported(one: Field, value: Any) -> Any:
    if one.parts and isinstance(value, list):
        return [imported(one.parts, entry) for entry in value]
    return imported(one.parts, value) if one.parts else value
