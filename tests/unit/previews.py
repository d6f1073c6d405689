"""Previews as `pulumi preview --json --show-sames` prints them, from two runs of the real program.

This plays the engine: it says which resource is new, changed, replaced or gone, with its options.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi.runtime.rpc import UNKNOWN as UNKNOWN_TEXT

from review.causes import IMAGE
from tests.unit.engine import CONTAINER, STACK, TAG, Engine, Registered
from tests.unit.wire import UNKNOWN, Secret

Preview = dict[str, Any]


def preview_of(before: Engine, after: Engine) -> Preview:
    """Preview of `after` over a state that `before` has made."""
    old = {entry.urn: entry for entry in before.registered}
    steps = [*_steps(old, before, after), *_deletions(old, after)]
    counts = [step["op"] for step in steps]
    return {"steps": steps, "changeSummary": {op: counts.count(op) for op in dict.fromkeys(counts)}}


def first_preview(engine: Engine) -> Preview:
    """Preview of a stack that has no state."""
    return preview_of(Engine(), engine)


def _steps(old: Mapping[str, Registered], before: Engine, after: Engine) -> Iterator[Preview]:
    for entry in after.registered:
        was = old.get(entry.urn)
        new = _state(entry, after)
        if was is None:
            yield {"op": "create", "urn": entry.urn, "newState": new}
            continue
        state = _state(was, before)
        paths = sorted(
            key
            for key in {*state["inputs"], *new["inputs"]}
            if state["inputs"].get(key) != new["inputs"].get(key)
        )
        changes = paths if entry.custom and entry.type != STACK else []
        op = ("replace" if entry.type == CONTAINER else "update") if changes else "same"
        yield {
            "op": op,
            "urn": entry.urn,
            "oldState": state,
            "newState": new,
            "detailedDiff": {path: {"kind": "update", "inputDiff": True} for path in changes} or None,
        }


def _deletions(old: Mapping[str, Registered], after: Engine) -> Iterator[Preview]:
    """Deletions in the engine's order: children first."""
    there = {entry.urn for entry in after.registered}
    for urn, entry in reversed([*old.items()]):
        if urn not in there:
            yield {"op": "delete", "urn": urn, "oldState": _state(entry, after)}


def _state(entry: Registered, engine: Engine) -> Preview:
    state = {
        "urn": entry.urn,
        "custom": entry.custom,
        "type": entry.type,
        "parent": entry.parent,
        "inputs": _plain(entry.inputs),
        "outputs": _outputs(entry, engine),
        "dependencies": sorted(entry.dependencies),
    }
    if entry.provider:
        state["provider"] = f"{entry.provider}::6ed0fd"
    return state | {
        "protect": entry.protect,
        "retainOnDelete": entry.retain_on_delete,
        "replaceOnChanges": sorted(entry.replace_on_changes),
        "deletedWith": entry.deleted_with,
    }


def _outputs(entry: Registered, engine: Engine) -> Any:
    if entry.type == IMAGE:
        return _plain(dict(engine.outputs)[entry.urn])
    return {"digest": engine.digest(entry.name)} if entry.type == TAG else _plain(entry.inputs)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if value is UNKNOWN:
        return UNKNOWN_TEXT
    return "[secret]" if isinstance(value, Secret) else value


def copies(preview: Preview, name: str, count: int) -> Preview:
    """The preview with `count` nodes in the place of one, each on a host of its own."""
    its = [step for step in preview["steps"] if f"::{name}" in step["urn"]]
    rest = [step for step in preview["steps"] if step not in its]
    text = json.dumps(its)
    made = [one for number in range(count) for one in json.loads(text.replace(name, f"{name}-{number:03}"))]
    return {**preview, "steps": [*rest, *made]}
