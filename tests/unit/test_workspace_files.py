"""devcontainer.json and devfile.yaml: their content, and that no other file is overwritten."""

import errno
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from catalogue.workspaces import WORKSPACES
from local import workspace_place
from local.machine.layout import PROJECT, Layout
from tests.unit.command_line import Ran, Skyinfra
from tests.unit.yaml_like import DIGEST
from workspaces.files import COMMANDS, devcontainer, devfile
from workspaces.keeping import as_owner_of, is_own, signed, write_all
from workspaces.model import Model, WorkspaceError, model_of
from workspaces.writing import NEEDS_LOGIN, bodies

REPOSITORY = "registry.localhost:5443/skycoin/skycoindev-cli"
OUTPUTS: Any = {
    "workspaces": {
        name: {
            tag: {"ref": f"{REPOSITORY}:{tag}@{DIGEST}", "digest": DIGEST}
            for tag in [*entry.tags(None), *entry.dind_tags(None)]
        }
        for name, entry in WORKSPACES.items()
    }
}
CLI = Model(name="cli", title="A workspace", image=f"{REPOSITORY}@{DIGEST}")
FILES = [".devcontainer/devcontainer.json", "devfile.yaml"]


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


def run(skyinfra: Skyinfra, outputs: Any, *arguments: str, text: str | None = None) -> Ran:
    given = text if text is not None else json.dumps(outputs)
    return skyinfra("workspace", "files", *arguments, "--outputs", "-", given=given)


def container_of(model: Model) -> Any:
    return json.loads(devcontainer(model))


def component_of(model: Model) -> Any:
    return yaml.safe_load(devfile(model))["components"][0]


def test_a_devcontainer_names_the_image_by_digest_the_folder_and_the_user() -> None:
    assert container_of(CLI) == {
        "name": "A workspace",
        "image": f"{REPOSITORY}@{DIGEST}",
        "workspaceMount": "type=bind,source=${localWorkspaceFolder},target=/work",
        "workspaceFolder": "/work",
        "remoteUser": "developer",
        "updateRemoteUserUID": True,
        "init": True,
        "mounts": [{"type": "volume", "source": "skycoin-workspace-cli-home", "target": "/home/developer"}],
        "runArgs": ["--memory=4096m", "--pids-limit=16384", "--cap-drop=ALL"],
        "securityOpt": ["no-new-privileges"],
        "overrideCommand": True,
    }


def test_a_devfile_is_the_same_for_a_cluster() -> None:
    assert yaml.safe_load(devfile(CLI)) == {
        "schemaVersion": "2.2.0",
        "metadata": {"name": "skycoin-cli", "displayName": "A workspace"},
        "components": [
            {
                "name": "cli",
                "container": {
                    "image": f"{REPOSITORY}@{DIGEST}",
                    "mountSources": True,
                    "sourceMapping": "/work",
                    "memoryLimit": "4096Mi",
                    "volumeMounts": [{"name": "home", "path": "/home/developer"}],
                    "args": ["sleep", "infinity"],
                },
            },
            {"name": "home", "volume": {"size": "10Gi"}},
        ],
        "commands": [
            {
                "id": kind,
                "exec": {
                    "component": "cli",
                    "commandLine": f"go {kind} ./...",
                    "workingDir": "${PROJECT_SOURCE}",
                    "group": {"kind": kind, "isDefault": True},
                },
            }
            for kind in ("build", "test")
        ],
    }


def test_only_a_nested_engine_has_rights_and_data_of_its_own() -> None:
    dind = replace(CLI, dind=True)
    container, component = container_of(dind), component_of(dind)
    assert container["capAdd"] == ["SYS_ADMIN", "NET_ADMIN"]
    assert container["securityOpt"] == ["seccomp=unconfined", "apparmor=unconfined"]
    assert (container["overrideCommand"], container["runArgs"][-1]) == (False, "--tty")
    assert container["mounts"][1]["source"] == "skycoin-workspace-cli-docker-${devcontainerId}"
    rights = component["attributes"]["container-overrides"]["securityContext"]
    assert (rights["runAsUser"], rights["capabilities"]) == (0, {"add": ["SYS_ADMIN", "NET_ADMIN"]})
    assert {"name": "docker", "path": "/var/lib/docker"} in component["container"]["volumeMounts"]
    assert "capAdd" not in devcontainer(CLI)
    assert "attributes" not in devfile(CLI)


