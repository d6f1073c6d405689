"""Image components of a preview: their resources, their changed builds, and their outputs in the state."""

from collections.abc import Iterable, Mapping
from typing import Any

from catalogue.urns import type_of
from review.options import BUILD
from review.steps import QUIET

IMAGE = "skycoin:index:Image"


class Images:
    """All images of one preview, by URN."""

    def __init__(self, steps: Iterable[Mapping[str, Any]]) -> None:
        entries = [*steps]
        states = {step["urn"]: step.get("newState") or step.get("oldState") or {} for step in entries}
        self._parents = {urn: str(state.get("parent")) for urn, state in states.items()}
        self._outputs = {
            step["urn"]: (step.get("oldState") or {}).get("outputs") or {}
            for step in entries
            if type_of(step["urn"]) == IMAGE
        }
        self._existing = {step["urn"] for step in entries if step.get("oldState")}
        builds = (
            step["urn"] for step in entries if type_of(step["urn"]) == BUILD and step["op"] not in QUIET
        )
        self.built = {self.around(urn) for urn in builds}
        """URNs of the images with a variant that changes."""

    def around(self, urn: str) -> str:
        """URN of the image that a resource belongs to; empty if the preview does not show it."""
        while urn in self._parents and urn not in self._outputs:
            urn = self._parents[urn]
        return urn if urn in self._outputs else ""

    def existed(self, urn: str) -> bool:
        """True if the state has the image, perhaps with other architectures."""
        return urn in self._existing

    def output(self, urn: str, name: str) -> Any:
        """Output of an image in the state; None if it is missing."""
        return self._outputs.get(urn, {}).get(name)
