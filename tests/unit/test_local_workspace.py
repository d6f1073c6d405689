"""An opened workspace before any set-up: name, folder, user, and its settings for the stack."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from catalogue.workspaces import WORKSPACES
from clients.pulumi import containers
from local import workspace
from local.machine.layout import PROJECT, Layout, read_layout
from local.machine.steps import SetupError
from local.stacks.files import copied_stack_file, is_own, stack_config
from local.stacks.stack import _current
from local.stacks.states import own_stacks, resources
from local.workspace_place import WorkspacePlace, here, person
from settings.reading import parse
from tests.unit.projects import stack_settings


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    for name in ("state", "cache", "builder_root"):
        monkeypatch.setenv(f"SKYCOIN_{name.upper()}", str(tmp_path / "own" / name))
        (tmp_path / "own" / name).mkdir(parents=True)
    return read_layout()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return made


def opened(layout: Layout, folder: Path | str) -> int:
    checked = workspace.checked_folder(Path(folder), layout)
    return workspace.open_workspace(layout, "cli", here(checked), dind=False)


SHED = WorkspacePlace(
    folder="/srv/project",
    user="1000:1000",
    machine="aarch64",
    engine="ssh://me@shed.lan",
    ssh_options=("-i", "/home/me/key"),
)


@pytest.mark.case(43)
@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("/nowhere/at/all", "/nowhere/at/all is not a folder: give one with --folder (FOLDER= for make)."),
        ("/etc", "/etc is not opened: it belongs to the system"),
        ("/", "/ is not opened: it holds more than a workspace may see"),
    ],
)
def test_a_folder_that_is_not_opened_is_refused_before_anything_happens(
    folder: str, reason: str, layout: Layout
) -> None:
    with pytest.raises(SetupError) as caught:
        opened(layout, folder)
    assert str(caught.value).startswith(reason)


def test_a_link_is_followed_before_it_is_checked(tmp_path: Path, layout: Layout) -> None:
    (tmp_path / "innocent").symlink_to("/etc")
    with pytest.raises(SetupError, match="/etc is not opened"):
        opened(layout, tmp_path / "innocent")


@pytest.mark.case(43)
@pytest.mark.parametrize("where", ["itself", "above", "inside"])
@pytest.mark.parametrize(
    ("own", "reason"),
    [
        ("program", "it contains or is inside {}, which has this program: you run it outside the workspace"),
        ("state", "it contains or is inside {}, which has the keys of this set-up"),
        ("cache", "it contains or is inside {}, which has programs that this set-up runs"),
        ("builder_root", "it contains or is inside {}, which has layers that images are built from"),
        ("home", "it contains an entire home folder, keys included ({})"),
    ],
)
def test_a_folder_of_the_program_or_its_state_or_a_home_folder_is_not_opened(
    own: str, reason: str, where: str, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the checkout was the default, and hiding its keys failed: parent folders can be moved."""
    place = tmp_path / "mine" / own
    (place / "deep").mkdir(parents=True)
    if own == "program":
        monkeypatch.setattr(workspace, "PROJECT", place)
    elif own == "home":
        monkeypatch.setattr("pwd.getpwuid", lambda _: SimpleNamespace(pw_dir=str(place)))
    else:
        monkeypatch.setenv(f"SKYCOIN_{own.upper()}", str(place))
        layout = read_layout()
    folder = {"itself": place, "above": place.parent, "inside": place / "deep"}[where]
    if (own, where) == ("home", "inside"):
        assert workspace.checked_folder(folder, layout) == folder
        return
    with pytest.raises(SetupError) as caught:
        workspace.checked_folder(folder, layout)
    assert str(caught.value).startswith(f"{folder} is not opened: {reason.format(place)}; give ")
    assert str(caught.value).endswith(" (--folder, or FOLDER= for make).")


def test_the_checkout_itself_is_not_opened(layout: Layout) -> None:
    """The reason is another one if the checkout is in a hidden folder of a home."""
    with pytest.raises(SetupError, match="docs is not opened: "):
        workspace.checked_folder(PROJECT / "docs", layout)


def test_the_settings_of_an_opened_workspace_name_its_folder(folder: Path) -> None:
    """`hide`, which an earlier version wrote for the checkout, is removed."""
    settings = workspace._settings("cli", here(folder), 0, dind=False)
    assert settings == {
        "skycoin:workspaces.cli.arches[0]": settings["skycoin:workspaces.cli.arches[0]"],
        "skycoin:hosts.there": None,
        "skycoin:workspaces.cli.dind": None,
        "skycoin:workspaces.cli.open.host": "here",
        "skycoin:workspaces.cli.open.folder": str(folder),
        "skycoin:workspaces.cli.open.user": person(folder),
        "skycoin:workspaces.cli.open.dind": None,
        "skycoin:workspaces.cli.open.hide": None,
    }


