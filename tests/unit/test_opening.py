"""Settings of an opened workspace: refusals and their messages, and what the component is given."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.folders import SHARED, SYSTEM, folder_fault
from settings.opening import hidden_fault
from settings.reading import SettingsError, parse
from tests.unit.yaml_like import changed

CLI = {"arches": ["amd64"]}
OPEN = {"host": "here", "folder": "/home/me/project"}
KEY = "skycoin:workspaces.cli.open"
SYSTEMS = "it belongs to the system; give the folder that you work on"
WHOLE = "it holds more than a workspace may see; give the folder in it that you work on"
A_HOME = "it is an entire home folder, keys included; give the folder in it that you work on"
HIDDEN = "a hidden folder of a home has keys and settings of programs; give a folder that you work on"
NO_PATH = "a folder is an absolute path on the host, without '..', '//' or '/' at its end"
NO_INSIDE = "a path to hide is one inside the folder, relative to it, without '..'"
NO_USER = 'a user is UID:GID in quotes, such as "1000:1000" (from `id -u` and `id -g`)'


def with_cli(cli: dict[str, Any] | None = None, **opening: Any) -> dict[str, Any]:
    """The valid configuration with the workspace cli opened."""
    return changed({"workspaces": {"cli": {**CLI, **(cli or {}), "open": {**OPEN, **opening}}}})


def faults(raw: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(raw)
    return caught.value.faults


def test_an_opening_has_its_defaults() -> None:
    opening = parse(with_cli()).workspaces["cli"].open
    assert opening is not None
    assert (opening.user, opening.dind, opening.port, opening.memory, opening.hide) == (
        None,
        False,
        None,
        4096,
        [],
    )


@pytest.mark.case(43)
@pytest.mark.parametrize(
    ("folder", "fault"),
    [
        ("project", NO_PATH),
        ("~/project", NO_PATH),
        ("/home/me/../you", NO_PATH),
        ("/home/me/project/", NO_PATH),
        ("/home//me", NO_PATH),
        ("/home/me/a\nb", NO_PATH),
        ("//", NO_PATH),
        ("/", WHOLE),
        ("/etc", SYSTEMS),
        ("/var/run/docker.sock", SYSTEMS),
        ("/var/lib/docker", SYSTEMS),
        ("/proc/1/root", SYSTEMS),
        ("/usr/local/src", SYSTEMS),
        ("/root", WHOLE),
        ("/home", WHOLE),
        ("/tmp", WHOLE),
        ("/home/me", A_HOME),
        ("/home/me/.ssh", HIDDEN),
        ("/home/me/.local/share/x", HIDDEN),
        ("/root/.ssh", HIDDEN),
    ],
)
def test_a_folder_that_no_workspace_sees_is_refused(folder: str, fault: str) -> None:
    [line] = faults(with_cli(folder=folder))
    assert line.startswith(f"{KEY}.folder: ")
    assert line.endswith(fault)


@pytest.mark.case(43)
@pytest.mark.parametrize(
    "folder", ["/srv/infrastructure", "/srv/infrastructure/docs", "/srv/infrastructure/local/state"]
)
def test_a_folder_that_has_this_program_is_refused_on_this_machine(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another host, the same path is another folder."""
    monkeypatch.setattr("settings.rules.opening.PROGRAM", Path("/srv/infrastructure"))
    [line] = faults(with_cli(folder=folder))
    assert line.startswith(f"{KEY}.folder: {folder} contains this program")
    away = with_cli(folder=folder, host="attic")
    for engine in ("ssh://pi@attic", "ssh://pi@127.attic", "ssh://localhost@10.0.0.1:22"):
        away["hosts"]["attic"] = {"engine": engine}
        opening = parse(away).workspaces["cli"].open
        assert opening is not None
        assert opening.folder == folder


