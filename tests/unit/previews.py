"""Previews made by hand, and previews with more nodes than their stack has."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from mocks.previews import Preview

STACK = "urn:pulumi:release::skycoin::pulumi:pulumi:Stack::skycoin-release"
SAME: Mapping[str, Any] = {"op": "same", "urn": STACK, "oldState": {"urn": STACK}, "newState": {"urn": STACK}}
"""Step for the stack's own resource, which is in every preview of the engine that has not failed."""


def complete(*steps: Mapping[str, Any], **more: Any) -> Preview:
    """Preview with these steps, the stack's own step, and the counts that the engine adds to them."""
    has_own = any("::pulumi:pulumi:Stack::" in step["urn"] for step in steps)
    everything = [*([] if has_own else [SAME]), *steps]
    uncounted = ("refresh", "read", "delete-replaced", "create-replacement", "discard-replaced")
    counts = Counter(step["op"] for step in everything if step["op"] not in uncounted)
    return {"steps": everything, "changeSummary": dict(counts), **more}


def recounted(preview: Mapping[str, Any]) -> Preview:
    """The preview with the counts of its present steps."""
    more = {key: value for key, value in preview.items() if key not in ("steps", "changeSummary")}
    return complete(*preview["steps"], **more)


def copies(preview: Preview, name: str, count: int) -> Preview:
    """The preview with `count` copies of the node, each on its own host, in place of that node."""
    its = [step for step in preview["steps"] if f"::{name}" in step["urn"]]
    rest = [step for step in preview["steps"] if step not in its]
    text = json.dumps(its)
    made = [step for number in range(count) for step in json.loads(text.replace(name, f"{name}-{number:03}"))]
    return recounted({**preview, "steps": [*rest, *made]})