def test_a_nested_engine_is_asked_for_twice(folder: Path) -> None:
    settings = workspace._settings("cli", here(folder), 0, dind=True)
    assert settings["skycoin:workspaces.cli.dind"] == settings["skycoin:workspaces.cli.open.dind"] == "true"


def test_a_machine_of_an_unsupported_architecture_is_refused(
    layout: Layout, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(SetupError, match=r"cli does not support this machine \(riscv64\)"):
        opened(layout, folder)


def test_another_machines_engine_is_a_host_of_the_stack_and_its_processor_the_arch() -> None:
    settings = workspace._settings("cli", SHED, 3, dind=True)
    assert settings["skycoin:workspaces.cli.arches[0]"] == "arm64v8"
    assert {key: value for key, value in settings.items() if "hosts" in key or "open" in key} == {
        "skycoin:hosts.there.engine": "ssh://me@shed.lan",
        "skycoin:hosts.there.ssh-options[2]": None,
        "skycoin:hosts.there.ssh-options[0]": "-i",
        "skycoin:hosts.there.ssh-options[1]": "/home/me/key",
        "skycoin:workspaces.cli.open.host": "there",
        "skycoin:workspaces.cli.open.folder": "/srv/project",
        "skycoin:workspaces.cli.open.user": "1000:1000",
        "skycoin:workspaces.cli.open.dind": "true",
        "skycoin:workspaces.cli.open.hide": None,
    }
    with pytest.raises(SetupError, match=r"does not support the machine at ssh://me@shed\.lan \(armv7l\)\."):
        workspace._settings("cli", replace(SHED, machine="armv7l"), 0, dind=False)


@pytest.mark.parametrize(
    ("hosts", "listed"),
    [(None, 0), ("x", 0), ({}, 0), ({"there": "x"}, 0), ({"there": {"ssh-options": ["-i", "key"]}}, 2)],
)
def test_ssh_options_that_are_no_longer_given_are_counted(
    hosts: object, listed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "stack_config", lambda _: {"skycoin:hosts": hosts})
    assert workspace._listed_options("workspace-cli") == listed


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Steps of an opening, which are recorded and not done; the stack's outputs are those of vscode."""
    done: list[str] = []
    env = {"DOCKER_HOST": "unix:///var/run/docker.sock"}
    opened = {
        "folder": "/srv/project",
        "user": "1000:1000",
        "enter": "docker exec -it --user 1000:1000 skycoin-workspace-vscode bash",
        "url": "http://127.0.0.1:8080/?folder=/work",
        "sign_in": "docker exec --user 1000:1000 skycoin-workspace-vscode grep",
    }
    monkeypatch.setattr(workspace, "stack_config", lambda _: {})

    def set_up(*_: object) -> dict[str, str]:
        done.append("set up")
        return env

    def bring_up(*_: object) -> int:
        done.append("up")
        return 0

    monkeypatch.setattr(workspace, "set_up", set_up)
    monkeypatch.setattr(workspace, "bring_up", bring_up)
    monkeypatch.setattr(workspace, "stack_outputs", lambda *_: {"opened": {"vscode": opened}})
    monkeypatch.setattr(workspace, "refuse_beside_nodes", lambda *_: done.append("look for nodes"))
    monkeypatch.setattr(workspace, "refuse_engines_data", lambda *_: True)
    return done


def test_nodes_are_looked_for_before_the_set_up_and_on_the_engine_that_it_starts(
    layout: Layout, folder: Path, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, only a warning was printed, and the workspace was opened."""
    assert workspace.open_workspace(layout, "vscode", here(folder), dind=True) == 0
    assert steps == ["look for nodes", "set up", "look for nodes", "up"]
    steps.clear()
    assert workspace.open_workspace(layout, "vscode", here(folder), dind=False) == 0
    assert steps == ["set up", "up"]

    def refuse(*_: object) -> None:
        raise SetupError("this machine has the node skycoin-node-1")

    monkeypatch.setattr(workspace, "refuse_beside_nodes", refuse)
    steps.clear()
    with pytest.raises(SetupError, match="has the node"):
        workspace.open_workspace(layout, "vscode", here(folder), dind=True)
    assert steps == []


@pytest.mark.case(43)
def test_an_engine_is_asked_for_its_data_before_the_set_up_or_once_it_is_started(
    layout: Layout, folder: Path, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(*_: object) -> bool:
        steps.append("ask for its data")
        return "set up" in steps

    monkeypatch.setattr(workspace, "refuse_engines_data", ask)
    assert workspace.open_workspace(layout, "vscode", here(folder), dind=False) == 0
    assert steps == ["ask for its data", "set up", "ask for its data", "up"]
    assert workspace.open_workspace(layout, "vscode", here(folder), dind=False) == 0
    assert steps[4:] == ["ask for its data", "set up", "up"], "once is enough"


@pytest.mark.usefixtures("steps")
def test_how_to_enter_on_another_machine_names_its_engine(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    assert workspace.open_workspace(layout, "vscode", replace(SHED, ssh_options=()), dind=False) == 0
    output = capsys.readouterr().out
    assert "Opens the workspace vscode over /srv/project on ssh://me@shed.lan. The first time" in output
    assert output.endswith(
        "open over /srv/project (/work inside), as 1000:1000:\n"
        "  docker -H ssh://me@shed.lan exec -it --user 1000:1000 skycoin-workspace-vscode bash\n"
        "  ssh -N -L 8080:127.0.0.1:8080 ssh://me@shed.lan   # its page is on that machine\n"
        "  http://127.0.0.1:8080/?folder=/work   the password: docker -H ssh://me@shed.lan exec "
        "--user 1000:1000 skycoin-workspace-vscode grep\n"
    )


@pytest.mark.usefixtures("steps")
def test_the_commands_for_another_machine_have_the_ssh_options_that_reached_it(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    """`docker -H` takes no such options, and the printed commands did not reach the machine."""
    shed = replace(SHED, ssh_options=("-i", "/home/me/my key", "-J", "bastion"))
    assert workspace.open_workspace(layout, "vscode", shed, dind=False) == 0
    ssh = "-i '/home/me/my key' -J bastion"
    assert capsys.readouterr().out.endswith(
        "open over /srv/project (/work inside), as 1000:1000:\n"
        f"  ssh {ssh} -t ssh://me@shed.lan docker exec -it --user 1000:1000 skycoin-workspace-vscode bash\n"
        f"  ssh {ssh} -N -L 8080:127.0.0.1:8080 ssh://me@shed.lan   # its page is on that machine\n"
        f"  http://127.0.0.1:8080/?folder=/work   the password: ssh {ssh} -t ssh://me@shed.lan docker exec "
        "--user 1000:1000 skycoin-workspace-vscode grep\n"
    )


@pytest.mark.parametrize("name", WORKSPACES)
@pytest.mark.parametrize("dind", [False, True])
@pytest.mark.parametrize("is_here", [True, False])
def test_the_example_with_the_opened_workspace_is_a_valid_stack(
    name: str, dind: bool, is_here: bool, folder: Path
) -> None:
    raw = stack_settings("workspace.example.yaml")
    place = here(folder) if is_here else replace(SHED, ssh_options=())
    for path, value in workspace._settings(name, place, 0, dind=dind).items():
        if value is not None:
            _put(raw, path.removeprefix("skycoin:").replace("[0]", ".0").split("."), yaml.safe_load(value))
    opening = parse(raw).workspaces[name].open
    assert opening is not None
    assert (opening.folder, opening.dind) == (place.folder, dind)


def _put(raw: dict[str, object], path: list[str], value: object) -> None:
    """Set a value like `pulumi config set --path`; the only lists here have one element."""
    key, *rest = path
    if not rest:
        raw[key] = str(value) if key == "user" else value
    elif rest == ["0"]:
        raw[key] = [value]
    else:
        inner = raw.setdefault(key, {})
        assert isinstance(inner, dict)
        _put(inner, rest, value)


CONFIG = {"a": {"b": [{"c": "x"}], "n": 8080, "t": True, "s": "8080"}}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b[0].c", "x"),
        ("a.b[1].c", None),
        ("a.n", "8080"),
        ("a.t", "true"),
        ("a.s", "8080"),
        ("a.x", None),
        ("a.n.x", None),
        ("a.b.x", None),
        ("a.b", '[{"c": "x"}]'),
    ],
)
def test_a_setting_is_found_as_it_would_be_given(path: str, value: str | None) -> None:
    assert _current(CONFIG, path) == value


def test_own_stacks_are_local_and_full_workspace_stacks(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A destroyed stack leaves an empty state; before, `make down ALL=1` destroyed it again, and failed."""
    folder = layout.state / "backend" / ".pulumi" / "stacks" / "skycoin"
    folder.mkdir(parents=True)
    full: dict[str, object] = {"resources": [{}]}
    for name, latest in (
        ("local", full),
        ("workspace-cli", {}),
        ("workspace-python", full),
        ("release", full),
    ):
        (folder / f"{name}.json").write_text(json.dumps({"version": 3, "checkpoint": {"latest": latest}}))
    monkeypatch.setattr("local.stacks.states.stack_file", lambda _: folder / "none")
    assert own_stacks(layout) == [], "their settings are not there"
    monkeypatch.setattr("local.stacks.states.stack_file", lambda _: folder)
    assert own_stacks(layout) == ["local", "workspace-python"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "config:\n\tskycoin:bases: debian\n",
            "is not valid YAML: (?s:.)*\n    stacks/Pulumi.+yaml:2:1\n",
        ),
        ("config: [a]\n", "has no mapping `config:`"),
        ("config: \udcff\n", "is not valid YAML: 'utf-8' codec can't decode byte 0xff"),
        ("config\n", "has no mapping `config:`"),
        ("config:\n  skycoin:bases: 2026-01-02\n", "skycoin:bases, line 2: a date, which Pulumi passes on"),
    ],
    ids=["a tab", "a list", "not UTF-8", "a word", "a date"],
)
def test_a_malformed_stack_file_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, fault: str
) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.local.yaml").write_text(text, errors="surrogateescape")
    monkeypatch.setattr("local.stacks.files.PROJECT", tmp_path)
    with pytest.raises(SetupError, match=f"^stacks/Pulumi.local.yaml.*{fault}"):
        stack_config()


