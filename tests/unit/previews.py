"""Previews with more nodes than their stack has."""

import json

from mocks.previews import Preview


def copies(preview: Preview, name: str, count: int) -> Preview:
    """The preview with `count` copies of the node, each on its own host, in place of that node."""
    its = [step for step in preview["steps"] if f"::{name}" in step["urn"]]
    rest = [step for step in preview["steps"] if step not in its]
    text = json.dumps(its)
    made = [step for number in range(count) for step in json.loads(text.replace(name, f"{name}-{number:03}"))]
    return {**preview, "steps": [*rest, *made]}
