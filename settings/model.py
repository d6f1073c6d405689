"""Base class of all models of a stack's YAML."""

from collections.abc import Sequence

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


def each_once(**lists: Sequence[str] | None) -> None:
    """Raise ValueError if one of the lists, given by key, has an entry twice."""
    for key, names in lists.items():
        if twice := sorted({name for name in names or () if (names or ()).count(name) > 1}):
            raise ValueError(f"{key} names {', '.join(twice)} more than once")
