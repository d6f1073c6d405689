"""A set-up changes its docker plugin only if the other one takes everything over without a replacement."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.machine.layout import Layout
from local.machine.steps import SetupError
from local.pulumi import docker_plugin_change
from local.pulumi.docker_plugin_change import change, holding, settle, start_stopped
from local.pulumi.docker_plugin_choice import DockerPlugin, record
from local.pulumi.plugins import plugin_folder

PULUMI = """\
#!/bin/sh
echo "$@" >> "$SAID/calls"
case "$*" in
refresh*) exit "$(cat "$SAID/refresh" 2>/dev/null || echo 0)" ;;
*preview*) cat "$PLUGIN/preview.json" ;;
esac
"""
"""A `pulumi` whose previews come from a file in the installed plugin's folder."""
CONTAINER, VOLUME = "docker:index/container:Container", "docker:index/volume:Volume"
STACK = "fleet"


def steps(*ops: tuple[str, str, str]) -> str:
    urn = "urn:pulumi:local::skycoin::skycoin:index:Workspace$"
    return json.dumps({"steps": [{"op": op, "urn": f"{urn}{type_}::{name}"} for op, type_, name in ops]})


@pytest.fixture
def env(layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Environment of a set-up with one stack and a docker plugin, and with this `pulumi` on PATH."""
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(PULUMI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setattr(docker_plugin_change, "with_stack_file", alone)
    monkeypatch.setattr(docker_plugin_change, "start_container", lambda *_: None)
    folder = plugin_folder(layout, "docker")
    folder.mkdir(parents=True)
    record(layout, DockerPlugin.OFFICIAL)
    (folder / "preview.json").write_text(steps(("same", CONTAINER, "cli-container")))
    state(layout, {"type": CONTAINER, "urn": "c", "inputs": {"name": "skycoin-cli"}})
    return {"SAID": str(tmp_path), "PLUGIN": str(folder), "DOCKER_HOST": "unix:///engine.sock"}


def alone(layout: Layout, stack: str, env: Mapping[str, str], action: Any) -> int:
    """Stand-in for with_stack_file, for a stack without a file."""
    return int(action(["--stack", stack]))


def state(layout: Layout, *resources: dict[str, Any]) -> None:
    folder = layout.state / "backend" / ".pulumi" / "stacks" / "skycoin"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{STACK}.json").write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))


def installs(layout: Layout, preview: str) -> Any:
    """Return a function that installs another plugin, with which previews have this result."""

    def install() -> None:
        (plugin_folder(layout, "docker") / "preview.json").write_text(preview)
        (plugin_folder(layout, "docker") / "other").touch()

    return install


def decided(layout: Layout) -> Any:
    """Return a function that records the other plugin as the set-up's choice."""
    return lambda: record(layout, DockerPlugin.STAND_IN)


@pytest.mark.case(46)
def test_another_plugin_that_replaces_nothing_takes_over(layout: Layout, env: Mapping[str, str]) -> None:
    other = steps(("same", CONTAINER, "cli-container"), ("replace", "skycoin:index:Tag", "a-tag"))
    change(layout, env, [STACK], installs(layout, other), decided(layout))
    assert (plugin_folder(layout, "docker") / "other").exists()
    assert not (layout.state / "docker-plugin-before").exists()
    calls = Path(env["SAID"], "calls").read_text().splitlines()
    assert [call.partition(" --")[0].split()[-1] for call in calls] == ["refresh", "preview"] * 2


@pytest.mark.case(46)
@pytest.mark.parametrize("op", ["replace", "create-replacement", "delete-replaced", "delete"])
def test_another_plugin_that_would_replace_something_is_put_back(
    layout: Layout, env: Mapping[str, str], op: str
) -> None:
    other = steps((op, CONTAINER, "cli-container"), ("same", VOLUME, "cli-home"))
    with pytest.raises(SetupError, match=r"would replace cli-container \(stack fleet\)"):
        change(layout, env, [STACK], installs(layout, other), decided(layout))
    assert not (plugin_folder(layout, "docker") / "other").exists()


def test_what_another_plugin_would_replace_is_destroyed_first_because_a_stop_does_not_help(
    layout: Layout, env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the message named `make workspace-stop`, but the next try started the workspace again."""
    started: list[str] = []
    monkeypatch.setattr(docker_plugin_change, "start_container", lambda name, _: started.append(name))
    other = steps(("replace", CONTAINER, "cli-container"), ("same", VOLUME, "cli-home"))
    with pytest.raises(SetupError, match=r"again: `make destroy STACK=fleet`\. Volumes stay") as refused:
        change(layout, env, holding(layout), installs(layout, other), decided(layout))
    assert "stop" not in str(refused.value)
    assert started, "so it would not stay stopped"
    state(layout, {"type": VOLUME, "urn": "v", "inputs": {}})
    change(layout, env, holding(layout), installs(layout, other), decided(layout))
    assert (plugin_folder(layout, "docker") / "other").exists()


def test_a_replacement_that_both_plugins_would_make_does_not_stop_the_change(
    layout: Layout, env: Mapping[str, str]
) -> None:
    wanted = steps(("replace", CONTAINER, "cli-container"))
    (plugin_folder(layout, "docker") / "preview.json").write_text(wanted)
    change(layout, env, [STACK], installs(layout, wanted), decided(layout))
    assert (plugin_folder(layout, "docker") / "other").exists()


@pytest.mark.parametrize("failing", ["refresh", "preview"])
def test_a_stack_whose_refresh_or_preview_fails_stops_the_change(
    layout: Layout, env: Mapping[str, str], failing: str
) -> None:
    if failing == "refresh":
        Path(env["SAID"], "refresh").write_text("1")
    other = "no JSON" if failing == "preview" else steps()
    with pytest.raises(SetupError, match=f"pulumi {failing}"):
        change(layout, env, [STACK], installs(layout, other), decided(layout))
    assert not (plugin_folder(layout, "docker") / "other").exists()


def test_only_stacks_with_containers_or_networks_are_previewed(layout: Layout) -> None:
    state(layout, {"type": VOLUME, "urn": "v", "inputs": {}})
    assert holding(layout) == []
    state(layout, {"type": CONTAINER, "urn": "c", "inputs": {}})
    assert holding(layout) == [STACK]


def test_a_stack_without_a_file_stops_the_change_before_anything_is_asked(
    layout: Layout, env: Mapping[str, str]
) -> None:
    with pytest.raises(SetupError, match=r"gone can't be checked.*Restore that file"):
        change(layout, env, ["gone"], installs(layout, steps()), decided(layout))
    assert not Path(env["SAID"], "calls").exists()


def test_an_installation_that_fails_leaves_the_existing_plugin(
    layout: Layout, env: Mapping[str, str]
) -> None:
    """Even if no stack has to be checked, the plugin stays, because ordinary previews must go on working."""

    def install() -> None:
        shutil.rmtree(plugin_folder(layout, "docker"))
        raise SetupError("can't be downloaded")

    with pytest.raises(SetupError, match="can't be downloaded"):
        change(layout, env, [], install, decided(layout))
    assert (plugin_folder(layout, "docker") / "preview.json").exists()


def test_stopped_containers_are_started_on_their_host_before_the_official_plugin_reads_them(
    layout: Layout, env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node's container does not belong to the docker plugin; a stopped one causes no replacement."""
    started: list[tuple[str, Any]] = []
    monkeypatch.setattr(docker_plugin_change, "start_container", lambda *what: started.append(what))
    state(
        layout,
        {"type": "pulumi:providers:docker", "urn": "p", "id": "1", "inputs": {"host": "ssh://pi@attic"}},
        {"type": CONTAINER, "urn": "a", "id": "e1", "inputs": {"name": "exporter"}, "provider": "p::1"},
        {"type": CONTAINER, "urn": "b", "id": "w1", "inputs": {"name": "workspace"}},
        {"type": "skycoin:index:NodeContainer", "urn": "n", "inputs": {"name": "node"}},
    )
    start_stopped(layout, STACK, env)
    assert started == [
        ("w1", {"host": "unix:///engine.sock"}),
        ("e1", {"host": "ssh://pi@attic"}),
    ]
    started.clear()
    start_stopped(layout, STACK, env, {"ssh://pi@attic"})
    assert started == [("w1", {"host": "unix:///engine.sock"})], "a dead host would cost its time once more"


class KilledError(BaseException):
    """The end of a process without clean-up."""


def killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be cleaned up from now on."""

    def die(*_: Any, **__: Any) -> None:
        raise KilledError

    monkeypatch.setattr(shutil, "rmtree", die)
    monkeypatch.setattr(Path, "rename", die)


@pytest.mark.case(46)
@pytest.mark.parametrize("made", DockerPlugin)
@pytest.mark.parametrize("at", ["copy", "half an installation", "preview", "choice", "after the choice"])
def test_a_change_that_was_killed_is_undone_by_the_next_set_up_unless_it_was_decided(
    layout: Layout, env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, made: DockerPlugin, at: str
) -> None:
    """Before, without a network, the official plugin could not be downloaded again, and `make up` failed."""
    folder = plugin_folder(layout, "docker")
    record(layout, made)
    if made is DockerPlugin.STAND_IN:
        (folder / "ORIGIN").touch()
    other = next(plugin for plugin in DockerPlugin if plugin is not made)

    def copy(_: Path, to: Path) -> None:
        to.mkdir()
        killed(monkeypatch)
        raise KilledError

    def install() -> None:
        (folder / "ORIGIN").unlink(missing_ok=True)
        (folder / "other").touch()
        if at == "half an installation":
            folder.with_name(f"{folder.name}.partial").touch()
        elif other is DockerPlugin.STAND_IN:
            (folder / "ORIGIN").touch()
        if at in ("half an installation", "preview"):
            killed(monkeypatch)
            raise KilledError

    def choose() -> None:
        if at == "after the choice":
            record(layout, other)
        killed(monkeypatch)
        raise KilledError

    with monkeypatch.context() as dying:
        if at == "copy":
            dying.setattr(shutil, "copytree", copy)
        with pytest.raises(KilledError):
            change(layout, env, [STACK], install, choose)
    monkeypatch.undo()
    settle(layout)
    assert (folder / "other").exists() == (at == "after the choice")
    assert (folder / "preview.json").exists()
    assert not folder.with_name(f"{folder.name}.partial").exists()
    is_stand_in = made is DockerPlugin.STAND_IN
    assert (folder / "ORIGIN").exists() == (is_stand_in != (at == "after the choice"))
    assert not list(layout.state.glob("docker-plugin-*"))
    settle(layout)
    assert (folder / "preview.json").exists()
