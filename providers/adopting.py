"""Adoption: creations take what an engine has; nothing is made, changed or removed (ADR 29)."""

import os

from providers.base import ProviderError

ADOPTING = "SKYCOIN_ADOPT"
"""Environment variable of a `pulumi up` that adopts."""


def is_adopting() -> bool:
    """True where nothing may be made, changed or removed."""
    return bool(os.environ.get(ADOPTING))


def not_there(subject: str) -> ProviderError:
    """Error for what can't be adopted."""
    return ProviderError(
        f"{subject} is not there, and nothing is made while a stack is adopted: the next `up` makes it."
    )


def refuse_while_adopting(subject: str) -> None:
    """Raise ProviderError where something of an engine would be changed or removed."""
    if is_adopting():
        raise ProviderError(
            f"{subject} is left as it is, for nothing is changed while a stack is adopted: the next `up` "
            "changes it."
        )