def test_a_page_is_forwarded_and_behind_the_clusters_login() -> None:
    page = replace(CLI, name="vscode", ide_port=8080)
    assert container_of(page)["forwardPorts"] == [8080]
    container = component_of(page)["container"]
    assert container["endpoints"] == [
        {"name": "page", "targetPort": 8080, "protocol": "http", "secure": True}
    ]
    assert "args" not in container, "the image's own command serves the page"
    assert "forwardPorts" not in devcontainer(CLI)


def test_every_workspace_has_commands() -> None:
    assert COMMANDS.keys() == WORKSPACES.keys()


@pytest.mark.parametrize("name", WORKSPACES)
@pytest.mark.parametrize("dind", [False, True])
def test_a_model_uses_the_image_that_the_stack_built(name: str, dind: bool) -> None:
    model = model_of(name, OUTPUTS, dind=dind)
    assert (model.name, model.dind, model.ide_port) == (name, dind, WORKSPACES[name].ide_port)
    assert model.image == f"{REPOSITORY}@{DIGEST}"


@pytest.mark.parametrize(
    ("name", "outputs", "dind", "reason"),
    [
        ("java", OUTPUTS, False, "'java' is not a workspace; there are cli, python, dotnet, vscode"),
        ("cli", {}, False, "the stack does not build cli; it has no workspace"),
        ("cli", {"workspaces": {"python": {}}}, False, "the stack does not build cli; it has python"),
        (
            "cli",
            {"workspaces": {"cli": {"develop": {"ref": f"a/b@{DIGEST}"}}}},
            True,
            "the stack builds cli without a Docker engine: set `dind: true` for it in the stack's file, or "
            "leave out --dind",
        ),
    ],
)
def test_a_workspace_that_the_stack_does_not_build_is_reported(
    name: str, outputs: Any, dind: bool, reason: str
) -> None:
    with pytest.raises(WorkspaceError) as caught:
        model_of(name, outputs, dind=dind)
    assert str(caught.value) == reason


@given(st.text(), st.text(), st.sampled_from([Path("x.json"), Path("x.yaml")]))
def test_a_written_file_is_recognized_until_it_is_edited(body: str, other: str, path: Path) -> None:
    assert is_own(path, signed(path, body))
    first, _, rest = signed(path, body).partition("\n")
    assert rest == body
    assert is_own(path, f"{first}\n{other}") == (other == body)
    assert not is_own(path, body)


def test_files_are_written_once(tmp_path: Path) -> None:
    texts = bodies([CLI])
    assert list(texts) == FILES
    assert write_all(tmp_path, texts) == [tmp_path / name for name in FILES]
    assert write_all(tmp_path, texts) == []
    assert write_all(tmp_path, bodies([replace(CLI, image="other")])) != []
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "devcontainer.json",
        "devfile.yaml",
    ], "nothing is left beside them"


