"""Limits of a node on a real engine: changed in place, changed by a handover, and as the node sees them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.machine import Machine

NAME = "skycoin-node-1"
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def before(up: Machine) -> Iterator[dict[str, Any]]:
    settings = up.settings()
    yield settings
    up.change(settings)
    result = up.make("up")
    assert result.code == 0, result.text


def limited(up: Machine, before: dict[str, Any], **limits: Any) -> Any:
    """Run `up` with these limits, check that a preview finds no changes then, and return the container."""
    given = {key.replace("_", "-"): value for key, value in limits.items()}
    nodes = {**before["skycoin:nodes"], "node-1": {**before["skycoin:nodes"]["node-1"], **given}}
    up.change({**before, "skycoin:nodes": nodes})
    result = up.make("up")
    assert result.code == 0, result.text
    again = up.pulumi("preview", "--refresh", "--expect-no-changes", "--run-program", "--stack", "local")
    assert again.code == 0, again.text
    return up.inspect("container", NAME)


def memory(container: Any) -> tuple[int, int]:
    """Memory limit and reservation in MiB."""
    host = container["HostConfig"]
    return host["Memory"] // MEBIBYTE, host["MemoryReservation"] // MEBIBYTE


def test_a_memory_reservation_is_set_and_removed_without_a_replacement(
    up: Machine, before: dict[str, Any]
) -> None:
    first = up.inspect("container", NAME)
    reserved = limited(up, before, memory=512, memory_reservation=256)
    assert memory(reserved) == (512, 256)
    less = limited(up, before, memory=200, memory_reservation=100)
    assert memory(less) == (200, 100)
    gone = limited(up, before, memory=512)
    assert memory(gone) == (512, 512), "an engine takes none back; as much as the limit is none"
    assert {container["Id"] for container in (reserved, less, gone)} == {first["Id"]}, (
        "no container was replaced"
    )


@pytest.mark.long
def test_go_s_limit_hands_over_and_reaches_the_node(up: Machine, before: dict[str, Any]) -> None:
    first = up.inspect("container", NAME)
    given = limited(up, before, memory=512, go_memory_limit=400)
    assert given["Id"] != first["Id"]
    environment = "for one in /proc/[0-9]*; do tr '\\0' '\\n' < $one/environ; done 2>/dev/null"
    assert "GOMEMLIMIT=400MiB" in up.docker("exec", NAME, "sh", "-c", environment).text.splitlines()
    more = limited(up, before, memory=640, go_memory_limit=400)
    assert (more["Id"], memory(more)[0]) == (given["Id"], 640), "with a limit of its own, memory is in place"


@pytest.mark.long
def test_timing_of_a_slow_host_is_its_health_check_s(up: Machine, before: dict[str, Any]) -> None:
    slow = limited(
        up, before, health_interval="7s", health_timeout="6s", health_retries=3, start_period="90s"
    )
    check = slow["Config"]["Healthcheck"]
    found = [check[key] // 10**9 for key in ("Interval", "Timeout", "StartPeriod")]
    assert (found, check["Retries"]) == ([7, 6, 90], 3)
    assert slow["State"]["Health"]["Status"] == "healthy"
