"""Limits and timing of nodes: a node's own, else its host's, else those of the host's board."""

from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from catalogue.boards import Board, go_memory_limit_of, reservation_of
from settings.fields import Duration, LogSize
from settings.model import Settings

_Soft = Annotated[int, Field(ge=0)]
"""MiB; 0 is none."""


class Limits(Settings):
    """Keys that a host and a node share; what neither has is the board's."""

    memory: Annotated[int, Field(ge=64)] | None = None
    memory_reservation: _Soft | None = None
    go_memory_limit: _Soft | None = None
    log_size: LogSize | None = None
    start_period: Duration | None = None
    health_interval: Duration | None = None
    health_timeout: Duration | None = None
    health_retries: Annotated[int, Field(ge=1, le=100)] | None = None
    wait: Annotated[int, Field(ge=10, le=3600)] | None = None


def is_memory_chosen(board: str | None, host: Limits, node: Limits) -> bool:
    """False where a node has the limit of a server, which a smaller host may have less of."""
    return any(one is not None for one in (board, host.memory, node.memory))


def limited(board: Board, host: Limits, node: Limits) -> Board:
    """Apply the limits of a host and of a node to a board.

    A memory of its own takes the reservation and GOMEMLIMIT with it, where the board has them.
    """
    given: dict[str, Any] = {}
    for key in Limits.model_fields:
        value = getattr(node, key)
        if (chosen := value if value is not None else getattr(host, key)) is not None:
            given[key] = chosen
    memory = given.get("memory", board.memory)
    derived = {
        "memory_reservation": board.memory_reservation and reservation_of(memory),
        "go_memory_limit": board.go_memory_limit and go_memory_limit_of(memory),
    }
    for key in derived:
        if key in given:
            given[key] = given[key] or None
    return replace(board, **{**derived, **given})
