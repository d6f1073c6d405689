"""An opened workspace before anything is set up: name, folder, person, and what it asks of the stack."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from catalogue.workspaces import WORKSPACES
from clients.pulumi import containers
from local import workspace
from local.layout import PROJECT, Layout, read_layout
from local.stack import _current, is_own, own_stacks, resources, stack_config
from local.steps import SetupError
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
    return workspace.open_workspace(layout, "cli", checked, dind=False)


@pytest.mark.case(43)
@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("/nowhere/at/all", "/nowhere/at/all is not a folder: give one with --folder (FOLDER= of make)."),
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
        ("program", "it has this program, which you run outside"),
        ("state", "it has the keys of this set-up"),
        ("cache", "it has programs that this set-up runs"),
        ("builder_root", "it has layers that images are built from"),
        ("home", "it has a whole home, keys included"),
    ],
)
def test_a_folder_of_the_program_of_its_state_or_of_a_person_is_not_opened(
    own: str, reason: str, where: str, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H2: the checkout was the default, and to hide the keys in it did not hold: its parents can be moved."""
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
    assert str(caught.value).startswith(f"{folder} is not opened: {reason} ({place}); give ")
    assert str(caught.value).endswith(" (--folder; FOLDER= of make).")


def test_the_checkout_itself_is_not_opened(layout: Layout) -> None:
    with pytest.raises(SetupError, match="it has this program"):
        workspace.checked_folder(PROJECT / "docs", layout)


def test_the_person_is_who_called(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Sudo's caller, for root itself the folder's owner; the variable of an outer sudo means nothing."""
    owner = folder.stat()
    for name in ("SUDO_UID", "SUDO_GID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert workspace.person(folder) == f"{owner.st_uid}:{owner.st_gid}"
    monkeypatch.setenv("SUDO_UID", "1234")
    monkeypatch.setenv("SUDO_GID", "5678")
    assert workspace.person(folder) == "1234:5678"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert workspace.person(folder) == f"{os.getuid()}:{os.getgid()}"


def test_what_is_asked_of_the_stack_names_the_folder(folder: Path) -> None:
    """`hide` goes: an earlier version had written it for the checkout."""
    settings = workspace._settings("cli", folder, dind=False)
    assert settings == {
        "skycoin:workspaces.cli.arches[0]": settings["skycoin:workspaces.cli.arches[0]"],
        "skycoin:workspaces.cli.dind": None,
        "skycoin:workspaces.cli.open.host": "here",
        "skycoin:workspaces.cli.open.folder": str(folder),
        "skycoin:workspaces.cli.open.user": workspace.person(folder),
        "skycoin:workspaces.cli.open.dind": None,
        "skycoin:workspaces.cli.open.hide": None,
    }


def test_an_engine_inside_is_asked_for_twice(folder: Path) -> None:
    settings = workspace._settings("cli", folder, dind=True)
    assert settings["skycoin:workspaces.cli.dind"] == settings["skycoin:workspaces.cli.open.dind"] == "true"


def test_a_machine_that_it_is_not_made_for_is_refused(
    layout: Layout, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(SetupError, match="cli is not made for this machine, a riscv64"):
        opened(layout, folder)


@pytest.mark.parametrize("name", WORKSPACES)
@pytest.mark.parametrize("dind", [False, True])
def test_the_example_with_what_is_asked_is_a_valid_stack(name: str, dind: bool, folder: Path) -> None:
    raw = stack_settings("workspace.example.yaml")
    for path, value in workspace._settings(name, folder, dind=dind).items():
        if value is not None:
            _put(raw, path.removeprefix("skycoin:").replace("[0]", ".0").split("."), yaml.safe_load(value))
    opening = parse(raw).workspaces[name].open
    assert opening is not None
    assert (opening.folder, opening.dind) == (str(folder), dind)


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


def test_own_stacks_are_those_that_hold_anything(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A destroyed stack stays as an empty state: `make down ALL=1` tried to destroy it again, and failed."""
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
    monkeypatch.setattr("local.stack.stack_file", lambda _: folder / "none")
    assert own_stacks(layout) == [], "their settings are not there"
    monkeypatch.setattr("local.stack.stack_file", lambda _: folder)
    assert own_stacks(layout) == ["local", "workspace-python"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("config:\n\tskycoin:bases: debian\n", "is no YAML: (?s:.)*line 2, column 1"),
        ("config: [a]\n", "`config:` with one line a setting is missing"),
        ("config\n", "`config:` with one line a setting is missing"),
    ],
    ids=["a tab", "a list", "a word"],
)
def test_a_stack_file_that_is_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, fault: str
) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.local.yaml").write_text(text)
    monkeypatch.setattr("local.stack.PROJECT", tmp_path)
    with pytest.raises(SetupError, match=f"^stacks/Pulumi.local.yaml.*{fault}"):
        stack_config()


def test_what_a_stack_runs_is_read_from_its_state(layout: Layout) -> None:
    """Outputs lack what a failed `up` had started, and settings may name another host by now."""
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
