"""docs/settings.md, generated from the schema of a stack's settings."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from display.markdown import table
from settings.limits import Limits
from settings.schema import NAMESPACE, stack_schema
from settings.words import Schema, allowed, example, yaml_of

HEAD = """# Settings

Every key of a stack's file, `stacks/Pulumi.NAME.yaml`. How they work together: [stacks.md](stacks.md). An
unknown key is an error. Names of registries, images, hosts and nodes have up to 40 lower-case letters,
digits and `-`, and begin and end with a letter or digit.

Editors with the YAML language server, such as VS Code with its YAML extension, complete and check these keys
where the file begins with the line `# yaml-language-server: $schema=schema.json`, as those of `stacks/` do.
`pulumi config set` and `make up` leave that line where it is. Rules over several entries, such as
two nodes with the same port, are checked only by the program.

`UPDATE_SNAPSHOTS=1 make unit` generates this page from the docstrings and types in `settings/`.
"""
COLUMNS = ["key", "type", "allowed", "default", "example", "meaning"]
LIMITS = [name.replace("_", "-") for name in Limits.model_fields]
SHARED = ("hosts", "nodes")
"""Sections whose entries may have limits."""
TYPES = {"string": "text", "integer": "number", "boolean": "true or false"}


def page() -> str:
    """The whole page: the sections, then the keys of each."""
    sections = stack_schema()["properties"]
    parts = [HEAD, "## Sections", _table(f"{NAMESPACE}:", stack_schema())]
    for title, schema in _entries("", stack_schema()):
        shared = title.removeprefix(f"{NAMESPACE}:") in SHARED
        parts += [f"## {title}", _table(f"{title}: ", schema, LIMITS if shared else ())]
        if shared:
            parts.append("and the [limits](#limits).")
    host = sections["hosts"]["additionalProperties"]["properties"]
    parts += [
        "## Limits",
        "Keys of a host, which apply to all nodes on it, and of a node, which take precedence. What neither\n"
        "sets is that of the board ([list](boards.md)), or of a server.",
        _table("", {"properties": {key: host[key] for key in LIMITS}}),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _entries(title: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield (heading, schema) of everything that has keys."""
    for key, one in schema["properties"].items():
        name = f"{title}: {key}" if title else f"{NAMESPACE}:{key}"
        inner = _inner(one)
        if inner is not None:
            yield name, inner
            yield from _entries(name, inner)


def _inner(schema: Schema) -> Schema | None:
    entry = schema.get("additionalProperties")
    found = entry if isinstance(entry, Mapping) else schema
    return found if "properties" in found else None


def _table(title: str, entry: Schema, left_out: Collection[str] = ()) -> str:
    """The table of an entry's keys; `title` is the prefix of their headings."""
    rows = [
        _row(title, key, one, is_given=key in entry.get("required", ()))
        for key, one in entry["properties"].items()
        if key not in left_out
    ]
    return "\n".join(table(COLUMNS, rows))


def _row(title: str, key: str, schema: Schema, *, is_given: bool) -> list[str]:
    meaning, _, default = str(schema["description"]).partition(" Default: ")
    if is_given:
        default = "required"
    elif not default:
        default = "none" if "default" not in schema else f"`{yaml_of(schema['default'])}`"
    below = f"[below](#{anchor(title + key)})" if _inner(schema) else _allowed(schema)
    name = f"{title}{key}" if title == f"{NAMESPACE}:" else key
    return [f"`{name}`", _type(schema), below, default.rstrip("."), _example(schema), meaning]


def anchor(heading: str) -> str:
    """Fragment that GitHub generates for a heading."""
    return heading.lower().replace(":", "").replace(" ", "-")


def _type(schema: Schema) -> str:
    if schema["type"] == "array":
        return f"list of {TYPES[schema['items']['type']]}s"
    if schema["type"] == "object":
        return "keys" if "properties" in schema else "map by name"
    return TYPES[schema["type"]]


def _allowed(schema: Schema) -> str:
    if "enum" in schema:
        return ", ".join(f"`{yaml_of(value)}`" for value in schema["enum"])
    if schema["type"] == "array":
        least = ", at least one" if schema.get("minItems") else ""
        return _allowed(schema["items"]) + least
    if schema["type"] == "object":
        return "text by name"
    return allowed(schema)


def _example(schema: Schema) -> str:
    return "" if schema["type"] == "object" and "examples" not in schema else f"`{yaml_of(example(schema))}`"


def examples(schema: Schema, here: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield (path, example) of every key; paths leave out the names in maps."""
    for key, one in schema["properties"].items():
        if _example(one):
            yield (*here, key), example(one)
        inner = _inner(one)
        if inner is not None:
            yield from examples(inner, (*here, key))
