"""Check of inputs by a schema: defaults are filled in, and faults are reported."""

import re
from typing import Any

from providers.container.schema import Field, Schema, Type
from providers.kind import UNKNOWN, CheckResult, Values

_WRAPPED = "4dabf18193072939515e22adb298388d"
"""Key of a wrapped secret, sdk/python `pulumi.runtime.rpc._special_sig_key`."""
_WHOLE = re.compile(r"-?\d+", re.ASCII)


def checked(schema: Schema, inputs: Values) -> CheckResult:
    """Add defaults to the inputs, and report each input that is missing, invalid or not supported.

    Keys that begin with `__` belong to the official plugin and are dropped.
    """
    faults: list[tuple[str, str]] = []
    return CheckResult(inputs=_object("", schema, inputs, faults), failures=faults)


def _object(prefix: str, schema: Schema, inputs: Values, faults: list[tuple[str, str]]) -> Values:
    result: Values = {}
    for key, value in inputs.items():
        path, field = f"{prefix}{key}", schema.get(key)
        if key.startswith("__") or value is None:
            continue
        if field is None or not field.settable:
            allowed = ", ".join(
                sorted(name for name, field in schema.items() if field.settable and field.supported)
            )
            faults.append((path, f"no such input; allowed: {allowed}"))
        elif not field.supported:
            faults.append((path, "the stand-in docker plugin does not support it (docs/docker-plugin.md)"))
        else:
            result[key] = _value(path, field, value, faults)
    for key, field in schema.items():
        if inputs.get(key) is None:
            if field.required:
                faults.append((f"{prefix}{key}", "is missing"))
            elif field.default:  # like the official plugin, which omits defaults that are false, 0 or empty
                result[key] = field.default
    return result


def _value(path: str, field: Field, value: Any, faults: list[tuple[str, str]]) -> Any:
    if isinstance(value, dict) and _WRAPPED in value:
        value = value["value"]
    if value == UNKNOWN:
        return value
    try:
        result = _shaped(path, field, value, faults)
    except ValueError as error:
        faults.append((path, f"{value!r} is not {error}"))
        return value
    if field.rule and (fault := field.rule(result)):
        faults.append((path, fault))
    return result


def _shaped(path: str, field: Field, value: Any, faults: list[tuple[str, str]]) -> Any:
    """Convert a value to its field's type. Raises ValueError that names the type."""
    match field.type:
        case Type.LIST | Type.SET:
            entries = value if isinstance(value, list) else [value]
            return [
                part if part is None else _value(f"{path}[{number}]", field.entry, part, faults)
                for number, part in enumerate(entries)
            ]
        case Type.MAP:
            if not isinstance(value, dict) or not all(isinstance(part, str) for part in value.values()):
                raise ValueError("a map of strings")
            return value
        case Type.OBJECT:
            fields = value[0] if isinstance(value, list) and len(value) == 1 else value
            if not isinstance(fields, dict):
                raise ValueError("an object")
            return _object(f"{path}.", field.parts, fields, faults)
        case _:
            return _scalar(field.type, value)


def _scalar(kind: Type, value: Any) -> Any:
    if isinstance(value, list | dict):
        raise ValueError("a single value")
    if kind is Type.TEXT:
        return str(value).lower() if isinstance(value, bool) else str(value)
    if kind is Type.FLAG:
        if value not in (True, False, "true", "false"):
            raise ValueError("true or false")
        return value in (True, "true")
    if isinstance(value, float) or (isinstance(value, str) and not _WHOLE.fullmatch(value)):
        raise ValueError("a whole number")
    return int(value)