@pytest.mark.case(43)
@pytest.mark.parametrize(
    "engine",
    [
        "unix:///var/run/docker.sock",
        "unix:///home/me/docker.sock",
        "ssh://me@localhost",
        "ssh://me@LocalHost.:2222",
        "ssh://me@node.localhost",
        "ssh://me@127.0.0.1",
        "ssh://me@127.1:2222",
    ],
)
def test_a_folder_that_has_this_program_is_refused_for_each_spelling_of_this_machine(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only `local` was this machine: programs in the workspace could change what is run outside."""
    monkeypatch.setattr("settings.rules.opening.PROGRAM", Path("/srv/infrastructure"))
    raw = with_cli(folder="/srv/infrastructure")
    raw["hosts"]["here"] = {"engine": engine}
    assert any(line.startswith(f"{KEY}.folder: /srv/infrastructure contains") for line in faults(raw))


@pytest.mark.parametrize(
    "folder",
    ["/home/me/project", "/root/x", "/home/me/x/.git", "/srv/.git", "/data", "/tmp/x", "/home/me/a b:c"],
)
def test_a_folder_with_work_is_accepted(folder: str) -> None:
    assert folder_fault(folder) is None


@given(st.text())
def test_every_accepted_folder_is_absolute_normalized_and_outside_system_folders(folder: str) -> None:
    if folder_fault(folder) is None:
        parts = folder.split("/")
        assert parts[0] == ""
        assert not {"", ".", ".."} & set(parts[1:])
        assert parts[1] not in SYSTEM
        assert folder.lstrip("/") not in SHARED


@pytest.mark.parametrize("path", ["", ".", "..", "/etc", "a/../b", "../x", "a/", "./a", "a\tb"])
def test_a_hidden_path_outside_the_folder_is_refused(path: str) -> None:
    [line] = faults(with_cli(hide=[path]))
    assert line.endswith(NO_INSIDE)


def test_a_path_to_hide_inside_the_folder_is_accepted() -> None:
    assert hidden_fault("local/state") is None
    assert hidden_fault(".secrets") is None


@pytest.mark.parametrize(
    "user",
    [
        "me",
        "1000",
        "1000:",
        ":1000",
        "-1:0",
        "1000:1000:1",
        "root:root",
        "\uff11\uff10:\uff11",
        "2147483648:1",
    ],
)
def test_a_user_is_two_numbers(user: str) -> None:
    [line] = faults(with_cli(user=user))
    assert line == f'{KEY}.user: "{user}": {NO_USER}'


@pytest.mark.parametrize(
    ("opening", "line"),
    [
        (
            {"host": "attic2"},
            f"{KEY}.host: 'attic2' is not in skycoin:hosts; defined hosts: here, attic; did you mean attic?",
        ),
        ({"port": 9000}, f"{KEY}.port: cli has no page; this key is allowed in vscode"),
        (
            {"host": "attic"},
            f"{KEY}.host: attic needs arm32v7, but the workspace is built for amd64 only: "
            "add arm32v7 to its arches, if it supports that",
        ),
    ],
)
def test_an_opened_workspace_that_does_not_fit_the_stack_is_refused(
    opening: dict[str, Any], line: str
) -> None:
    assert faults(with_cli(**opening)) == [line]


def test_an_unknown_key_is_named_with_its_siblings() -> None:
    assert faults(with_cli(hosts="here")) == [
        f'{KEY}.hosts: unknown key (value "here"); allowed here: host, folder, user, dind, port, memory, hide'
    ]


def test_a_workspace_that_does_not_exist_says_only_that() -> None:
    raw = changed({"workspaces": {"java": {**CLI, "open": {**OPEN, "port": 9000}}}})
    assert faults(raw) == ["skycoin:workspaces.java: no such workspace; allowed: cli, python, dotnet, vscode"]


def test_a_nested_engine_is_refused_in_a_stack_with_nodes() -> None:
    """A container with rights over its host must never be in a stack that has nodes."""
    assert faults(with_cli({"dind": True}, dind=True)) == [
        f"{KEY}.dind: a nested engine has root's rights over the host, and this stack has nodes (one, two): "
        "open it in a stack without nodes, on an engine without nodes"
    ]
    parse({**with_cli({"dind": True}, dind=True), "nodes": {}})


def test_a_nested_engine_needs_the_image_that_has_one() -> None:
    assert faults({**with_cli(dind=True), "nodes": {}}) == [
        f"{KEY}.dind: true needs dind: true next to open (the image with a nested engine)"
    ]


def with_page(**opening: Any) -> dict[str, Any]:
    return changed({"workspaces": {"cli": CLI, "vscode": {**CLI, "open": {**OPEN, **opening}}}})


def test_a_page_and_a_node_can_not_have_one_port() -> None:
    raw = with_page(port=6420)
    assert faults(raw) == [
        "skycoin:nodes.one.rpc-port: 6420, the default, is already taken on engine local by "
        "skycoin:workspaces.vscode.open.port; write another one, such as rpc-port: 6421"
    ]
    assert parse(with_page()).workspaces["vscode"].open is not None


def test_two_pages_on_two_engines_may_have_one_port() -> None:
    raw = with_page(port=6420)
    raw["nodes"] = {"two": {"image": "skycoin", "host": "attic", "rpc-port": 6420}}
    parse(raw)


def test_a_node_can_not_have_a_workspaces_container_or_home() -> None:
    raw = with_cli()
    raw["nodes"] = {"workspace-cli": {"image": "skycoin", "host": "here"}}
    assert faults(raw) == [
        "skycoin:nodes.workspace-cli: container name 'skycoin-workspace-cli' is already used by "
        "skycoin:workspaces.cli.open; give the node another name"
    ]
    raw["nodes"] = {
        "one": {"image": "skycoin", "host": "here", "wallet-volume": "skycoin-workspace-cli-home"}
    }
    [line] = faults(raw)
    assert line.startswith("skycoin:nodes.one.wallet-volume: volume 'skycoin-workspace-cli-home'")
