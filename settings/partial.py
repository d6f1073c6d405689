"""Settings without their wrong values, so that all other errors can be reported at the same time."""

import contextlib
import functools
import typing
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import create_model

from settings.model import Settings
from settings.rules import RULES
from settings.schema import Location
from settings.stack import StackSettings

_UNKNOWN = (AttributeError, LookupError, RuntimeError)
"""Errors of a rule that reads an absent value, or an entry whose values were not checked together."""


class _OneKey(Settings, use_attribute_docstrings=False):
    """Base of models of a single key; pydantic would search all source files for each model's docstrings."""


def without_wrong(raw: Mapping[str, Any], wrong: Collection[Location]) -> StackSettings:
    """Settings with only the valid values of `raw`. Entries with wrong values come last."""
    return typing.cast("StackSettings", _entry(StackSettings, raw, wrong, ()))


def entry_faults(entry: Settings, here: Location = ()) -> Iterator[tuple[Location, str]]:
    """Yield (location of an entry, error between its keys) for errors that depend on no wrong value."""
    for rule in entry.key_rules:
        with contextlib.suppress(*_UNKNOWN):
            if fault := rule(entry):
                yield here, fault
    for name, field in type(entry).model_fields.items():
        place, value = (*here, field.alias or name), vars(entry).get(name)
        for key, inner in value.items() if isinstance(value, dict) else [("", value)]:
            if isinstance(inner, Settings):
                yield from entry_faults(inner, (*place, key) if key else place)


def known_faults(settings: StackSettings) -> Iterator[str]:
    """Yield the errors between entries that depend on no wrong value: a rule ends when it reads one."""
    for rule in RULES:
        with contextlib.suppress(*_UNKNOWN):
            yield from rule(settings)


def _entry(model: type[Settings], raw: Any, wrong: Collection[Location], here: Location) -> Settings:
    """Entry with only its valid values; without any if the entire entry is wrong."""
    made = model.model_construct()
    if here in wrong or not isinstance(raw, Mapping):
        made.__dict__.clear()
        return made
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key in raw or (*here, key) in wrong:
            made.__dict__.pop(name, None)
        if key in raw:
            made.__dict__.update(_value(model, name, raw[key], wrong, (*here, key)))
        if key in raw or (*here, key) in wrong:
            made.model_fields_set.add(name)
    return made


def _value(
    model: type[Settings], name: str, raw: Any, wrong: Collection[Location], here: Location
) -> dict[str, Any]:
    """{name: value} of a key; empty if the value is wrong."""
    if not _has(wrong, here):
        return {name: value_of(model, name, raw)}
    annotation = model.model_fields[name].annotation
    inner = model_of(annotation)
    if inner is None or here in wrong:
        return {}
    if typing.get_origin(annotation) is not dict:
        return {name: _entry(inner, raw, wrong, here)}
    last = sorted(raw, key=lambda entry: _has(wrong, (*here, entry)))
    return {name: {entry: _entry(inner, raw[entry], wrong, (*here, entry)) for entry in last}}


def value_of(model: type[Settings], name: str, raw: Any) -> Any:
    """Validate the value of one key without the other keys of its entry. Raises ValidationError."""
    return getattr(_one_key(model, name).model_validate({model.model_fields[name].alias: raw}), name)


@functools.cache
def _one_key(model: type[Settings], name: str) -> type[_OneKey]:
    field = model.model_fields[name]
    definition: Any = {name: (field.annotation, field)}
    return create_model("One", __base__=_OneKey, **definition)


def _has(wrong: Collection[Location], here: Location) -> bool:
    return any(location[: len(here)] == here for location in wrong)


def model_of(annotation: Any) -> type[Settings] | None:
    """Model of an entry, or of each entry of a map; None for other values."""
    kinds = (annotation, *typing.get_args(annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Settings)), None)
