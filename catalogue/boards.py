"""Single-board computers, with limits and timing for a node on each.

A board's memory is that of the smallest model sold, except for the first Raspberry Pi; `SOURCES` lists where
each figure comes from. The limits are derived from it:

- A node gets three quarters of the memory. This is our choice: the rest is for the system, the engine and the
  page cache.
- Two thirds of that limit, half of the board's memory, are reserved. This is our choice; a reservation must
  be below the limit (Docker's documentation, “Resource constraints”). If memory is short, the kernel takes it
  from other processes first.
- GOMEMLIMIT is nine tenths of the limit: “a good rule of thumb is to leave an additional 5-10% of headroom”
  for memory that Go's runtime does not know of (go.dev/doc/gc-guide, “Suggested uses”). The runtime does not
  read the limit of a container itself.
- Log sizes, start times and health checks are our choice too: an SD card is slow and wears out, and a check
  starts a program, which slows down a single core. No such board was measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

RASPBERRY, ARMBIAN = "raspberrypi.com", "armbian"
SOURCES: Mapping[str, str] = MappingProxyType(
    {
        RASPBERRY: "Raspberry Pi's documentation, “Raspberry Pi computers”: the tables of models",
        ARMBIAN: "Armbian's build system, the first line of the board's file in config/boards",
    }
)
"""Sources of the boards' processors and memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hardware:
    """A board as its manufacturer sells it."""

    model: str
    soc: str
    memory: int
    """Memory of the smallest model, in MiB."""
    arches: tuple[str, ...]
    """Variants that its processor runs, beginning with the one for its usual operating system."""
    source: str
    """A key of SOURCES."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """Limits of a node on a board, and the times allowed for its start and its health checks."""

    arch: str
    memory: int
    """Memory limit in MiB."""
    memory_reservation: int | None = None
    """Memory reservation in MiB, below `memory`."""
    go_memory_limit: int | None = None
    """GOMEMLIMIT in MiB; None sets no limit for Go's runtime."""
    log_size: str
    """Maximum size of each of the three log files that the engine keeps, e.g. `10m`."""
    start_period: str
    """Time until failed health checks count, as Go prints a duration."""
    health_interval: str = "10s"
    health_timeout: str = "10s"
    health_retries: int = 6
    """Consecutive failed health checks after which a node is unhealthy."""
    wait: int = 300
    """Seconds in which a new node must become healthy."""
    hardware: Hardware | None = None


def reservation_of(memory: int) -> int:
    """Memory reservation for a memory limit, in MiB."""
    return memory * 2 // 3


def go_memory_limit_of(memory: int) -> int:
    """GOMEMLIMIT for a memory limit, in MiB."""
    return memory * 9 // 10


_V6 = ("arm32v6", "arm32v5")
_V7 = ("arm32v7", "arm32v6", "arm32v5")
_V8 = ("arm64v8", "arm32v7", "arm32v6", "arm32v5")
_V8_32 = ("arm32v7", "arm64v8", "arm32v6", "arm32v5")
"""64-bit processors on which most installed systems are 32-bit."""


def _board(
    model: str,
    soc: str,
    memory: int,
    arches: tuple[str, ...],
    source: str,
    *,
    log_size: str = "",
    minutes: int = 3,
) -> Board:
    usable = memory * 3 // 4
    slow = arches is _V6
    return Board(
        arch=arches[0],
        memory=usable,
        memory_reservation=reservation_of(usable),
        go_memory_limit=go_memory_limit_of(usable),
        log_size=log_size or ("2m" if memory <= 512 else "5m" if memory <= 1024 else "10m"),
        start_period=f"{minutes}m0s",
        health_interval="30s" if slow else "10s",
        health_timeout="30s" if slow else "10s",
        health_retries=4 if slow else 6,
        wait=600 if slow else 300,
        hardware=Hardware(model=model, soc=soc, memory=memory, arches=arches, source=source),
    )