@pytest.mark.parametrize("name", FILES)
def test_a_foreign_file_is_not_overwritten_and_nothing_else_is_written(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("mine\n")
    with pytest.raises(
        WorkspaceError, match="not written by this command, or edited since; nothing was written"
    ) as caught:
        write_all(tmp_path, bodies([CLI]))
    assert str(file) in str(caught.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [file]
    assert file.read_text() == "mine\n"


def test_an_edited_file_is_not_overwritten(tmp_path: Path) -> None:
    write_all(tmp_path, bodies([CLI]))
    file = tmp_path / "devfile.yaml"
    file.write_text(file.read_text().replace("10Gi", "20Gi"))
    with pytest.raises(WorkspaceError):
        write_all(tmp_path, bodies([CLI]))
    assert "20Gi" in file.read_text()


def test_a_link_or_folder_in_place_of_a_file_is_not_overwritten(tmp_path: Path) -> None:
    """A link to a file that this command has written into another checkout counts too."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    write_all(there, bodies([CLI]))
    (here / "devfile.yaml").symlink_to(there / "devfile.yaml")
    with pytest.raises(WorkspaceError):
        write_all(here, bodies([CLI]))
    (here / "devfile.yaml").unlink()
    (here / "devfile.yaml").mkdir()
    with pytest.raises(WorkspaceError):
        write_all(here, bodies([CLI]))


def test_a_file_in_place_of_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".devcontainer").write_text("mine")
    with pytest.raises(WorkspaceError, match=r"devcontainer\.json: not written by this command"):
        write_all(tmp_path, bodies([CLI]))
    assert [path.name for path in tmp_path.iterdir()] == [".devcontainer"]


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkspaceError, match=r"file can't be written: .*Not a directory"):
        write_all(tmp_path / "file", bodies([CLI]))


def test_a_link_on_the_way_is_not_followed(tmp_path: Path) -> None:
    """Under sudo, the command would write wherever the folder's owner wants."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".devcontainer").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkspaceError):
        write_all(tmp_path, bodies([CLI]))
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("name", FILES)
def test_a_link_planted_beside_a_file_is_neither_followed_nor_used(tmp_path: Path, name: str) -> None:
    """The name of the temporary file was that of the process: a link there led root into any file."""
    folder, victim = tmp_path / "project", tmp_path / "victim"
    planted = (folder / name).with_name(f".{Path(name).name}.{os.getpid()}")
    planted.parent.mkdir(parents=True)
    victim.write_text("secret\n")
    planted.symlink_to(victim)
    write_all(folder, bodies([CLI]))
    assert victim.read_text() == "secret\n"
    assert planted.is_symlink()
    assert (folder / name).is_file()
    assert not (folder / name).is_symlink()


def test_a_failed_write_leaves_no_partial_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _target: Path) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(WorkspaceError, match="No space left on device"):
        write_all(tmp_path, bodies([CLI]))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def _failing(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Let a method of paths fail for the second file, or for what will become it."""
    works = getattr(Path, method)

    def fails(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.name.startswith(".devfile.yaml."):
            raise OSError(errno.ENOSPC, "No space left on device")
        return works(path, *arguments, **options)

    monkeypatch.setattr(Path, method, fails)


def test_if_the_second_file_fails_the_first_is_not_written_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the first file stayed, with the image of another build than the second."""
    write_all(tmp_path, bodies([CLI]))
    before = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    _failing(monkeypatch, "open")
    with pytest.raises(WorkspaceError, match=r"No space left on device; nothing was written$"):
        write_all(tmp_path, bodies([replace(CLI, image="other")]))
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_if_only_the_first_file_gets_its_name_that_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _failing(monkeypatch, "rename")
    first = tmp_path / FILES[0]
    with pytest.raises(WorkspaceError) as caught:
        write_all(tmp_path, bodies([CLI]))
    assert str(caught.value) == (
        f"{tmp_path} can't be written: [Errno 28] No space left on device; only this was written: {first}"
    )
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [first]


def test_root_writes_as_the_folders_owner_and_no_longer_than_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the files are the owner's, and a link that the owner plants meanwhile gives no rights of root."""
    calls: list[tuple[str, Any]] = []
    for name in ("setgroups", "setegid", "seteuid"):
        monkeypatch.setattr(os, name, lambda given, name=name: calls.append((name, given)))
    status = tmp_path.stat()
    owner = os.stat_result((*status[:4], 12345, 23456, *status[6:]))
    monkeypatch.setattr(Path, "stat", lambda _path, **_options: owner)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "getgroups", lambda: [0, 4])
    with as_owner_of(tmp_path):
        assert calls == [("setgroups", []), ("setegid", 23456), ("seteuid", 12345)]
        calls.clear()
    assert calls == [("seteuid", 0), ("setegid", os.getegid()), ("setgroups", [0, 4])]
    calls.clear()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with as_owner_of(tmp_path):
        assert calls == []


def test_the_command_writes_the_files_and_reports_them_each_time(tmp_path: Path, skyinfra: Skyinfra) -> None:
    for word in ("written", "unchanged"):
        ran = run(skyinfra, OUTPUTS, "cli", "--into", str(tmp_path))
        assert (ran.code, ran.out) == (0, "".join(f"{tmp_path / name}: {word}\n" for name in FILES))


@pytest.mark.parametrize("host", ["registry.localhost:5443", "registry.example"])
def test_files_with_an_image_of_the_set_ups_registry_say_that_it_needs_a_login(
    tmp_path: Path, skyinfra: Skyinfra, host: str
) -> None:
    outputs = json.loads(json.dumps(OUTPUTS).replace("registry.localhost:5443", host))
    ran = run(skyinfra, outputs, "cli", "--into", str(tmp_path))
    assert (ran.code, NEEDS_LOGIN in ran.err) == (0, host.startswith("registry.localhost"))


def test_files_of_an_earlier_version_are_recognized_and_signed_again(
    tmp_path: Path, skyinfra: Skyinfra
) -> None:
    """The former `python -m workspaces` wrote its own name into the first line."""
    run(skyinfra, OUTPUTS, "cli", "--into", str(tmp_path))
    for path in (tmp_path / name for name in FILES):
        path.write_text(path.read_text().replace("skyinfra workspace files", "python -m workspaces"))
    again = run(skyinfra, OUTPUTS, "cli", "--into", str(tmp_path))
    assert again.out == "".join(f"{tmp_path / name}: written\n" for name in FILES)
    assert "python -m workspaces" not in (tmp_path / "devfile.yaml").read_text()


def test_of_several_workspaces_each_has_its_own_files(tmp_path: Path, skyinfra: Skyinfra) -> None:
    """For several, the specification has .devcontainer/NAME/devcontainer.json."""
    assert run(skyinfra, OUTPUTS, "cli", "python", "cli", "--dind", "--into", str(tmp_path)).code == 0
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert found == [
        ".devcontainer/cli/devcontainer.json",
        ".devcontainer/python/devcontainer.json",
        "devfile.cli.yaml",
        "devfile.python.yaml",
    ]


def test_print_writes_nothing(tmp_path: Path, skyinfra: Skyinfra) -> None:
    ran = run(skyinfra, OUTPUTS, "cli", "--into", str(tmp_path), "--print")
    assert ran.code == 0
    assert devfile(model_of("cli", OUTPUTS)) in ran.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.case(43)
@pytest.mark.parametrize("own", ["program", "state", "cache", "home", "a link to the program", "by default"])
def test_no_files_are_written_into_the_program_its_state_or_a_home(
    own: str, tmp_path: Path, layout: Layout, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, `make workspace-files` wrote them into its checkout, which an editor then mounted."""
    places = {
        "program": tmp_path / "program",
        "by default": tmp_path / "program",
        "state": layout.state,
        "cache": layout.cache,
        "home": tmp_path / "a" / "home",
    }
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr("local.workspace.PROJECT", places["program"])
    monkeypatch.setattr("pwd.getpwuid", lambda _: SimpleNamespace(pw_dir=str(places["home"])))
    (tmp_path / "link").symlink_to(places["program"])
    monkeypatch.chdir(places["program"])
    into = [] if own == "by default" else ["--into", str(places.get(own, tmp_path / "link"))]
    before = sorted(tmp_path.rglob("*"))
    ran = run(skyinfra, OUTPUTS, "cli", *into)
    assert (ran.code, ran.out) == (1, "")
    real = places.get(own, places["program"])
    assert re.match(f"error: {real} is not opened: it contains ", ran.err)
    assert ran.err.endswith("(--into, or FOLDER= for make).\n")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.case(43)
@pytest.mark.parametrize(("data", "folder"), [("docker", "docker/sub"), ("docker/engine", "docker")])
def test_no_files_are_written_into_the_data_of_an_engine(
    data: str, folder: str, tmp_path: Path, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, only `workspace open` asked the engine: the files let an editor mount its volumes."""
    (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(workspace_place, "engine_version", lambda _: "20.10.24 (API 1.41)")
    engine = SimpleNamespace(info=lambda: {"DockerRootDir": str(tmp_path / data)})
    monkeypatch.setattr(workspace_place, "connect", lambda _: engine)
    ran = run(skyinfra, OUTPUTS, "cli", "--into", str(tmp_path / folder))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"error: {tmp_path / folder} is not opened: it contains or is inside {tmp_path / data}, which has "
        "the volumes of that Docker engine, wallets included; give another folder (--into, or FOLDER= for "
        "make).\n"
    )
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    (tmp_path / "project").mkdir()
    assert run(skyinfra, OUTPUTS, "cli", "--into", str(tmp_path / "project")).code == 0


def test_print_needs_no_folder(layout: Layout, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    assert run(skyinfra, OUTPUTS, "cli", "--print").code == 0


@pytest.mark.parametrize(
    ("arguments", "text", "reason"),
    [
        (
            ["cli", "--into", "/nowhere"],
            None,
            "error: /nowhere is not a folder: give one with --into (FOLDER= for make).",
        ),
        (
            ["cli", "--print"],
            "",
            "error: The input has no outputs: give it the output of `pulumi stack output --json`",
        ),
        (
            ["cli", "--print"],
            "[]",
            "error: The input has no outputs: give it the output of `pulumi stack output --json`",
        ),
        pytest.param(
            ["cli", "--print"],
            "[" * 100_000,  # before, an internal error
            "error: The input has no outputs: give it the output of `pulumi stack output --json`",
            id="deep",
        ),
        (["cli", "--print"], "{}", "error: the stack does not build cli; it has no workspace"),
    ],
)
def test_an_error_is_one_line(
    arguments: list[str], text: str | None, reason: str, skyinfra: Skyinfra
) -> None:
    ran = run(skyinfra, OUTPUTS, *arguments, text=text)
    assert ran.code == 1
    assert ran.err.startswith(reason)
