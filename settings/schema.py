"""JSON schema of a stack's settings, for editors, messages and the page of all keys.

It is generated from the models. A value has the schema's own keywords (`type`, `enum`, `minimum` …),
`allowed` if those are not enough, and the `unit` of a number.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import NullableSchema

from catalogue.images import CATALOGUE
from catalogue.registries import RegistryKind
from catalogue.workspaces import WORKSPACES
from settings.fields import NAME
from settings.image import ORIGINS
from settings.registry import REGISTRY_KEYS
from settings.stack import StackSettings
from settings.words import Schema

NAMESPACE = "skycoin"
SECRETS = "build-secrets"

Location = tuple[int | str, ...]

_LINK = re.compile(r"\[([^]]+)\]\([^)]+\)")
_LEFT_OUT = ("title", "$ref", "$defs")
_ENCRYPTED = {
    "type": "object",
    "properties": {"secure": {"type": "string"}},
    "required": ["secure"],
    "additionalProperties": False,
}
"""Schema of a secret as `pulumi config set --secret` writes it."""
_NAMES: Mapping[str, Schema] = MappingProxyType(
    {
        "images": {"enum": list(CATALOGUE)},
        "workspaces": {"enum": list(WORKSPACES)},
        **{section: {"pattern": f"^{NAME.pattern}$"} for section in ("registries", "hosts", "nodes")},
    }
)
"""Schemas of the names of entries, by section."""


class _Generator(GenerateJsonSchema):
    """Generator of schemas in which optional values can't be null."""

    def nullable_schema(self, schema: NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


@functools.cache
def stack_schema() -> Schema:
    """Schema of all settings under `skycoin:`; its keys lack the namespace."""
    made = StackSettings.model_json_schema(schema_generator=_Generator)
    return _inlined(made, made["$defs"])  # type: ignore[no-any-return]


def _inlined(schema: Any, definitions: Schema) -> Any:
    """Schema without references, titles, line breaks and null defaults."""
    if isinstance(schema, list):
        return [_inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return " ".join(schema.split()) if isinstance(schema, str) else schema
    if "$ref" in schema:
        schema = {**definitions[schema["$ref"].rpartition("/")[2]], **schema}
    return {
        key: _keys(value, definitions) if key == "properties" else _inlined(value, definitions)
        for key, value in schema.items()
        if key not in _LEFT_OUT and not (key == "default" and value is None)
    }


def _keys(properties: Schema, definitions: Schema) -> Schema:
    return {name: _inlined(one, definitions) for name, one in properties.items()}


def at(location: Sequence[int | str]) -> Schema:
    """Schema of the value at a location; empty if there is no such key."""
    schema = stack_schema()
    for part in location:
        schema = _inside(schema, part)
    return schema


def _inside(schema: Schema, part: int | str) -> Schema:
    if isinstance(part, int):
        found: Any = schema.get("items")
    else:
        found = schema.get("properties", {}).get(part) or schema.get("additionalProperties")
    return found if isinstance(found, dict) else {}


def keys_beside(location: Location) -> list[str]:
    """YAML keys that are allowed at the level of a location's last part."""
    return list(at(location[:-1]).get("properties", ()))


def file_schema() -> Schema:
    """Schema of a stack's file, as editors read it."""
    keys = {f"{NAMESPACE}:{name}": _for_editors(one) for name, one in stack_schema()["properties"].items()}
    keys[f"{NAMESPACE}:{SECRETS}"]["patternProperties"] = {".*": _ENCRYPTED}
    for section, names in _NAMES.items():
        keys[f"{NAMESPACE}:{section}"]["propertyNames"] = names
    keys[f"{NAMESPACE}:registries"]["additionalProperties"]["allOf"] = [*map(_of_kind, REGISTRY_KEYS)]
    image = keys[f"{NAMESPACE}:images"]["additionalProperties"]
    image["properties"]["source"]["oneOf"] = [{"required": [origin]} for origin in ORIGINS]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Stack of Skycoin's infrastructure",
        "description": "Made from settings/ by `UPDATE_SNAPSHOTS=1 make unit`; as a page: docs/settings.md",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": keys,
                # Keys of Pulumi and its plugins.
                "patternProperties": {f"^(?!{NAMESPACE}:)[^:]+:": {}},
                "additionalProperties": False,
            },
            **{key: {} for key in ("encryptionsalt", "encryptedkey", "secretsprovider", "environment")},
        },
        "additionalProperties": False,
    }


def _of_kind(kind: RegistryKind) -> Schema:
    """Keys of a registry of one kind."""
    needed, others = REGISTRY_KEYS[kind]
    names = ["kind", *needed, *others, "optional"]
    return {
        "if": {"properties": {"kind": {"const": kind.value}}},
        "then": {"required": list(needed), "propertyNames": {"enum": names}},
    }


def _for_editors(schema: Any) -> Any:
    """Schema with JSON schema's own keywords only, and descriptions without links."""
    if not isinstance(schema, dict):
        return schema
    made = {key: _for_editors(value) for key, value in schema.items() if key not in ("allowed", "unit")}
    if "properties" in schema:
        made["properties"] = {key: _for_editors(one) for key, one in schema["properties"].items()}
    if isinstance(description := schema.get("description"), str):
        made["description"] = _LINK.sub(r"\1", description)
    return made
