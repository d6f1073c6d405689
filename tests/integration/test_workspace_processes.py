"""Workspaces and the machines that they are opened on, asked with real shells."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from catalogue.workspaces import WORKSPACES
from components import workspace
from local import workspace_place
from local.machine.layout import Layout
from local.machine.steps import SetupError
from local.workspace_place import (
    WorkspacePlace,
    behind_ssh,
    here,
    refuse_beside_nodes,
    refuse_engines_data,
)
from tests.unit.projects import PROJECT
from tests.unit.test_neighbours import NeighbourEngine
from tests.unit.test_workspace_place import (
    DATA_REFUSED,
    NODES,
    SHED,
    THERE,
    Shed,
    Silent,
    connecting,
    folder,
    ssh,
)

__all__ = ["folder", "ssh"]


def test_another_machine_reports_its_processor_its_users_ids_and_the_real_folder(
    folder: Path, tmp_path: Path, ssh: Callable[[int, Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = connecting(monkeypatch, Shed())
    (tmp_path / "link").symlink_to(folder)
    ssh(1000, tmp_path / "home")
    found = behind_ssh(SHED, ["-i", "key"], str(tmp_path / "link"))
    assert found == WorkspacePlace(
        folder=str(folder), user="1000:1001", machine="aarch64", engine=SHED, ssh_options=("-i", "key")
    )
    assert asked == [{"engine": SHED, "sshOptions": ["-i", "key"]}]
    ssh(0, tmp_path / "home")
    owner = folder.stat()
    assert behind_ssh(SHED, [], str(folder)).user == f"{owner.st_uid}:{owner.st_gid}", "as on this machine"


def test_a_folder_of_another_machine_that_is_not_opened_is_refused(
    folder: Path, tmp_path: Path, ssh: Callable[[int, Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh(1000, folder / "home")
    for given, said in (
        (".", r"^\. on ssh://me@shed\.lan is not opened: a folder is an absolute path on the host"),
        ("/etc", "it belongs to the system"),
        (
            str(folder),
            r"project on \S+ is not opened: it contains an entire home folder, keys included \(.+/home\);",
        ),
        (str(tmp_path / "none"), r"none on \S+ is not opened: .*can't cd to .+ and the folder must exist"),
    ):
        with pytest.raises(SetupError, match=said):
            behind_ssh(SHED, [], given)
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(SetupError, match=r"/etc on .+ it belongs to the system"):
        behind_ssh(SHED, [], str(tmp_path / "link"))
    connecting(monkeypatch, Silent())
    ssh(1000, tmp_path / "home")
    with pytest.raises(SetupError, match=r"ssh://me@shed.lan stopped answering: reset by peer"):
        behind_ssh(SHED, [], str(folder))


@pytest.mark.case(43)
@pytest.mark.parametrize(
    ("engines", "folder"), [("data", "data"), ("data/engine", "data"), ("data", "data/sub")]
)
def test_a_folder_with_the_data_of_another_machines_engine_is_refused(
    engines: str,
    folder: str,
    tmp_path: Path,
    ssh: Callable[[int, Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`/var` was refused, but an engine may have its data on another disk, such as in /mnt/ssd/docker."""
    (tmp_path / folder).mkdir(parents=True)
    shed = Shed(str(tmp_path / engines))
    connecting(monkeypatch, shed)
    ssh(1000, tmp_path / "home")
    with pytest.raises(SetupError, match=DATA_REFUSED):
        behind_ssh(SHED, [], str(tmp_path / folder))
    assert shed.asked == 1, "together with the processor"
    (tmp_path / "database").mkdir()
    assert behind_ssh(SHED, [], str(tmp_path / "database")).folder == str(tmp_path / "database")


def test_the_data_of_an_engine_that_does_not_run_yet_is_not_known(
    layout: Layout, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace_place, "engine_version", lambda _: None)
    asked = connecting(monkeypatch, Shed())
    assert not refuse_engines_data(layout, here(folder))
    assert refuse_engines_data(layout, THERE), "its machine has been asked"
    assert asked == []


def test_an_engine_that_does_not_run_yet_has_nothing_to_say(
    layout: Layout, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace_place, "engine_version", lambda _: None)
    asked = connecting(monkeypatch, NeighbourEngine(NODES))
    refuse_beside_nodes(layout, here(folder), "cli")
    assert asked == []


def test_login_shells_have_the_path_of_the_images() -> None:
    """Before, `bash -l` in a workspace found no Go, as /etc/profile gives login shells another PATH."""
    profile = (PROJECT / "images/workspace-base/login-path.sh").read_text()
    completed = subprocess.run(
        ["sh", "-c", f'{profile}echo "$PATH"'], text=True, capture_output=True, check=True
    )
    for entry in WORKSPACES.values():
        paths = re.findall(
            r"^ENV GOPATH=.*\n +PATH=(.*)", (PROJECT / entry.context / "Dockerfile").read_text(), re.M
        )
        assert paths == ([] if entry.base else [completed.stdout.strip()]), entry.name


def test_the_password_is_created_once_and_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command as the container runs it, with `cat` in the server's place."""
    file = tmp_path / "home" / ".config" / "config.yaml"
    script = workspace.WITH_PASSWORD.replace(workspace.PASSWORD, str(file))
    shown = [
        subprocess.run(["sh", "-euc", script, "sh", "cat", str(file)], capture_output=True, check=True).stdout
        for _ in range(2)
    ]
    assert shown[0] == shown[1]
    password = shown[0].decode().splitlines()[1]
    assert password.startswith("password: skycoin-")
    assert len(password) == len("password: skycoin-") + 48
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
