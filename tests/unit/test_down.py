"""`make down`: which containers it stops, and when it fails. With an engine: tests/e2e/test_lifecycle.py."""

import argparse
import json
import os
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import NotFound

from clients.engine import MISSING, NOT_REACHED, Engine, stop_container, stop_set_aside
from clients.silent_engines import is_off
from local import teardown
from local.engines import own_engine
from local.machine.layout import Layout
from local.machine.steps import SetupError
from local.stacks.states import state_file
from local.teardown import down

DOWN = argparse.Namespace(all=False)
BOARD = "ssh://pi@attic.lan"


class Containers:
    """Containers of one engine with the volumes that they mount, as a docker client has them."""

    def __init__(self, **volumes: str) -> None:
        self.asked: list[tuple[str, object]] = []
        self.stop_timeout: int | None = None
        self._volumes = volumes

    def get(self, name: str) -> Any:
        if name not in self._volumes:
            raise NotFound(name)
        return SimpleNamespace(
            name=name,
            attrs={
                "Config": {"StopTimeout": self.stop_timeout},
                "Mounts": [{"Name": self._volumes[name]}, {"Type": "tmpfs"}],
            },
            update=lambda restart_policy: self.asked.append((name, restart_policy["Name"])),
            stop=lambda timeout: self.asked.append((name, timeout)),
        )

    def list(self) -> list[Any]:
        return [self.get(name) for name in self._volumes]


@pytest.fixture
def nodes(set_up: Layout, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Containers of two nodes, one on a board, of the stack `local`; with the outcomes of their stops."""
    node = {"type": "skycoin:index:NodeContainer", "urn": "u"}
    state = state_file(set_up, "local")
    state.parent.mkdir(parents=True)
    inputs = [
        {"name": "skycoin-here", "wallet": "w-here"},
        {"name": "skycoin-attic", "wallet": "w-attic", "engine": BOARD},
    ]
    listed = [{**node, "inputs": each} for each in inputs]
    state.write_text(json.dumps({"checkpoint": {"latest": {"resources": listed}}}))
    outcomes = {"skycoin-here": "stopped", "skycoin-attic": "stopped"}

    def stop(name: str, *_: object) -> str:
        return outcomes.get(name, MISSING)

    monkeypatch.setattr("local.stacks.states.stack_file", lambda _: state)
    monkeypatch.setattr(teardown, "is_off", lambda _: False)
    monkeypatch.setattr(teardown, "stop_container", stop)
    monkeypatch.setattr(teardown, "stop_set_aside", lambda name, wallet, *_: stop(f"{name} with {wallet}"))
    return outcomes


def test_all_nodes_are_stopped_also_a_container_that_a_killed_update_has_set_aside(
    set_up: Layout, nodes: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its restart policy is `always`: before, the host started it when it booted."""
    nodes["skycoin-attic-previous with w-attic"] = "stopped"
    assert down(set_up, DOWN) == 0
    said = capsys.readouterr().out
    assert "container skycoin-here on unix:///set-up.sock\n    stopped (" in said
    assert f"container skycoin-attic on {BOARD}\n    stopped; skycoin-attic-previous, of an interr" in said


def test_nothing_is_stopped_while_pulumi_runs(
    set_up: Layout, nodes: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Before, the handover of a plain `pulumi up` started its old node after `make down` had ended."""
    lock = set_up.state / "backend/.pulumi/locks/organization/skycoin/local/one.json"
    lock.parent.mkdir(parents=True)
    lock.write_text(json.dumps({"pid": os.getpid(), "username": "me"}))
    for arguments in (DOWN, argparse.Namespace(all=True)):
        with pytest.raises(SetupError, match="is changing the stack local"):
            down(set_up, arguments)
    assert capsys.readouterr().out == ""


def test_a_host_that_is_not_reached_is_an_error_after_all_others_are_stopped(
    set_up: Layout, nodes: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    nodes["skycoin-attic"] = f"{NOT_REACHED}: no route"
    with pytest.raises(SetupError, match=rf"Not stopped: container skycoin-attic on {BOARD}, because no"):
        down(set_up, DOWN)
    said = capsys.readouterr().out
    assert "container skycoin-here on unix:///set-up.sock\n    stopped (" in said
    assert "service registry" in said


def test_a_second_down_finds_the_engine_of_the_set_up_off_and_succeeds(
    set_up: Layout, nodes: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes["skycoin-here"] = f"{NOT_REACHED}: no such file"
    monkeypatch.setattr(teardown, "is_off", lambda host: host == "unix:///set-up.sock")
    assert down(set_up, DOWN) == 0
    assert "its engine does not run" in capsys.readouterr().out


def test_an_engine_is_off_if_nothing_listens_at_its_socket_of_this_machine(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    assert is_off(f"unix://{path}")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        assert not is_off(f"unix://{path}")
    assert is_off(f"unix://{path}"), "its socket is left"
    assert not is_off(BOARD)
    assert not is_off(f"unix://{tmp_path / ('x' * 200)}"), "why it can't be reached is unknown"


def test_a_container_that_was_set_aside_does_not_start_with_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    containers = Containers(one="w", other="somebody-elses")
    monkeypatch.setattr(Engine, "client", lambda _: SimpleNamespace(containers=containers))
    assert stop_set_aside("one", "w", {}, 60) == "stopped"
    assert stop_set_aside("other", "w", {}, 60) == MISSING
    assert stop_set_aside("none", "w", {}, 60) == MISSING
    assert containers.asked == [("one", "unless-stopped"), ("one", 60)]


@pytest.mark.parametrize(("own", "seconds"), [(None, 60), (10, 60), (300, 300)])
def test_a_container_has_the_time_to_stop_that_it_was_created_with(
    own: int | None, seconds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An adopted node that needs longer was killed after 60 s."""
    containers = Containers(one="w", two="v")
    containers.stop_timeout = own
    client = SimpleNamespace(containers=containers, close=lambda: None)
    monkeypatch.setattr(Engine, "client", lambda _: client)
    monkeypatch.setattr("local.engines.own_engine.docker.DockerClient", lambda **_: client)
    stop_container("one", {}, 60)
    stop_set_aside("two", "v", {}, 60)
    own_engine._stop_containers(tmp_path)
    asked = [
        ("one", seconds),
        ("two", "unless-stopped"),
        ("two", seconds),
        ("one", seconds),
        ("two", seconds),
    ]
    assert containers.asked == asked
