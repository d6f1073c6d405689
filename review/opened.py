"""Access that a change opens: uses of a container that others did not have before."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """Something that others could do with a container from now on."""

    how: str
    """The setting or port that allows it, as it changes."""
    what: str

    def __str__(self) -> str:
        return f"{self.how} (**{self.what}**)"
