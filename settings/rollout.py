"""`skycoin:rollout`: in which order hosts get a change."""

from typing import Annotated

from pydantic import Field

from settings.fields import HostName
from settings.model import Settings


class RolloutSettings(Settings):
    """Waves of hosts: the next one starts when each node of the one before has proved itself."""

    first: HostName | None = None
    """Host of the first wave. Default: the first by name."""
    waves: list[Annotated[int, Field(ge=1, le=1000, examples=[2])]] = Field(
        default=[1, 4], min_length=1, max_length=20
    )
    """Numbers of hosts in each wave; those that are left are the last one."""
