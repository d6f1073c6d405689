"""A recorded graph as text that a reviewer reads: one block a resource, sorted, no digest by its digits."""

import json
import re
from typing import Any

from components.contexts import ARGUMENT
from tests.unit.engine import STACK, Engine, Registered
from tests.unit.wire import UNKNOWN, Secret

PLACEHOLDER = "sha256:<{}>"
"""In the place of a digest: the name of what it is the digest of."""


def rendered(engine: Engine) -> str:
    """Every resource but the stack, then the stack's outputs."""
    entries = sorted(
        (entry for entry in engine.registered if entry.type != STACK),
        key=lambda entry: (entry.parent != _stack(engine).urn, entry.type, entry.name),
    )
    blocks = [_block(engine, entry) for entry in entries]
    text = "\n".join([*blocks, "outputs", *_lines(engine.exports()), ""])
    text = re.sub(rf"({ARGUMENT}: )[0-9a-f]{{64}}", r"\1<hash>", text)
    for digest, name in engine.digests.items():
        text = text.replace(digest, PLACEHOLDER.format(name))
    return text


def _stack(engine: Engine) -> Registered:
    return next(entry for entry in engine.registered if entry.type == STACK)


def _block(engine: Engine, entry: Registered) -> str:
    names = {one.urn: one.name for one in engine.registered}
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


def _lines(value: dict[str, Any], indent: str = "    ") -> list[str]:
    lines: list[str] = []
    for key in sorted(value):
        inner = value[key]
        if isinstance(inner, dict) and inner:
            lines += [f"{indent}{key}:", *_lines(inner, indent + "    ")]
        elif isinstance(inner, list) and inner:
            lines += [f"{indent}{key}:", *(f"{indent}    - {_scalar(one)}" for one in inner)]
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
