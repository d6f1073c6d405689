"""Base class of all models of a stack's YAML."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Base of all settings: frozen, without unknown keys, in kebab-case in YAML, described by docstrings."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=lambda name: name.replace("_", "-"),
        use_attribute_docstrings=True,
    )

    key_rules: ClassVar[Sequence[Callable[[Any], str | None]]] = ()
    """Rules over several keys of an entry; `reading.py` applies them.

    Each returns None, or an error that begins with a key; if the entry has this key, its place is shown.
    """


def each_once(key: str) -> Callable[[Settings], str | None]:
    """Return the rule that a list, given by its key, has no entry twice."""

    def fault(entry: Settings) -> str | None:
        names: Sequence[str] = getattr(entry, key) or ()
        twice = sorted({name for name in names if names.count(name) > 1})
        return f"{key} names {', '.join(twice)} more than once" if twice else None

    return fault
