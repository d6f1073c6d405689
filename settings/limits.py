"""Limits and timing of nodes: from the node's settings, else its host's, else the host's board."""

from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from catalogue.boards import Board, go_memory_limit_of, reservation_of
from settings.fields import Duration, LogSize, Memory
from settings.model import Settings

_Soft = Annotated[int, Field(ge=0, examples=[400], json_schema_extra={"unit": "MiB"})]
"""Limit below `memory`; 0 for none."""


class Limits(Settings):
    """Keys that hosts and nodes share. A value that neither sets is the board's."""

    memory: Memory | None = None
    """Limit of a node's memory (Docker's `--memory`). Default: the board's, 2048 for a server."""
    memory_reservation: _Soft | None = None
    """Soft limit of a node's memory, applied when the host runs short of it (Docker's
    `--memory-reservation`): below `memory`, 32 or more; 0 for none. Default: the board's, or two thirds of a
    given `memory` on a board; none for a server."""
    go_memory_limit: _Soft | None = None
    """Soft limit of the Go runtime's memory in a node (`GOMEMLIMIT`): below `memory`, 32 or more; 0 for none.
    Default: the board's, or nine tenths of a given `memory` on a board; none for a server."""
    log_size: LogSize | None = None
    """Maximum size of each of a node's 3 log files. Default: the board's, `10m` for a server."""
    start_period: Duration | None = None
    """Time after a start during which failed health checks don't count. Default: the board's, `1m` for a
    server."""
    health_interval: Duration | None = None
    """Time between two health checks, shorter than `wait`. Default: the board's, `10s` for a server."""
    health_timeout: Duration | None = None
    """Time after which a health check counts as failed. Default: the board's, `10s` for a server."""
    health_retries: Annotated[int, Field(ge=1, le=100, examples=[6])] | None = None
    """Consecutive failed health checks that make a node unhealthy. Default: the board's, `6` for a server."""
    wait: (
        Annotated[int, Field(ge=10, le=3600, examples=[600], json_schema_extra={"unit": "seconds"})] | None
    ) = None
    """Time within which a new node must become healthy. Default: the board's, `300` for a server."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Order the keys: those that only hosts or only nodes have come before the shared ones."""
        schema = handler(core_schema)
        keys = handler.resolve_ref_schema(schema)["properties"]
        for name in [key for key in keys if key.replace("-", "_") in Limits.model_fields]:
            keys[name] = keys.pop(name)
        return schema


def limited(board: Board, host: Limits, node: Limits) -> Board:
    """Apply the limits of a host and of a node to a board.

    If they set the memory, reservation and GOMEMLIMIT are derived from it, provided that the board has them
    and that they are not set too.
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
