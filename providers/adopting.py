"""Adoption: record in a state what an engine already has; create, change and remove nothing (ADR 29)."""

import os

from providers.kind import ProviderError

ADOPTING = "SKYCOIN_ADOPT"
"""Environment variable that makes a `pulumi up` adopt existing resources only."""


def is_adopting() -> bool:
    """True if this run adopts: nothing may be created, changed or removed."""
    return bool(os.environ.get(ADOPTING))


def does_not_exist(subject: str) -> ProviderError:
    """Error for a resource that can't be adopted, because it does not exist."""
    return ProviderError(f"{subject} does not exist, and adoption creates nothing: the next `up` creates it.")


def refuse_while_adopting(subject: str) -> None:
    """Raise ProviderError if this run adopts; for callers about to change or remove something."""
    if is_adopting():
        raise ProviderError(
            f"{subject} was not changed, because adoption changes nothing: leave that to the next `up`."
        )
