"""The host of a workspace: this machine, or one behind ssh; with a nested engine, one without nodes."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from catalogue.node_container import NODE
from local import workspace_place
from local.machine.layout import EngineChoice, Layout
from local.machine.steps import SetupError
from local.workspace_place import (
    WorkspacePlace,
    behind_ssh,
    here,
    person,
    refuse_beside_nodes,
    refuse_engines_data,
)
from tests.unit.host_recordings import on_path
from tests.unit.test_neighbours import NeighbourEngine, container

SHED = "ssh://me@shed.lan"
THERE = WorkspacePlace(folder="/srv/w", user="1:1", machine="x86_64", engine=SHED, ssh_options=("-i", "key"))
NODES = [container("skycoin-node-1", {NODE: "urn:pulumi:local::…"})]


def connecting(monkeypatch: pytest.MonkeyPatch, client: object) -> list[dict[str, Any]]:
    """Make every connection return this client; return the connections that were requested."""
    asked: list[dict[str, Any]] = []

    def connect(inputs: dict[str, Any]) -> object:
        asked.append(inputs)
        return client

    monkeypatch.setattr(workspace_place, "connect", connect)
    return asked


def broken(*_: object, **__: object) -> Any:
    raise requests.ConnectionError("reset by peer")


class Silent:
    """A client whose connection breaks."""

    info = staticmethod(broken)
    api = type("Api", (), {"containers": staticmethod(broken)})


class Shed:
    """A client of an engine on an ARM board, with its data in this folder; `asked` counts questions."""

    def __init__(self, data: str = "/var/lib/docker") -> None:
        self._data = data
        self.asked = 0

    def info(self) -> dict[str, str]:
        self.asked += 1
        return {"Architecture": "aarch64", "DockerRootDir": self._data}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return made


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Path], None]:
    """A machine behind `ssh`: a shell on this one, for a user with this id and home."""

    def runs(user: int, home: Path) -> None:
        programs = tmp_path / "programs"
        programs.mkdir(exist_ok=True)
        home.mkdir(exist_ok=True)
        for name, script in {
            "id": f"[ $1 = -u ] && echo {user} || echo 1001",
            "ssh": f'for last; do :; done\necho Welcome\nHOME={home} exec sh -c "$last"',
        }.items():
            (programs / name).write_text(f"#!/bin/sh\n{script}\n")
            (programs / name).chmod(0o755)
        monkeypatch.setenv("PATH", on_path(programs))

    # Folders of a test are below /tmp, which folder_fault allows.
    return runs


def test_the_user_is_the_caller_of_sudo_or_the_folders_owner(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """The caller of sudo or, for root itself, the folder's owner; an outer sudo's variable is ignored."""
    owner = folder.stat()
    for name in ("SUDO_UID", "SUDO_GID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert person(folder) == f"{owner.st_uid}:{owner.st_gid}"
    monkeypatch.setenv("SUDO_UID", "1234")
    monkeypatch.setenv("SUDO_GID", "5678")
    assert person(folder) == "1234:5678"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert person(folder) == f"{os.getuid()}:{os.getgid()}"
    assert here(folder).folder == str(folder)


DATA_REFUSED = (
    r"data(/sub)? (on ssh://me@shed\.lan )?is not opened: it contains or is inside \S+/data(/engine)?, which "
    r"has the volumes of that Docker engine, wallets included; give another folder "
    r"\(--folder, or FOLDER= for make\)\.$"
)


@pytest.mark.case(43)
@pytest.mark.parametrize(
    ("engines", "folder"), [("data", "data"), ("data/engine", "data"), ("data", "data/sub")]
)
def test_a_folder_with_the_data_of_this_machines_engine_is_refused(
    engines: str, folder: str, tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "database").mkdir()
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/mine.sock")
    monkeypatch.setattr(workspace_place, "engine_version", lambda _: "20.10.24 (API 1.41)")
    engine = Shed(str(tmp_path / engines))
    asked = connecting(monkeypatch, engine)
    layout = replace(layout, engine=EngineChoice.AUTO)
    with pytest.raises(SetupError, match=DATA_REFUSED):
        refuse_engines_data(layout, here(tmp_path / folder))
    assert (asked, engine.asked) == ([{"engine": "unix:///run/mine.sock", "sshOptions": []}], 1)
    assert refuse_engines_data(layout, here(tmp_path / "database"))
    connecting(monkeypatch, Silent())
    with pytest.raises(SetupError, match=r"^unix:///run/mine.sock stopped answering: reset by peer$"):
        refuse_engines_data(layout, here(tmp_path / folder))


def test_a_folder_with_the_data_of_the_machines_other_engine_is_refused(
    tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, only the set-up's own engine was asked, though the folder may have volumes of the other one."""
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/mine.sock")
    running = {"unix:///run/mine.sock": Shed(str(tmp_path / "data"))}
    monkeypatch.setattr(
        workspace_place, "engine_version", lambda address: running.get(address) and "20.10.24"
    )
    monkeypatch.setattr(workspace_place, "connect", lambda inputs: running[inputs["engine"]])
    layout = replace(layout, engine=EngineChoice.OWN)
    with pytest.raises(SetupError, match=DATA_REFUSED):
        refuse_engines_data(layout, here(tmp_path / "data"))
    (tmp_path / "project").mkdir()
    assert not refuse_engines_data(layout, here(tmp_path / "project")), "its own engine does not run yet"
    running[f"unix://{layout.state}/engine/docker.sock"] = Shed()
    assert refuse_engines_data(layout, here(tmp_path / "project"))


