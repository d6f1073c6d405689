"""Rules over the resources that a preview wants: what they are given, and how one says that it is broken."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from review.options import PASSING, VOLUME
from review.steps import provider_of


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource as the program asks for it."""

    urn: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """A value that is not known yet is Pulumi's text for that, and a secret is HIDDEN."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """`protect`, `retainOnDelete`, `provider` … by the names that a preview has."""

    @cached_property
    def type(self) -> str:
        """Token of the resource, without its parents'."""
        return self.urn.split("::")[2].rpartition("$")[2]

    @property
    def name(self) -> str:
        """Logical name."""
        return self.urn.rpartition("::")[2]

    @property
    def provider(self) -> str:
        """Name of its provider; empty where it has none."""
        return provider_of(self.options)

    @property
    def is_wallet(self) -> bool:
        """True for the wallet volume of a node, and for any other that is called like one."""
        return self.type == VOLUME and self.name.endswith("-wallet")


HIDDEN = "[secret]"
"""Text that a preview has in the place of a secret."""
Breaches: TypeAlias = Iterator[tuple[Resource, str]]
"""Resources that break a rule, each with how, in a few words without its name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A promise over all resources of a stack."""

    name: str
    """In lower-case words, joined by `-`."""
    breaches: Callable[[Sequence[Resource]], Breaches]
    reason: str
    """Sentence on what would go wrong."""
    remedy: str
    """Sentence on what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """A rule that is broken, and by what."""

    rule: Rule
    breaches: tuple[tuple[str, str], ...]
    """(name and type of a resource, how), in the order of the program."""


def each(breach: Callable[[Resource], str]) -> Callable[[Sequence[Resource]], Breaches]:
    """Make a rule's function of one for a single resource, which answers an empty text where all is well."""

    def breaches(resources: Sequence[Resource]) -> Breaches:
        found = ((one, breach(one)) for one in resources)
        yield from ((one, how) for one, how in found if how)

    return breaches


def broken_rules(resources: Sequence[Resource], rules: Iterable[Rule]) -> tuple[Broken, ...]:
    """Find the rules that some resource breaks."""
    found = (
        Broken(rule=rule, breaches=tuple((_said(one), how) for one, how in rule.breaches(resources)))
        for rule in rules
    )
    return tuple(one for one in found if one.breaches)


def wanted(preview: Mapping[str, Any]) -> list[Resource]:
    """Read the resources that the program asks for from a preview; those that go are none."""
    found: dict[str, Resource] = {}
    for step in preview.get("steps") or ():
        state = step.get("newState")
        if state and step["op"] not in (*PASSING, "delete"):
            found.setdefault(
                step["urn"],
                Resource(urn=step["urn"], inputs=state.get("inputs") or {}, options=state),
            )
    return [*found.values()]


def _said(one: Resource) -> str:
    return f"{one.name} ({one.type.rpartition(':')[2]})"
