"""The chain database: how the script reads its version, and what it does to the database in its volume."""

import struct
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from catalogue.version_order import is_newer
from clients.errors import ServiceError
from clients.short_run import short_run
from tests.unit.bolt import stamped


class Slow:
    """A docker-py container that prints a few times before it ends."""

    def __init__(self, *printed: bytes, error: Exception) -> None:
        self.printed, self.error, self.removed = [*printed], error, False

    def create(self, *_: Any, **__: Any) -> "Slow":
        return self

    def start(self) -> None:
        pass

    def wait(self, timeout: int) -> dict[str, int]:
        assert timeout == 120
        if self.printed:
            raise self.error
        return {"StatusCode": 0}

    def logs(self, tail: int) -> bytes:
        return self.printed.pop(0) if self.printed else b"32 MiB"

    def remove(self, force: bool) -> None:
        self.removed = force


def slow_run(monkeypatch: pytest.MonkeyPatch, container: Slow, **options: Any) -> tuple[int, str]:
    monkeypatch.setattr("clients.short_run.ensure_image", lambda *_: "image")
    client = SimpleNamespace(containers=container)
    return short_run(client, {"host": "attic"}, "image", ["sh"], 120, **options)


@pytest.mark.parametrize(
    "error", [requests.ReadTimeout("read timed out"), requests.ConnectionError("timed out")]
)
def test_a_copy_may_take_any_time_while_it_makes_progress(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Docker sends its headers at once, and a timeout while the body is awaited is another exception."""
    container = Slow(b"8 MiB", b"16 MiB", b"24 MiB", error=error)
    assert slow_run(monkeypatch, container, while_printing=True) == (0, "32 MiB")


@pytest.mark.parametrize(
    ("printed", "options"),
    [([b"8 MiB", b"8 MiB"], {"while_printing": True}), ([b""], {"while_printing": True}), ([b"8 MiB"], {})],
    ids=["stopped", "never began", "no copy"],
)
def test_a_command_that_makes_no_progress_is_ended(
    monkeypatch: pytest.MonkeyPatch, printed: list[bytes], options: dict[str, Any]
) -> None:
    container = Slow(*printed, b"later", error=requests.ReadTimeout("read timed out"))
    with pytest.raises(ServiceError, match="host attic, image: read timed out"):
        slow_run(monkeypatch, container, **options)
    assert container.removed
    assert container.printed[-1:] == [b"later"]


ORDER = [
    "0.9.0",
    "0.27.0",
    "0.27.1-alpha.1",
    "0.27.1-alpha.beta",
    "0.27.1-rc.2",
    "0.27.1-rc.10",
    "0.27.1",
    "1.0.0",
]


@pytest.mark.parametrize("one", ORDER)
@pytest.mark.parametrize("other", ORDER)
def test_versions_are_ordered_as_the_node_orders_them(one: str, other: str) -> None:
    assert is_newer(one, other) is (ORDER.index(one) > ORDER.index(other))


@pytest.mark.parametrize(
    ("one", "other"), [("", "0.27.1"), ("0.27.1", ""), ("1.0", "0.27.1"), ("0.27.1+b", "0.27.1")]
)
def test_an_invalid_version_and_another_build_of_a_version_are_not_newer(one: str, other: str) -> None:
    assert not is_newer(one, other)


def test_a_version_stamp_has_the_bytes_that_the_node_writes() -> None:
    """The bytes are those of the bucket db_meta in a database that v0.27.1 has written."""
    assert stamped("0.27.1").endswith(struct.pack("<IIII", 0, 16, 7, 6) + b"version0.27.1")