def test_a_machines_engine_that_does_not_answer_is_waited_for_once(
    tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was waited for twice, ten seconds each, if it is also that of the set-up."""
    asked: list[str] = []
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/mine.sock")
    monkeypatch.setattr(workspace_place, "engine_version", asked.append)
    assert not refuse_engines_data(replace(layout, engine=EngineChoice.AUTO), here(tmp_path))
    assert asked == ["unix:///run/mine.sock"]


def test_a_silent_machine_is_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("ssh", 60)

    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess("ssh", 255, "", ""))
    with pytest.raises(SetupError, match=r"is not opened: exit code 255"):
        behind_ssh(SHED, [], str(folder))
    monkeypatch.setattr(subprocess, "run", late)
    with pytest.raises(SetupError, match=r"ssh://me@shed.lan did not answer in 60 s"):
        behind_ssh(SHED, [], str(folder))


@pytest.mark.parametrize(
    ("choice", "address"),
    [(EngineChoice.OWN, "unix://{state}/engine/docker.sock"), (EngineChoice.AUTO, "unix:///run/mine.sock")],
)
def test_a_node_on_this_machines_engine_is_refused(
    choice: EngineChoice, address: str, layout: Layout, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/mine.sock")
    monkeypatch.setattr(workspace_place, "engine_version", lambda _: "20.10.24 (API 1.41)")
    asked = connecting(monkeypatch, NeighbourEngine(NODES))
    layout = replace(layout, engine=choice)
    with pytest.raises(SetupError) as refused:
        refuse_beside_nodes(layout, here(folder), "cli")
    assert str(refused.value).startswith("this machine has the node skycoin-node-1, and anyone in a ")
    assert asked == [{"engine": address.format(state=layout.state), "sshOptions": []}]
    connecting(monkeypatch, NeighbourEngine([container("web")]))
    refuse_beside_nodes(layout, here(folder), "cli")


def test_a_node_on_another_machines_engine_is_refused(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = connecting(monkeypatch, NeighbourEngine(NODES))
    with pytest.raises(SetupError, match=r"^ssh://me@shed.lan has the node skycoin-node-1, and "):
        refuse_beside_nodes(layout, THERE, "cli")
    assert asked == [{"engine": SHED, "sshOptions": ["-i", "key"]}]
    connecting(monkeypatch, Silent())
    with pytest.raises(SetupError, match=r"^ssh://me@shed.lan stopped answering: reset by peer$"):
        refuse_beside_nodes(layout, THERE, "cli")
