"""Addresses on a host at which a container is reached, and those that other machines reach."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from catalogue.confinement import EVERYWHERE
from review.opened import Opened
from review.steps import Step

REACHABLE = "other machines can reach it"


def published(ports: Sequence[Any]) -> Mapping[int, str]:
    """Port in the container → its places on the host; empty if the preview does not show them."""
    found: dict[int, list[str]] = {}
    for port in ports:
        if isinstance(port, Mapping) and isinstance(inside := port.get("internal"), int | float):
            outside = port.get("external")
            number = int(outside) if isinstance(outside, int | float) else "any port"
            address = str(port.get("ip") or EVERYWHERE)  # the engine's default
            place = f"[{address}]" if ":" in address else address
            found.setdefault(int(inside), []).append(f"{place}:{number}")
    return {inside: ", ".join(sorted(places)) for inside, places in found.items()}


def port_differences(step: Step) -> list[str]:
    """Published ports that a step changes, each with both addresses."""
    return [f"port {inside}: {was or 'none'} → {would or 'none'}" for inside, was, would in _changed(step)]


def opened_ports(step: Step) -> Iterator[Opened]:
    """Yield ports that other machines can reach from now on."""
    for inside, was, would in _changed(step):
        if any(_is_reachable(place) for place in would.split(", ") if place not in was.split(", ")):
            before = f"{was or 'none'} → " if step.old else ""
            yield Opened(how=f"port {inside}: {before}{would}", what=REACHABLE)


def _changed(step: Step) -> Iterator[tuple[int, str, str]]:
    before, after = step.old.get("ports") or [], step.new.get("ports") or []
    if isinstance(before, list) and isinstance(after, list):
        was, would = published(before), published(after)
        for inside in sorted({*was, *would}):
            if was.get(inside) != would.get(inside):
                yield inside, was.get(inside, ""), would.get(inside, "")


def _is_reachable(place: str) -> bool:
    address = place.rpartition(":")[0].strip("[]")
    try:
        return bool(address) and not ip_address(address).is_loopback
    except ValueError:
        return True
