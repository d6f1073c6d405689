"""`skycoin:rollout`: in which order hosts get a change."""

from typing import Annotated

from pydantic import Field

from settings.model import Settings


class RolloutSettings(Settings):
    """Waves of hosts: the next one starts when each node of the one before has proved itself."""

    first: str | None = None
    """Host of the first wave; the first by name where none is given."""
    waves: list[Annotated[int, Field(ge=1, le=1000)]] = Field(default=[1, 4], min_length=1, max_length=20)
    """Hosts in each wave; those that are left are the last one."""
