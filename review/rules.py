"""Rules over the resources of a preview: their inputs, and the report of a broken rule."""

import inspect
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from catalogue.urns import name_of, type_of
from review.options import PASSING, VOLUME
from review.steps import provider_of


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource as the program registers it."""

    urn: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """Inputs; an unknown value is Pulumi's placeholder for it, and a secret is HIDDEN."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options such as `protect`, `retainOnDelete` and `provider`, by their names in a preview."""

    @cached_property
    def type(self) -> str:
        """Type token of the resource, without those of its parents."""
        return type_of(self.urn)

    @property
    def name(self) -> str:
        """Logical name of the resource."""
        return name_of(self.urn)

    @property
    def provider(self) -> str:
        """Name of its provider; empty if it has none."""
        return provider_of(self.options)

    @property
    def is_wallet(self) -> bool:
        """True for a volume with the name that a node's wallet volume has, `NODE-wallet`."""
        return self.type == VOLUME and self.name.endswith("-wallet")


HIDDEN = "[secret]"
"""Text in place of a secret in a preview."""
UNJUDGED = "keeps {} secret, so it can't be judged"
Breaches: TypeAlias = Iterator[tuple[Resource, str]]
"""(resource, how it breaks the rule), in a few words that do not repeat the resource's name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A promise about all resources of a stack."""

    name: str
    """Name in lower-case words, joined by `-`."""
    breaches: Callable[[Sequence[Resource]], Breaches]
    reason: str
    """Sentence about what would go wrong."""
    remedy: str
    """Sentence about what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """A rule that is broken, with the resources that break it, or a rule that could not be checked."""

    rule: Rule
    breaches: tuple[tuple[str, str], ...]
    """(name and type of a resource, how it breaks the rule), in the program's order."""
    error: str = ""
    """Place and text of an error that the rule raised; there may then be more breaches than it found."""
    unavailable: str = ""
    """Option that the rule read and that is unavailable here; there may then be more breaches too."""


@dataclass(frozen=True, slots=True)
class PerResourceRule:
    """A rule's function that checks each resource alone."""

    breach: Callable[[Resource], str]

    def __call__(self, resources: Sequence[Resource]) -> Breaches:
        """Yield the resources that break the rule."""
        results = ((resource, self.breach(resource)) for resource in resources)
        yield from ((resource, how) for resource, how in results if how)


def each(breach: Callable[[Resource], str]) -> PerResourceRule:
    """Create a rule's function from one that checks a single resource and returns "" if it is fine."""
    return PerResourceRule(breach)


class OptionUnavailableError(Exception):
    """Raised if a rule reads an option that is unavailable here; the message is the option's name."""


def broken_rules(resources: Sequence[Resource], rules: Iterable[Rule]) -> tuple[Broken, ...]:
    """Find the rules that any resource breaks, and those that could not be checked."""
    results = (_check(rule, resources) for rule in rules)
    return tuple(result for result in results if result.breaches or result.error or result.unavailable)


def _check(rule: Rule, resources: Sequence[Resource]) -> Broken:
    breaches, error, unavailable = [], "", ""
    try:
        for resource, how in rule.breaches(resources):
            breaches.append((_describe(resource), str(how)))
    except OptionUnavailableError as option:
        unavailable = str(option)
    except (Exception, SystemExit) as raised:  # an error in a user's own rule must not hide other rules
        words = " ".join("".join(traceback.format_exception_only(raised)).split())
        error = f"{_place(rule, raised)}: {words}"
    return Broken(rule=rule, breaches=tuple(breaches), error=error, unavailable=unavailable)


def _place(rule: Rule, raised: BaseException) -> str:
    """FILE:LINE in the rule's own file that raised an error; the rule's function if no line there did."""
    function = rule.breaches.breach if isinstance(rule.breaches, PerResourceRule) else rule.breaches
    code = getattr(inspect.unwrap(function), "__code__", None)
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(raised.__traceback__)]
    own = [frame for frame in frames if code and frame[0] == code.co_filename]
    begins = [(code.co_filename, code.co_firstlineno)] if code else frames
    file, line = (own or begins)[-1]
    return f"{'/'.join(Path(file).parts[-2:])}:{line}"


def wanted(preview: Mapping[str, Any]) -> list[Resource]:
    """Read from a preview the resources that the program registers, without those that are deleted."""
    resources: dict[str, Resource] = {}
    for step in preview.get("steps") or ():
        state = step.get("newState")
        if state and step["op"] not in (*PASSING, "delete"):
            resources.setdefault(
                step["urn"],
                Resource(urn=step["urn"], inputs=state.get("inputs") or {}, options=state),
            )
    return [*resources.values()]


def secret_inputs(resource: Resource, *keys: str) -> Iterator[str]:
    """Describe those of the inputs `keys` that are secret, or partly so, which hides them from rules."""
    yield from (UNJUDGED.format(key) for key in keys if _has_secret(resource.inputs.get(key)))


def _has_secret(value: object) -> bool:
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return value == HIDDEN or any(map(_has_secret, parts))


def _describe(resource: Resource) -> str:
    return f"{resource.name} ({resource.type.rpartition(':')[2]})"
