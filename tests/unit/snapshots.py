"""A resource graph as text for a reviewer: one block per resource, sorted, with placeholders for digests."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalogue.images import NAMED_CONTEXTS
from mocks.engine import STACK, Registered
from mocks.wire import UNKNOWN, Secret
from tests.unit.engine import Engine

PLACEHOLDER = "sha256:<{}>"
"""Placeholder of a digest; it names what has the digest."""


@dataclass(frozen=True, slots=True)
class Block:
    """One resource of a snapshot."""

    type: str
    name: str
    parent: str
    """Name of the parent component; empty if there is none."""
    aliases: tuple[str, ...]
    options: frozenset[str]
    inputs: tuple[str, ...]
    """Inputs, line by line."""


Identity = tuple[str, str]
"""(types of all ancestors and its own, name): the part of a URN that differs within a stack."""


def rendered(engine: Engine) -> str:
    """All resources but the stack, then the stack's outputs."""
    entries = sorted(
        (entry for entry in engine.registered if entry.type != STACK),
        key=lambda entry: (entry.parent != _stack(engine).urn, entry.type, entry.name),
    )
    blocks = [_block(engine, entry) for entry in entries]
    text = "\n".join([*blocks, "outputs", *_lines(engine.exports()), ""])
    text = re.sub(rf"({NAMED_CONTEXTS}: )[0-9a-f]{{64}}", r"\1<hash>", text)
    for digest, name in engine.digests.items():
        text = text.replace(digest, PLACEHOLDER.format(name))
    return text


def _stack(engine: Engine) -> Registered:
    return next(entry for entry in engine.registered if entry.type == STACK)


def _block(engine: Engine, entry: Registered) -> str:
    names = {resource.urn: resource.name for resource in engine.registered}
    words = [entry.type, entry.name]
    if entry.parent != _stack(engine).urn:
        words.append(f"parent={names[entry.parent]}")
    if entry.provider:
        words.append(f"provider={names[entry.provider]}")
    if entry.version:
        words.append(f"version={entry.version}")
    words += [f"alias={alias}" for alias in entry.aliases]
    words += [f"replace_on={path}" for path in entry.replace_on_changes]
    for option in ("protect", "retain_on_delete", "delete_before_replace"):
        if getattr(entry, option):
            words.append(option)
    return "\n".join(["  ".join(words), *_lines(entry.inputs)])


def _lines(value: Mapping[str, Any], indent: str = "    ") -> list[str]:
    lines: list[str] = []
    for key in sorted(value):
        inner = value[key]
        if isinstance(inner, dict) and inner:
            lines += [f"{indent}{key}:", *_lines(inner, indent + "    ")]
        elif isinstance(inner, list) and inner:
            lines += [f"{indent}{key}:", *(f"{indent}    - {_scalar(entry)}" for entry in inner)]
        else:
            lines.append(f"{indent}{key}: {_scalar(inner)}")
    return lines


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value if value and value == value.strip() and value.isprintable() else json.dumps(value)
    if isinstance(value, Secret):
        return "<secret>"
    if value is UNKNOWN:
        return "<unknown>"
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=_scalar)


def read_blocks(text: str) -> list[Block]:
    """Read the resources of a snapshot."""
    found: list[tuple[list[str], list[str]]] = []
    for line in text.partition("\noutputs\n")[0].splitlines():
        if line.startswith(" "):
            found[-1][1].append(line.strip())
        else:
            found.append((line.split("  "), []))
    return [_read_block(words, inputs) for words, inputs in found]


def _read_block(words: list[str], inputs: list[str]) -> Block:
    said = [word.split("=", 1) for word in words[2:]]
    return Block(
        type=words[0],
        name=words[1],
        parent=next((value for key, *rest in said if key == "parent" for value in rest), ""),
        aliases=tuple(value for key, *rest in said if key == "alias" for value in rest),
        options=frozenset(key for key, *rest in said if not rest),
        inputs=tuple(inputs),
    )


def identities(block: Block, components: Mapping[str, Block]) -> set[Identity]:
    """Current and earlier identities of a resource, by its own and its parents' aliases.

    Parents are found by name. Like the engine, this gives children their parent's alias: where a name begins
    with the parent's, the parent's former name takes that place.
    """
    above: set[Identity] = {("", "")}
    parent = components.get(block.parent)
    if parent is not None:
        above = identities(parent, components)
    found = set()
    for types, former in above:
        inherited = parent is not None and block.name.startswith(parent.name)
        name = former + block.name.removeprefix(block.parent) if inherited else block.name
        own = (alias for alias in block.aliases if not alias.startswith("urn:"))
        found |= {(f"{types}${block.type}".lstrip("$"), alias) for alias in (name, *own)}
    for alias in block.aliases:
        if alias.startswith("urn:"):
            _, _, types, name = alias.split("::")
            found.add((types, name))
    return found