BOARDS: Mapping[str, Board] = MappingProxyType(
    {
        "raspberry-pi-zero": _board("Raspberry Pi Zero, Zero W", "BCM2835", 512, _V6, RASPBERRY, minutes=5),
        "raspberry-pi-zero-2": _board("Raspberry Pi Zero 2 W", "RP3A0", 512, _V8, RASPBERRY),
        "raspberry-pi-1": _board(
            "Raspberry Pi 1: B+, and A+ and B with 512 MB", "BCM2835", 512, _V6, RASPBERRY, minutes=5
        ),
        "raspberry-pi-2": _board("Raspberry Pi 2 B", "BCM2836, BCM2837", 1024, _V7, RASPBERRY),
        "raspberry-pi-3": _board("Raspberry Pi 3 B, 3 B+", "BCM2837", 1024, _V8_32, RASPBERRY),
        "raspberry-pi-3-a-plus": _board("Raspberry Pi 3 A+", "BCM2837B0", 512, _V8_32, RASPBERRY),
        "raspberry-pi-4": _board(
            "Raspberry Pi 4 B", "BCM2711", 1024, _V8, RASPBERRY, log_size="10m", minutes=2
        ),
        "raspberry-pi-400": _board("Raspberry Pi 400", "BCM2711", 4096, _V8, RASPBERRY, minutes=2),
        "raspberry-pi-5": _board(
            "Raspberry Pi 5", "BCM2712", 1024, _V8, RASPBERRY, log_size="10m", minutes=2
        ),
        "raspberry-pi-500": _board("Raspberry Pi 500", "BCM2712", 8192, _V8, RASPBERRY, minutes=2),
        "orange-pi-zero": _board("Orange Pi Zero", "H2+", 256, _V7, ARMBIAN),
        "orange-pi-zero-2": _board("Orange Pi Zero 2", "H616", 512, _V8, ARMBIAN),
        "orange-pi-zero-3": _board("Orange Pi Zero 3", "H618", 1024, _V8, ARMBIAN),
        "orange-pi-one": _board("Orange Pi One", "H3", 512, _V7, ARMBIAN),
        "orange-pi-lite": _board("Orange Pi Lite", "H3", 512, _V7, ARMBIAN),
        "orange-pi-pc": _board("Orange Pi PC", "H3", 1024, _V7, ARMBIAN),
        "orange-pi-pc-plus": _board("Orange Pi PC Plus", "H3", 1024, _V7, ARMBIAN),
        "orange-pi-pc-2": _board("Orange Pi PC 2", "H5", 1024, _V8, ARMBIAN),
        "orange-pi-plus-2e": _board("Orange Pi Plus 2E", "H3", 2048, _V7, ARMBIAN),
        "orange-pi-prime": _board("Orange Pi Prime (Skyminer)", "H5", 2048, _V8, ARMBIAN),
        "orange-pi-3-lts": _board("Orange Pi 3 LTS", "H6", 2048, _V8, ARMBIAN),
        "orange-pi-5": _board("Orange Pi 5", "RK3588S", 4096, _V8, ARMBIAN, minutes=2),
        "orange-pi-5-plus": _board("Orange Pi 5 Plus", "RK3588", 4096, _V8, ARMBIAN, minutes=2),
        "banana-pi-m1": _board("Banana Pi M1", "A20", 1024, _V7, ARMBIAN),
        "nanopi-neo": _board("NanoPi NEO", "H3", 256, _V7, ARMBIAN),
        "nanopi-neo-2": _board("NanoPi NEO2", "H5", 256, _V8, ARMBIAN),
        "odroid-c2": _board("Odroid C2", "S905", 2048, _V8, ARMBIAN),
        "odroid-xu4": _board("Odroid XU4", "Exynos 5422", 2048, _V7, ARMBIAN),
        "pine-a64": _board("Pine A64", "A64", 512, _V8, ARMBIAN),
        "rock64": _board("Rock64", "RK3328", 1024, _V8, ARMBIAN),
        "rockpro64": _board("RockPro64", "RK3399", 2048, _V8, ARMBIAN, minutes=2),
        "tinker-board": _board("Asus Tinker Board", "RK3288", 2048, _V7, ARMBIAN),
    }
)

SERVER = Board(arch="", memory=2048, log_size="10m", start_period="1m0s")
"""Limits for a host without a board: a server or a laptop; its `arch` is not used."""
