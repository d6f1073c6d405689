"""Origins of images that another stack published, and containers' changes between such images."""

from collections.abc import Iterable, Mapping
from typing import TypedDict

from catalogue.naming import variant_of
from catalogue.stack_outputs import StackOutputs
from catalogue.urns import type_of
from mocks.engine import BUILD, CONTAINER, NODE_CONTAINER, PULLED, Engine, Origin
from mocks.previews import Preview

Origins = Mapping[str, Origin]
"""Origin by digest of a variant or a manifest list."""


class ImageChange(TypedDict):
    """Change of a container between two images; None is an image of unknown origin."""

    before: Origin | None
    after: Origin | None


def origins(stack: str, run: Engine, outputs: StackOutputs) -> Origins:
    """Origins of the images that a run of a stack published, by the digests in its outputs."""
    contexts = {variant_of(entry.name)[0]: entry.inputs["context"] for entry in run.all_of(BUILD)}
    return {
        digest: {"image": image, "stack": stack, "context": contexts[image]}
        for image, tags in outputs["images"].items()
        for entry in tags.values()
        for digest in (entry["digest"], *(variant["digest"] for variant in entry["variants"].values()))
    }


def changed_images(steps: Iterable[Preview], before: Origins, after: Origins) -> list[ImageChange]:
    """List the containers' changes of images, equal ones once, unless both origins are unknown."""
    changes: list[ImageChange] = []
    for step in steps:
        if type_of(step["urn"]) not in (PULLED, CONTAINER, NODE_CONTAINER):
            continue
        was, would = (
            step.get(state, {}).get("inputs", {}).get("image") for state in ("oldState", "newState")
        )
        if was and would and was != would:
            sides: ImageChange = {"before": before.get(_digest(was)), "after": after.get(_digest(would))}
            if any(sides.values()) and sides not in changes:
                changes.append(sides)
    return changes


def _digest(image: str) -> str:
    return image.rpartition("@")[2]
