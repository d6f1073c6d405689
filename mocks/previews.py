"""Previews as `pulumi preview --json --show-sames` prints them, from two runs of the real program.

Instead of the engine, this module decides which resources are new, changed, replaced or deleted.
"""

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from pulumi.runtime.rpc import UNKNOWN as UNKNOWN_TEXT

from mocks.aliases import former_in, formers
from mocks.engine import (
    CONTAINER,
    ECR,
    IMAGE,
    NETWORK,
    STACK,
    STACK_REFERENCE,
    TAG,
    VOLUME,
    Engine,
    Registered,
)
from mocks.wire import UNKNOWN, Secret

Preview = dict[str, Any]
_ALL = "*"
REPLACED: Mapping[str, Collection[str]] = MappingProxyType(
    {
        CONTAINER: (_ALL,),
        VOLUME: (_ALL,),
        NETWORK: (_ALL,),
        TAG: ("repository", "tag"),
        ECR: ("name",),
    }
)
"""Type → inputs whose change replaces the resource; the docker plugin changes a few of them in place."""
PROTECTED = (
    'error: Preview failed: resource "{0}" cannot be deleted\nbecause it is protected. To unprotect the '
    "resource, either remove the `protect` flag from the resource in your Pulumi program and run `pulumi "
    "up`, or use the command:\n`pulumi state unprotect '{0}'`"
)
"""Pulumi's message for a deletion (pulumi/pulumi, `pkg/resource/deploy/step.go`, deleteProtectedError)."""
KEPT = (
    'error: unable to replace resource "{0}"\nas it is currently marked for protection. To unprotect the '
    "resource, remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"
)
"""Pulumi's message for a replacement that would delete (`step_generator.go` in the same folder)."""


def preview_of(before: Engine, after: Engine) -> Preview:
    """Preview of `after` over the state that `before` produced."""
    old = {entry.urn: entry for entry in before.registered}
    new = {entry.urn: entry for entry in after.registered}
    steps = [*_steps(old, new, before, after), *_deletions(new, before, after)]
    counts = [step["op"] for step in steps]
    summary = {op: counts.count(op) for op in dict.fromkeys(counts)}
    refusals = (_refusal(step) for step in steps)
    refused = [{"severity": "error", "message": refusal} for refusal in refusals if refusal]
    return {"steps": steps, "changeSummary": summary, **({"diagnostics": refused} if refused else {})}


def first_preview(engine: Engine) -> Preview:
    """Preview of a stack that has no state."""
    return preview_of(Engine(), engine)


def _steps(
    old: Mapping[str, Registered], all_new: Mapping[str, Registered], before: Engine, after: Engine
) -> Iterator[Preview]:
    for entry in after.registered:
        was = former_in(entry, all_new, old, after.make_urn)
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
        is_made = entry.custom and entry.type != STACK
        changes = [path for path in paths if is_made and path not in entry.ignore_changes]
        yield {
            "op": _operation(entry, changes),
            "urn": entry.urn,
            "oldState": state,
            "newState": new,
            "detailedDiff": {path: {"kind": "update", "inputDiff": True} for path in changes} or None,
        }


def _refusal(step: Preview) -> str:
    """Pulumi's message if a step would delete a protected resource; a replacement may drop the protection."""
    if step["op"] not in ("delete", "replace") or not step["oldState"]["protect"]:
        return ""
    if step["op"] == "delete":
        return PROTECTED.format(step["urn"])
    return KEPT.format(step["urn"]) if step["newState"]["protect"] else ""


def _operation(entry: Registered, changes: Collection[str]) -> str:
    if not changes:
        return "same"
    replacing = {*REPLACED.get(entry.type, ()), *entry.replace_on_changes}
    return "replace" if _ALL in replacing or replacing.intersection(changes) else "update"


def _deletions(new: Mapping[str, Registered], before: Engine, after: Engine) -> Iterator[Preview]:
    """Yield the deletions in the engine's order, children first."""
    present = {former.urn for entry in after.registered for former in formers(entry, new, after.make_urn)}
    for entry in reversed(before.registered):
        if entry.urn not in present:
            yield {"op": "delete", "urn": entry.urn, "oldState": _state(entry, before)}


def _state(entry: Registered, engine: Engine) -> Preview:
    state = {
        "urn": entry.urn,
        "custom": entry.custom,
        "type": entry.type,
        "parent": entry.parent,
        "inputs": plain(entry.inputs),
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
        return plain(dict(engine.outputs)[entry.urn])
    if entry.type == STACK_REFERENCE:
        return {**entry.inputs, "outputs": engine.stacks[entry.inputs["name"]]}
    return {"digest": engine.digest(entry.name)} if entry.type == TAG else plain(entry.inputs)


def plain(value: Any) -> Any:
    """Convert a decoded value to the form that it has in a preview."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if value is UNKNOWN:
        return UNKNOWN_TEXT
    return "[secret]" if isinstance(value, Secret) else value