def test_a_stack_file_that_is_not_utf_8_is_not_copied_for_pulumi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, `wallet accept` ended with an internal error that did not name the file."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.local.yaml").write_bytes(b"# caf\xe9\n")
    monkeypatch.setattr("local.stacks.files.PROJECT", tmp_path)
    with (
        pytest.raises(SetupError, match=r"Pulumi\.local\.yaml is not valid YAML"),
        copied_stack_file("local"),
    ):
        pass


def test_a_stack_file_is_read_as_pulumi_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, `fleet check` took `gui: yes` for true, and `up` refused it as text."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.local.yaml").write_text("config:\n  skycoin:nodes: {one: {gui: yes}}\n")
    monkeypatch.setattr("local.stacks.files.PROJECT", tmp_path)
    assert stack_config() == {"skycoin:nodes": {"one": {"gui": "yes"}}}


def test_the_containers_of_a_stack_are_read_from_its_state(layout: Layout) -> None:
    """Outputs lack what a failed `up` has started, and the settings may name another host by now."""
    folder = layout.state / "backend" / ".pulumi" / "stacks" / "skycoin"
    folder.mkdir(parents=True)
    ssh = {"host": "ssh://pi@attic.lan", "sshOpts": '["-p", "2222"]'}
    kinds = {"provider": "pulumi:providers:docker", "container": "docker:index/container:Container"}
    found = [
        {"urn": "urn:here", "id": "1", "type": kinds["provider"], "inputs": {}},
        {"urn": "urn:attic", "id": "2", "type": kinds["provider"], "inputs": ssh},
        {
            "urn": "urn:a",
            "type": kinds["container"],
            "inputs": {"name": "skycoin-a"},
            "provider": "urn:here::1",
        },
        {
            "urn": "urn:b",
            "type": kinds["container"],
            "inputs": {"name": "skycoin-b"},
            "provider": "urn:attic::2",
        },
        {
            "urn": "urn:n",
            "type": "skycoin:index:NodeContainer",
            "inputs": {
                "name": "skycoin-n",
                "host": "attic",
                "engine": "ssh://pi@attic.lan",
                "sshOptions": [],
            },
        },
        {
            "urn": "urn:m",
            "type": "skycoin:index:NodeContainer",
            "inputs": {"name": "skycoin-m", "host": "here", "sshOptions": []},
        },
        {"urn": "urn:v", "type": "docker:index/volume:Volume", "inputs": {"name": "skycoin-a-wallet"}},
    ]
    state = {"version": 3, "checkpoint": {"latest": {"resources": found}}}
    (folder / "local.json").write_text(json.dumps(state))
    assert containers(resources(layout, "local")) == [
        ("skycoin-m", {}),
        ("skycoin-n", {"host": "ssh://pi@attic.lan"}),
        ("skycoin-b", ssh),
        ("skycoin-a", {}),
    ]


def test_the_machines_own_stacks_are_ignored_by_git() -> None:
    patterns = (PROJECT / ".gitignore").read_text().splitlines()
    assert {"/stacks/Pulumi.local.yaml", "/stacks/Pulumi.workspace-*.yaml"} <= set(patterns)
    assert is_own("local")
    assert is_own("workspace-cli")
    assert not is_own("workspaces"), "that one is committed"
    assert not is_own("release")
