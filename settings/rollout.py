"""`skycoin:rollout`: the order in which hosts are updated."""

from typing import Annotated

from pydantic import Field

from settings.fields import HostName
from settings.model import Settings


class RolloutSettings(Settings):
    """Waves of hosts. A wave starts when all nodes of the one before it are [verified](stacks.md#rollout)."""

    first: HostName | None = None
    """Host to update in the first wave. Default: the engine whose address sorts first."""
    waves: list[Annotated[int, Field(ge=1, le=1000, examples=[2])]] = Field(
        default=[1, 4], min_length=1, max_length=20
    )
    """Number of hosts in each wave; hosts with the same engine count as one. The remaining hosts are the last
    wave."""
