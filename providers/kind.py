"""Kinds of resources, each behind one token: what a kind answers to Pulumi's engine, in plain dictionaries.

Unknown values arrive as the sentinel `UNKNOWN`.
"""

import re
from collections.abc import Collection, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol, TypeAlias

from pulumi.runtime.proto import provider_pb2

Values: TypeAlias = dict[str, Any]

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Sentinel of an unknown string, sdk/python `pulumi.runtime.rpc.UNKNOWN`."""


URN: ContextVar[str] = ContextVar("URN", default="")
"""URN of the resource that is read, changed or previewed now, so that a created object can name its owner."""


class ProviderError(Exception):
    """A resource operation failed; the message is for the user."""


class InitError(ProviderError):
    """The resource exists, but did not become ready: it is kept in the state and tried again."""

    def __init__(self, message: str, identity: str, state: Values) -> None:
        super().__init__(message)
        self.identity = identity
        self.state = state


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """Effect of new inputs on an existing resource."""

    replaces: tuple[str, ...] = ()
    updates: tuple[str, ...] = ()
    delete_before_replace: bool = False
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Property path → name of a PropertyDiff.Kind; empty if only whole inputs are compared."""
    stables: tuple[str, ...] = ()
    """Properties that no update changes."""

    def ignoring(self, properties: Collection[str]) -> "Change":
        """Leave out the properties that the program ignores (`ignore_changes`)."""
        return replace(
            self,
            replaces=tuple(key for key in self.replaces if key not in properties),
            updates=tuple(key for key in self.updates if key not in properties),
            kinds={path: kind for path, kind in self.kinds.items() if property_of(path) not in properties},
            stables=tuple(sorted({*self.stables, *({*self.replaces} & {*properties})})),
        )

    def details(self) -> dict[str, provider_pb2.PropertyDiff]:
        """Changes by property path; if `kinds` is empty, each change is that of a whole input."""
        difference, names = provider_pb2.PropertyDiff, provider_pb2.PropertyDiff.Kind
        if self.kinds:
            return {path: difference(kind=names.Value(kind)) for path, kind in self.kinds.items()}
        by_input = dict.fromkeys(self.replaces, names.UPDATE_REPLACE) | dict.fromkeys(
            self.updates, names.UPDATE
        )
        return {key: difference(kind=kind, inputDiff=True) for key, kind in by_input.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadResult:
    """A resource as it really is, on its host or in its registry."""

    identity: str
    state: Values
    inputs: Values


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """Inputs with their defaults, and the errors in them as (property, reason)."""

    inputs: Values
    failures: list[tuple[str, str]] = field(default_factory=list)


class Kind(Protocol):
    """Handler of one resource token. Values are plain JSON, and whole numbers are int."""

    def check(self, name: str, olds: Values, news: Values) -> CheckResult:
        """Add defaults to the inputs and find errors in them. Changes nothing: a preview calls it too."""

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Compare `news` with the state and with the inputs of the last change."""

    def planned(self, news: Values, olds: Values | None) -> Values:
        """Predict the state for a preview, with UNKNOWN for values that are known only after the change.

        `olds` is the present state; None if the resource is to be created.
        """

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Create the resource; return (id, state). Raises ProviderError, or InitError if it then exists."""

    def read(self, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Read the real resource with this id; None if it is gone. Without inputs, it is being imported."""

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Change the resource in place; return the new state."""

    def delete(self, identity: str, state: Values) -> None:
        """Remove the resource; do nothing if it is already gone."""


class InputsAsState:
    """A kind whose state is its inputs, and a few outputs that every change recomputes."""

    inputs: ClassVar[tuple[str, ...]] = ()
    computed: ClassVar[frozenset[str]] = frozenset()

    def check(self, name: str, olds: Values, news: Values) -> CheckResult:
        """Accept the inputs as given; one that the kind does not have is an error."""
        # Names that begin with `__` are the engine's own.
        unknown = sorted(key for key in news if key not in self.inputs and not key.startswith("__"))
        return CheckResult(inputs=news, failures=[(key, "no such input") for key in unknown])

    def changed(self, old_inputs: Values, news: Values) -> list[str]:
        """Names of the inputs that differ."""
        return [key for key in self.inputs if old_inputs.get(key) != news.get(key)]

    def planned(self, news: Values, olds: Values | None) -> Values:
        """Predict the state: the inputs replace those in the state, and the outputs are unknown."""
        return {**(olds or {}), **news, **dict.fromkeys(self.computed, UNKNOWN)}


def refuse_import(inputs: Values, subject: str) -> None:
    """Raise ProviderError if a resource is read without inputs, as `pulumi import` does."""
    if not inputs:
        raise ProviderError(f"{subject} can't be imported: `pulumi up` creates it")


def property_of(path: str) -> str:
    """First step of a property path."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]
