"""Conversion of the engine's values to states and inputs, by a schema. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from providers.container.plan import same
from providers.container.schema import Field, Schema, Type
from providers.kind import UNKNOWN, ReadResult, Values


def as_labels(labels: Mapping[str, str] | None) -> list[Values]:
    """Convert the engine's labels to the list that a program gives."""
    return [{"label": key, "value": value} for key, value in sorted((labels or {}).items())]


def foreign(schema: Schema, state: Values) -> Values:
    """Outputs that only another plugin has, to be kept; without the bridge's internal ones (`__…`)."""
    return {key: value for key, value in state.items() if key not in schema and not key.startswith("__")}


def settled(schema: Schema, plan: Values, engine_state: Values) -> Values:
    """State after a change: the engine's values.

    A planned None is kept if the engine's list or map is empty, and an equal set keeps its planned order.
    """
    state = dict(engine_state)
    for name, field in schema.items():
        planned, observed = plan[name], engine_state.get(name)
        is_nothing = planned is None and observed in ([], {})
        is_same = field.type is Type.SET and isinstance(planned, list) and same(field, observed, planned)
        if is_nothing or is_same:
            state[name] = planned
    return state


def read_result(schema: Schema, identity: str, inputs: Values, state: Values, observed: Values) -> ReadResult:
    """Return what a refresh stores of a resource or, without inputs, an import."""
    return ReadResult(
        identity=identity,
        state=foreign(schema, state) | observed,
        inputs=refreshed(schema, inputs, observed) if inputs else imported(schema, observed),
    )


def refreshed(schema: Schema, inputs: Values, observed: Values) -> Values:
    """Correct the inputs that differ from the engine's values; equivalent ones stay as given."""
    known = {key: value for key, value in inputs.items() if not key.startswith("__")}
    return {
        key: _corrected(replace(schema[key], ordered=True), value, observed.get(key))
        if key in schema
        else value
        for key, value in known.items()
    }


def _corrected(field: Field, value: Any, observed: Any) -> Any:
    if same(field, value, observed):
        return value
    is_object = isinstance(value, dict) and isinstance(observed, dict) and field.type is Type.OBJECT
    return {key: observed.get(key) for key in value if key[:2] != "__"} if is_object else observed


def stored(schema: Schema, plan: Values, olds: Values) -> Values:
    """State after an update, from its plan. A number or text dropped from the program becomes 0 or empty."""
    cleared = {name: _NOTHING.get(field.type) for name, field in schema.items() if olds.get(name) is not None}
    values = {name: cleared.get(name) if value is None else value for name, value in plan.items()}
    return foreign(schema, olds) | values


def unfinished(schema: Schema, plan: Values) -> Values:
    """State of a resource that was created and then failed, from its plan; unknown values are empty."""
    empty: Values = {
        name: [] if field.type is Type.SET and field.computed else None for name, field in schema.items()
    }
    return {name: empty[name] if value == UNKNOWN else value for name, value in plan.items()}


_NOTHING: Mapping[Type, Any] = MappingProxyType({Type.NUMBER: 0, Type.TEXT: ""})


def imported(schema: Schema, observed: Values) -> Values:
    """Inputs of an imported resource: the engine's values, except empty ones and defaults."""
    return {
        key: _imported(field, value)
        for key, field in schema.items()
        if field.settable and field.supported and (value := observed.get(key)) and value != field.default
    }


def _imported(field: Field, value: Any) -> Any:
    if field.parts and isinstance(value, list):
        return [imported(field.parts, entry) for entry in value]
    return imported(field.parts, value) if field.parts else value
