"""Check of inputs by a schema: defaults are filled in, and unsupported inputs are reported."""

import re
from typing import Any

from providers.base import UNKNOWN, Checked, Values
from providers.docker.schema import Field, Schema, Type

_WRAPPED = "4dabf18193072939515e22adb298388d"
"""Key of a wrapped secret, sdk/python `pulumi.runtime.rpc._special_sig_key`."""
_WHOLE = re.compile(r"-?\d+", re.ASCII)


def checked(schema: Schema, given: Values) -> Checked:
    """Add defaults to the inputs, and report each input that is not supported.

    Keys that begin with `__` belong to the official plugin and are dropped.
    """
    faults: list[tuple[str, str]] = []
    return Checked(inputs=_object("", schema, given, faults), failures=faults)


def _object(place: str, schema: Schema, given: Values, faults: list[tuple[str, str]]) -> Values:
    result: Values = {}
    for key, value in given.items():
        path, one = f"{place}{key}", schema.get(key)
        if key.startswith("__") or value is None:
            continue
        if one is None or not one.given:
            known = ", ".join(sorted(name for name, one in schema.items() if one.given and one.served))
            faults.append((path, f"no such input; allowed are {known}"))
        elif not one.served:
            faults.append((path, "the stand-in docker plugin does not support it (docs/docker-plugin.md)"))
        else:
            result[key] = _value(path, one, value, faults)
    for key, one in schema.items():
        if given.get(key) is None:
            if one.required:
                faults.append((f"{place}{key}", "is missing"))
            elif one.default:  # like the official plugin, which omits defaults that are false, 0 or empty
                result[key] = one.default
    return result


def _value(place: str, one: Field, value: Any, faults: list[tuple[str, str]]) -> Any:
    if isinstance(value, dict) and _WRAPPED in value:
        value = value["value"]
    if value == UNKNOWN:
        return value
    try:
        result = _shaped(place, one, value, faults)
    except ValueError as error:
        faults.append((place, f"{value!r} is not {error}"))
        return value
    if one.rule and (fault := one.rule(result)):
        faults.append((place, fault))
    return result


def _shaped(place: str, one: Field, value: Any, faults: list[tuple[str, str]]) -> Any:
    """Convert a value to its field's type. Raises ValueError that names the type."""
    match one.type:
        case Type.LIST | Type.SET:
            entries = value if isinstance(value, list) else [value]
            return [
                part if part is None else _value(f"{place}[{number}]", one.entry, part, faults)
                for number, part in enumerate(entries)
            ]
        case Type.MAP:
            if not isinstance(value, dict) or not all(isinstance(part, str) for part in value.values()):
                raise ValueError("a map of strings")
            return value
        case Type.OBJECT:
            found = value[0] if isinstance(value, list) and len(value) == 1 else value
            if not isinstance(found, dict):
                raise ValueError("an object")
            return _object(f"{place}.", one.parts, found, faults)
        case _:
            return _scalar(one.type, value)


def _scalar(wanted: Type, value: Any) -> Any:
    if isinstance(value, list | dict):
        raise ValueError("a single value")
    if wanted is Type.TEXT:
        return str(value).lower() if isinstance(value, bool) else str(value)
    if wanted is Type.FLAG:
        if value not in (True, False, "true", "false"):
            raise ValueError("true or false")
        return value in (True, "true")
    if isinstance(value, float) or (isinstance(value, str) and not _WHOLE.fullmatch(value)):
        raise ValueError("a whole number")
    return int(value)
