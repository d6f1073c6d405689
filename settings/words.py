"""Schemas in words, for messages: the allowed values, and the name that was probably meant."""

import difflib
import functools
import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import yaml

Schema = Mapping[str, Any]
"""JSON schema, or a part of one."""
_NEAR = 0.8
"""Lowest similarity, from 0 to 1, at which a name counts as a typo of another."""


def allowed(schema: Schema) -> str:
    """Description of the values that a schema allows: a noun phrase or a list."""
    if "allowed" in schema:
        return str(schema["allowed"])
    if "enum" in schema:
        return ", ".join(map(yaml_of, schema["enum"]))
    known = {"boolean": _boolean, "integer": _number, "array": _list, "object": _object}
    return known.get(schema.get("type", ""), _text)(schema)


def sentence(schema: Schema, given: Any) -> str:
    """Clause `must be …` or `must have …` for the error of a wrong value."""
    words = allowed(schema)
    if schema.get("type") == "string" and "enum" not in schema and not isinstance(given, str):
        quotes = "; a number needs quotes" if isinstance(given, int | float) else ""
        quotes = "; true and false need quotes" if isinstance(given, bool) else quotes
        return f"must be text{f' ({words})' if words != 'text' else ''}{quotes}"
    if schema.get("type") == "object" and "properties" not in schema:
        return f"must have {words}"
    start = "one of " if "enum" in schema else "an entry with " if "properties" in schema else ""
    return f"must be {start}{words}"


def example(schema: Schema) -> Any:
    """Example of a value that a schema allows; if there is a choice, not the default."""
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema:
        return next(value for value in schema["enum"] if value != schema.get("default"))
    if schema["type"] == "boolean":
        return not schema["default"]
    return [example(schema["items"])]


def yaml_of(value: Any) -> str:
    """Value as YAML on one line, in quotes if YAML would otherwise read another value."""
    if isinstance(value, list):
        return f"[{', '.join(map(yaml_of, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {yaml_of(entry)}' for key, entry in value.items())}}}"
    plain = isinstance(value, str) and _is_itself(value)
    return value if plain else json.dumps(value, ensure_ascii=False)


@functools.cache
def _is_itself(text: str) -> bool:
    """True if a text without quotes is YAML for itself."""
    try:
        return bool(yaml.safe_load(f"[{text}]") == [text])
    except (yaml.YAMLError, ValueError):  # ValueError: an impossible date
        return False


def nearest(given: object, names: Iterable[str]) -> str | None:
    """Name that was probably meant; None if no name is near, or if several are equally near."""
    likeness = {
        name: difflib.SequenceMatcher(None, str(given).lower(), name.lower()).ratio() for name in names
    }
    best = max(likeness.values(), default=0.0)
    best_names = [name for name, ratio in likeness.items() if ratio == best]
    return best_names[0] if best >= _NEAR and len(best_names) == 1 else None


def did_you_mean(given: object, names: Iterable[str]) -> str:
    """Question such as `; did you mean attic?`; empty if no name is near."""
    meant = nearest(given, names)
    return f"; did you mean {meant}?" if meant else ""


def not_listed(given: str, section: str, names: Collection[str]) -> str:
    """Error for a name that is not in a section."""
    defined = ", ".join(names) or "none"
    return f"{given!r} is not in skycoin:{section}; defined {section}: {defined}{did_you_mean(given, names)}"


def not_built_for(host: str, variant: str, image: str, arches: Iterable[str]) -> str:
    """Error for a host of an architecture that an image is not built for."""
    only = f"{image} is built for {', '.join(arches)} only"
    return f"{host} needs {variant}, but {only}: add {variant} to its arches"


def _text(_: Schema) -> str:
    return "text"


def _boolean(_: Schema) -> str:
    return "true or false"


def _number(schema: Schema) -> str:
    of = f" of {schema['unit']}" if "unit" in schema else ""
    if "maximum" not in schema:
        return f"a whole number{of}, {schema['minimum']} or more"
    return f"a whole number{of} from {schema['minimum']} to {schema['maximum']}"


def _list(schema: Schema) -> str:
    entry, least = schema["items"], " with at least one entry" if schema.get("minItems") else ""
    each = f"{'one of ' if 'enum' in entry else ''}{allowed(entry)}"
    return f"a list{least}, such as {yaml_of(example(schema))}; each entry is {each}"


def _object(schema: Schema) -> str:
    if "properties" in schema:
        return f"the keys {', '.join(schema['properties'])}"
    return "an entry for each name, NAME: VALUE"
