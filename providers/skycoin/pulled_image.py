"""skycoin:index:PulledImage: an image that a host's engine has, whichever way it came (clients/pull.py).

A host that has the digest is left alone: another registry, or another way to it, changes nothing there.
"""

from collections.abc import Callable
from typing import Any

from catalogue.naming import engine_name
from clients.engine import connect
from clients.pull import ensure_image, expected_name, is_same, known_as
from providers.base import UNKNOWN, Change, Checked, Found, Values, unknown_inputs
from providers.log import Status
from providers.skycoin.older_images import want

INPUTS = ("host", "engine", "sshOptions", "image", "pullFrom")


class PulledImage:
    """State: the inputs and {ref: name by which the engine knows the image}."""

    def __init__(self, status: Status, client: Callable[[Values], Any] = connect) -> None:
        self._status = status
        self._client = client

    def check(self, name: str, olds: Values, news: Values) -> Checked:
        """Take the inputs as they are given; nothing is looked at."""
        unknown = unknown_inputs(news, INPUTS)
        return Checked(inputs=news, failures=[(key, "no such input") for key in unknown])

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Every change is an update; where the host has the digest, one of the state alone."""
        return Change(updates=tuple(key for key in INPUTS if old_inputs.get(key) != news.get(key)))

    def planned(self, news: Values, olds: Values | None) -> Values:
        """Inputs, with the name that the image has there, or is about to get."""
        if (kept := _kept(olds, news)) is not None:
            return {**news, "ref": kept}
        if UNKNOWN in (news.get("image"), news.get("pullFrom"), news.get("engine")):
            return {**news, "ref": UNKNOWN}
        return {**news, "ref": expected_name(news["image"], news)}

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Pull it unless it is there."""
        want(inputs)
        ref = ensure_image(self._client(inputs), inputs["image"], inputs, self._status)
        return f"{inputs['host']}/{inputs['image']}", {**inputs, "ref": ref}

    def read(self, identity: str, inputs: Values, state: Values) -> Found | None:
        """State with the name that the engine has for it; None where it has it no more."""
        api = self._client(inputs).api
        ref = known_as(api, state.get("ref") or inputs["image"])
        return None if ref is None else Found(identity=identity, state={**state, "ref": ref}, inputs=inputs)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Pull the image unless it is there; whatever was made from it keeps its name for it."""
        want(news)
        client, kept = self._client(news), _kept(olds, news)
        if kept is not None and known_as(client.api, kept) == kept:
            return {**news, "ref": kept}
        return {**news, "ref": ensure_image(client, news["image"], news, self._status)}

    def delete(self, identity: str, state: Values) -> None:
        """Leave the image: a container may run it, in this stack or another."""


def _kept(olds: Values | None, news: Values) -> str | None:
    """Name that the same digest has in the state, on the same engine."""
    before = olds or {}
    # A state of docker's RemoteImage (version 0.1.0) has a name, and no host.
    ref: str | None = before.get("ref") or before.get("name")
    engines = {engine_name(one.get("engine") or "") for one in (before if "host" in before else news, news)}
    return ref if ref is not None and len(engines) == 1 and is_same(ref, news["image"]) else None
