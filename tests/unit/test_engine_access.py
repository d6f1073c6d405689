"""Access to the Docker engine is checked before the set-up works for minutes."""

import grp
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.engines import engine
from local.machine.layout import Layout
from local.machine.steps import SetupError
from local.setup import set_up
from tests.unit.test_silent_engines import engine as listening_engine
from tests.unit.test_silent_engines import in_json

GROUP = grp.struct_group(("docker", "x", 105, []))


@pytest.fixture
def system_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Path of the system's engine, which does not run; the user is an ordinary one in no group."""
    path = tmp_path / "docker.sock"
    monkeypatch.setattr(engine, "SYSTEM_SOCKET", path)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 1000)
    monkeypatch.setattr(os, "getgroups", lambda: [1000])
    monkeypatch.setattr(grp, "getgrnam", lambda name: {"docker": GROUP}[name])
    return path


@pytest.fixture
def listening(system_socket: Path) -> Iterator[Path]:
    """The socket of an engine that runs."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(system_socket))
        yield system_socket


@pytest.mark.usefixtures("system_socket")
def test_a_user_who_could_not_use_the_engine_is_refused_before_anything_is_changed(layout: Layout) -> None:
    with pytest.raises(
        SetupError, match=r"`sudo usermod -aG docker \$USER`, log in again, and run make again"
    ):
        set_up(layout)
    assert not layout.state.exists()


@pytest.mark.usefixtures("system_socket")
def test_a_user_is_refused_where_docker_and_its_group_are_not_there_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(grp, "getgrnam", lambda name: {}[name])
    with pytest.raises(SetupError, match="sudo groupadd -f docker"):
        engine.refuse_without_access()


@pytest.mark.usefixtures("system_socket")
def test_a_member_of_the_group_and_root_are_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getgroups", lambda: [1000, GROUP.gr_gid])
    engine.refuse_without_access()
    monkeypatch.setattr(os, "getgroups", list)
    monkeypatch.setattr(os, "getuid", lambda: 0)
    engine.refuse_without_access()


def test_a_running_engine_decides_by_its_socket(listening: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.refuse_without_access()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SetupError, match=f"no access to the Docker engine's socket {listening}"):
        engine.refuse_without_access()


@pytest.mark.parametrize(
    "endpoint", ["ssh://pi@attic.lan", "tcp://10.0.0.1:2376", "unix:///nowhere/rootless.sock"]
)
@pytest.mark.usefixtures("system_socket")
def test_another_engine_than_the_systems_needs_no_group(
    monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", endpoint)
    engine.refuse_without_access()


@pytest.mark.parametrize("address", ["tcp://attic.lan:port", "tcp://["])
def test_an_address_in_docker_host_that_cant_be_read_is_named(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """It ended `make up` with a traceback."""
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(SetupError) as error:
        engine.ensure_engine(layout)
    assert str(error.value).startswith(f"No Docker engine answers at {address}, which DOCKER_HOST or")


@pytest.mark.parametrize("answer", [b"[]", b'{"ApiVersion": "1.41"}'])
def test_an_engine_that_answers_in_another_form_does_not_count(tmp_path: Path, answer: bytes) -> None:
    with listening_engine(tmp_path / "docker.sock", in_json(answer)) as address:
        assert engine.engine_version(address.engine) is None
