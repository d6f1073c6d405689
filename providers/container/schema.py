"""Types for the schemas of the resource types, modelled on the official plugin's.

Each resource type has one table, which is used to check, plan, compare and read back. `required`, `default`,
`computed` and `replaces` are Terraform's Required, Default, Computed and ForceNew, as in
kreuzwerker/terraform-provider-docker 4.5.0, `internal/provider/resource_docker_*.go`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as of
from decimal import Decimal
from enum import Enum, auto
from types import MappingProxyType
from typing import Any, TypeAlias

__all__ = ["LABELS", "Field", "Rule", "Schema", "Type", "at_least", "duration", "matching", "of"]

Rule: TypeAlias = Callable[[Any], str]
"""Function that describes an invalid value; returns an empty string for a valid one."""


class Type(Enum):
    """Type of a value."""

    TEXT = auto()
    NUMBER = auto()
    FLAG = auto()
    LIST = auto()
    SET = auto()
    MAP = auto()
    """Object with string values, whose keys the user chooses."""
    OBJECT = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One input or output."""

    type: Type
    parts: "Schema" = field(default_factory=dict)
    """Fields of an object, or of each object in a list or set; empty if the entries are strings."""
    default: Any = None
    required: bool = False
    computed: bool = False
    """True if the image or the engine fills it in; removing it from the program then changes nothing."""
    replaces: bool = False
    """True if a change replaces the resource."""
    settable: bool = True
    """False for an output that is not an input."""
    supported: bool = True
    """False for an input that the stand-in does not support."""
    empty_changes: bool = True
    """False if an empty string leaves the value unchanged."""
    ordered: bool = True
    """False for a list whose order does not matter."""
    rule: Rule | None = None

    @property
    def entry(self) -> "Field":
        """Field that describes each entry of a list or set."""
        return Field(type=Type.OBJECT if self.parts else Type.TEXT, parts=self.parts)


Schema: TypeAlias = Mapping[str, Field]
"""Fields by their names in camelCase."""

TEXT = Field(type=Type.TEXT)
NUMBER = Field(type=Type.NUMBER)
FLAG = Field(type=Type.FLAG)
LIST = Field(type=Type.LIST)
SET = Field(type=Type.SET)
MAP = Field(type=Type.MAP)
OBJECT = Field(type=Type.OBJECT)

LABELS = of(SET, parts={"label": of(TEXT, required=True), "value": of(TEXT, required=True)})
"""Labels of a container, a network or a volume."""

NANOSECONDS = MappingProxyType(
    {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
)
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)", re.ASCII)


def nanoseconds(text: str) -> int:
    """Convert a Go duration such as `1m30s` to nanoseconds. Raises ValueError."""
    parts = _PART.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a valid duration: write 500ms, 10s, 1m30s or 1h")
    return sum(int(Decimal(number) * NANOSECONDS[unit]) for number, unit in parts)


def duration(value: str) -> str:
    """Rule for a string that must be a Go duration."""
    if not value:
        return "an empty string is not a valid duration: write 0s, or omit the input"
    try:
        nanoseconds(value)
    except ValueError as error:
        return str(error)
    return ""


def at_least(least: int) -> Rule:
    """Rule for a number with a lower limit."""
    return lambda value: "" if value >= least else f"{value} is too low; the lowest is {least}"


def matching(pattern: str) -> Rule:
    """Rule for a string that must match a regular expression."""
    return lambda value: "" if re.search(pattern, value, re.ASCII) else f"{value!r} does not match {pattern}"
