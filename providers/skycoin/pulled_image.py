"""skycoin:index:PulledImage: makes sure that a host's engine has an image (clients/pull.py).

A host that already has the digest is left alone, even if the registry or the way to it changes.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from catalogue.naming import engine_name
from clients.engine import connect
from clients.pull import ensure_image, expected_name, is_same, known_as
from providers.kind import UNKNOWN, Change, InputsAsState, ReadResult, Values, refuse_import
from providers.log import Status
from providers.skycoin.older_images import protect_image


class PulledImage(InputsAsState):
    """An image on a host. Its state is the inputs, and {ref: name by which the engine knows the image}."""

    inputs: ClassVar[tuple[str, ...]] = ("host", "engine", "sshOptions", "image", "pullFrom")

    def __init__(self, status: Status, client: Callable[[Values], Any] = connect) -> None:
        self._status = status
        self._client = client

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Report every change as an update; if the host has the digest, only the state changes."""
        return Change(updates=tuple(self.changed(old_inputs, news)))

    def planned(self, news: Values, olds: Values | None) -> Values:
        """Predict the state: the inputs, and the name that the image has on the host or will get there."""
        if (known_name := _known_name(olds, news)) is not None:
            return {**news, "ref": known_name}
        if UNKNOWN in (news.get("image"), news.get("pullFrom"), news.get("engine")):
            return {**news, "ref": UNKNOWN}
        return {**news, "ref": expected_name(news["image"], news)}

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Pull the image if it is missing."""
        protect_image(inputs)
        ref = ensure_image(self._client(inputs), inputs["image"], inputs, self._status)
        return f"{inputs['host']}/{inputs['image']}", {**inputs, "ref": ref}

    def read(self, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Read the engine's name for the image; None if the engine no longer has it."""
        refuse_import(inputs, "the image on a host")
        api = self._client(inputs).api
        ref = known_as(api, state.get("ref") or inputs["image"])
        return (
            None if ref is None else ReadResult(identity=identity, state={**state, "ref": ref}, inputs=inputs)
        )

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Pull the image if it is missing; else keep the recorded name, so that no container changes."""
        protect_image(news)
        client, known_name = self._client(news), _known_name(olds, news)
        if known_name is not None and known_as(client.api, known_name) == known_name:
            return {**news, "ref": known_name}
        return {**news, "ref": ensure_image(client, news["image"], news, self._status)}

    def delete(self, identity: str, state: Values) -> None:
        """Leave the image in place: a container of this stack or another may run it."""


def _known_name(olds: Values | None, news: Values) -> str | None:
    """Name that the state has for the same digest on the same engine; None if there is none."""
    before = olds or {}
    # docker's RemoteImage in a state of version 0.1.0 has a name, and no host.
    ref: str | None = before.get("ref") or before.get("name")
    engines = {
        engine_name(inputs.get("engine") or "") for inputs in (before if "host" in before else news, news)
    }
    return ref if ref is not None and len(engines) == 1 and is_same(ref, news["image"]) else None
