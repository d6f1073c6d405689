"""Origins of images that another stack published, and containers' changes between such images."""

from collections.abc import Iterable, Mapping
from typing import Any

from catalogue.naming import variant_of
from catalogue.urns import type_of
from mocks.engine import BUILD, CONTAINER, NODE_CONTAINER, PULLED, Engine
from mocks.previews import Preview

Origins = Mapping[str, Mapping[str, Any]]
"""Digest → {image, stack, build context}."""


def origins(stack: str, run: Engine, outputs: Mapping[str, Any]) -> Origins:
    """Origins of the images that a run of a stack published, by the digests in its outputs."""
    contexts = {variant_of(entry.name)[0]: entry.inputs["context"] for entry in run.all_of(BUILD)}
    return {
        digest: {"image": image, "stack": stack, "context": contexts[image]}
        for image, tags in outputs["images"].items()
        for entry in tags.values()
        for digest in (entry["digest"], *(variant["digest"] for variant in entry["variants"].values()))
    }


def changed_images(steps: Iterable[Preview], before: Origins, after: Origins) -> list[Preview]:
    """List {before, after} for each container whose image changes; None for an image of unknown origin."""
    changes: list[Preview] = []
    for step in steps:
        if type_of(step["urn"]) not in (PULLED, CONTAINER, NODE_CONTAINER):
            continue
        was, would = (
            step.get(state, {}).get("inputs", {}).get("image") for state in ("oldState", "newState")
        )
        if was and would and was != would:
            sides = {"before": before.get(_digest(was)), "after": after.get(_digest(would))}
            if any(sides.values()) and sides not in changes:
                changes.append(sides)
    return changes


def _digest(image: str) -> str:
    return image.rpartition("@")[2]
