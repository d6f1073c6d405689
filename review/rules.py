"""Rules over the resources that a preview wants: what they are given, and how one says that it is broken."""

import inspect
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
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
    """A rule that is broken, and by what, or one that could not say whether it is."""

    rule: Rule
    breaches: tuple[tuple[str, str], ...]
    """(name and type of a resource, how), in the order of the program."""
    error: str = ""
    """Place and words of the error that the rule raised; then there may be more breaches than it found."""
    untold: str = ""
    """Option that the rule asked for and nobody here knows; then there may be more breaches, too."""


@dataclass(frozen=True, slots=True)
class Each:
    """A rule's function that asks every resource alone."""

    breach: Callable[[Resource], str]

    def __call__(self, resources: Sequence[Resource]) -> Breaches:
        """Resources that it finds something of."""
        found = ((one, self.breach(one)) for one in resources)
        yield from ((one, how) for one, how in found if how)


def each(breach: Callable[[Resource], str]) -> Each:
    """Make a rule's function of one for a single resource, which answers an empty text where all is well."""
    return Each(breach)


class NotToldError(Exception):
    """An option of a resource that nobody here knows, by its name: the rule ends where it asks for it."""


def broken_rules(resources: Sequence[Resource], rules: Iterable[Rule]) -> tuple[Broken, ...]:
    """Find the rules that some resource breaks, and those that ended early."""
    found = (_asked(rule, resources) for rule in rules)
    return tuple(one for one in found if one.breaches or one.error or one.untold)


def _asked(rule: Rule, resources: Sequence[Resource]) -> Broken:
    breaches, error, untold = [], "", ""
    try:
        for one, how in rule.breaches(resources):
            breaches.append((_said(one), str(how)))
    except NotToldError as option:
        untold = str(option)
    except (Exception, SystemExit) as raised:  # a rule of one's own hides no other by it
        words = " ".join("".join(traceback.format_exception_only(raised)).split())
        error = f"{_place(rule, raised)}: {words}"
    return Broken(rule=rule, breaches=tuple(breaches), error=error, untold=untold)


def _place(rule: Rule, raised: BaseException) -> str:
    """FILE:LINE in the rule's own file; that of its function where the error came of what it answered."""
    function = rule.breaches.breach if isinstance(rule.breaches, Each) else rule.breaches
    code = getattr(inspect.unwrap(function), "__code__", None)
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(raised.__traceback__)]
    own = [one for one in frames if code and one[0] == code.co_filename]
    begins = [(code.co_filename, code.co_firstlineno)] if code else frames
    file, line = (own or begins)[-1]
    return f"{'/'.join(Path(file).parts[-2:])}:{line}"


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
