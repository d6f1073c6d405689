"""Boards: what an operator has in the drawer, as limits and timing for the node on it.

Memory is the board's own, of the smallest model sold (raspberrypi.com and orangepi.org product
pages); a node gets three quarters of it. The start period allows for an SD card.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """What a node may use of a board, and how long it may take to answer."""

    arch: str
    memory: int
    """Limit in MiB."""
    log_size: str
    """Size of each of the three log files that the engine keeps, e.g. `10m`."""
    start_period: str
    """Time that a node has until failed health checks count, as Go prints a duration."""


BOARDS: Mapping[str, Board] = MappingProxyType(
    {
        "raspberry-pi-zero": Board(arch="arm32v6", memory=384, log_size="2m", start_period="5m0s"),
        "raspberry-pi-1": Board(arch="arm32v6", memory=384, log_size="2m", start_period="5m0s"),
        "raspberry-pi-2": Board(arch="arm32v7", memory=768, log_size="5m", start_period="3m0s"),
        "raspberry-pi-3": Board(arch="arm32v7", memory=768, log_size="5m", start_period="3m0s"),
        "raspberry-pi-4": Board(arch="arm64v8", memory=768, log_size="10m", start_period="2m0s"),
        "raspberry-pi-5": Board(arch="arm64v8", memory=1536, log_size="10m", start_period="2m0s"),
        "orange-pi-pc": Board(arch="arm32v7", memory=768, log_size="5m", start_period="3m0s"),
        "orange-pi-5": Board(arch="arm64v8", memory=3072, log_size="10m", start_period="2m0s"),
    }
)

SERVER = Board(arch="", memory=2048, log_size="10m", start_period="1m0s")
"""A host without a board: a server or a laptop. Its `arch` is the engine's own."""
