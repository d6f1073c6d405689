"""How an engine is connected to: one that does not answer costs its time once."""

import time
from pathlib import Path

import pytest

from clients import engine
from clients.engine import Engine, connect
from clients.errors import SilentHostError


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that were connected to; none of them answers."""
    tried: list[str] = []

    def fail(self: Engine) -> None:
        tried.append(self._host)
        raise SilentHostError(f"no Docker engine answers at {self._host}")

    monkeypatch.setattr(Engine, "_connect", fail)
    monkeypatch.setattr(engine, "_failures", {})
    return tried


def test_a_dead_engine_is_not_asked_again_for_each_of_its_resources(tries: list[str]) -> None:
    for _ in range(3):
        with pytest.raises(SilentHostError, match="attic"):
            connect({"engine": "ssh://pi@attic.lan"})
    with pytest.raises(SilentHostError, match="cellar"):
        connect({"engine": "ssh://pi@cellar.lan"})
    assert tries == ["ssh://pi@attic.lan", "ssh://pi@cellar.lan"]


def test_another_way_to_the_same_host_is_tried(tries: list[str]) -> None:
    for options in ([], ["-i", "/key"]):
        with pytest.raises(SilentHostError):
            connect({"engine": "ssh://pi@attic.lan", "sshOptions": options})
    assert len(tries) == 2


def test_a_dead_engine_is_asked_again_after_a_while(
    tries: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SILENT_FOR", 0.05)
    for _ in range(2):
        with pytest.raises(SilentHostError):
            connect({"engine": "ssh://pi@attic.lan"})
        time.sleep(0.06)
    assert len(tries) == 2


def test_an_engine_that_is_not_there_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SilentHostError) as raised:
        connect({"engine": f"unix://{tmp_path}/docker.sock"})
    assert str(raised.value).startswith(f"no Docker engine answers at unix://{tmp_path}/docker.sock: ")
    assert "\n" not in str(raised.value)
