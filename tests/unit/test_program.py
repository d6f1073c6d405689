"""The program under settings that no committed stack has: bases, sources, hosts, renames, errors."""

import errno
import json
import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pulumi
import pytest

from catalogue.arch import ARCHES
from catalogue.naming import split_pinned
from mocks.engine import BUILD, DOCKER_PROVIDER, NODE_CONTAINER, PREFLIGHT, STACK, VERIFICATION, VOLUME
from mocks.wire import UNKNOWN, Secret
from tests.unit.engine import Engine
from tests.unit.projects import FILES, RELEASE_STACK, published, run_program, stack_settings, up_with
from tests.unit.snapshots import rendered
from tests.unit.yaml_like import DIGEST, changed

BUILD_BASE = f"registry.localhost:5443/base/build@{DIGEST}"


def test_registry_and_repository_of_an_image_are_its_own() -> None:
    settings = changed(
        {
            "registries.hub": {"kind": "oci", "address": "docker.io"},
            "images.skycoin.registries": ["hub"],
            "images.skycoin.repository": "me/node",
        }
    )
    engine = run_program(Engine(), settings)
    assert engine.one(BUILD, "skycoin-amd64-image").inputs["tags"][0] == "docker.io/me/node"


def test_a_host_that_declares_nothing_gets_the_list() -> None:
    engine = up_with(
        "fleet",
        hosts={"attic": {"engine": "local"}, "shed": {"engine": "local"}},
        nodes={"one": {"image": "skycoin", "host": "attic"}},
    )
    assert (
        engine.one(NODE_CONTAINER, "one-container").inputs["image"] == f"docker.io/skycoin/skycoin@{DIGEST}"
    )


@pytest.mark.parametrize(
    ("node", "complaint"),
    [
        (
            {"tag": "0.26"},
            r"skycoin:0\.26 is not published by the stack in images-from; it has skycoin:latest",
        ),
    ],
)
def test_a_fleet_error_lists_what_the_other_stack_publishes(node: dict[str, str], complaint: str) -> None:
    nodes = {"one": {"image": "skycoin", "host": "attic", **node}}
    with pytest.raises(pulumi.RunError, match=complaint):
        up_with("fleet", nodes=nodes)


def test_a_variant_that_is_not_published_is_reported() -> None:
    stacks = published()
    variants = stacks[RELEASE_STACK]["images"]["skycoin"]["latest"]["variants"]
    del variants["arm32v6"]
    with pytest.raises(pulumi.RunError, match="skycoin:latest is not published for arm32v6; it has "):
        run_program(Engine(stacks=stacks), stack_settings(FILES["fleet"]))


@pytest.mark.parametrize(
    ("hosts", "node", "source"),
    [
        ({"here": {"engine": "local"}}, {}, "skycoin-local-latest-tag"),
        ({"here": {"engine": "local"}}, {"tag": "0.27.1"}, "skycoin-local-0.27.1-tag"),
        ({"here": {"engine": "local", "arch": "arm32v7"}}, {}, "skycoin-arm32v7-image"),
        ({"here": {"engine": "local", "board": "raspberry-pi-1"}}, {}, "skycoin-arm32v6-image"),
    ],
)
def test_a_node_runs_its_hosts_variant_or_its_tags_list(
    hosts: dict[str, Any], node: dict[str, Any], source: str
) -> None:
    nodes = {"node-1": {"image": "skycoin", "host": "here", **node}}
    engine = up_with("local", hosts=hosts, nodes=nodes)
    image = engine.one(NODE_CONTAINER, "node-1-container").inputs["image"]
    assert split_pinned(image)[1] == engine.digest(source)


def test_a_node_is_given_the_version_of_its_image_for_a_preview_that_has_no_image_yet() -> None:
    engine = run_program(Engine(preview=True), stack_settings(FILES["local"]))
    inputs = engine.one(NODE_CONTAINER, "node-1-container").inputs
    assert (inputs["image"] is UNKNOWN, inputs["version"]) == (True, "0.27.1")


def test_a_fleets_node_gets_the_version_that_the_publishing_stack_outputs_if_any() -> None:
    stacks = published()
    for provenance, version in (
        (None, ""),
        ({}, ""),
        ({"skycoin": {"source": {"version": "0.28.0"}}}, "0.28.0"),
    ):
        stacks[RELEASE_STACK]["provenance"] = provenance
        engine = run_program(Engine(stacks=stacks), stack_settings(FILES["fleet"]))
        assert {node.inputs["version"] for node in engine.all_of(NODE_CONTAINER)} == {version}


def test_debian_bases_are_built_first_and_each_variant_stands_on_its_own() -> None:
    engine = up_with("local", bases="debian", build_base=BUILD_BASE)
    assert [image.name for image in engine.all_of(BUILD)] == [
        *(f"busybox-{arch}-image" for arch in ARCHES),
        *(f"skycoin-{arch}-image" for arch in ARCHES),
    ]
    for arch in ARCHES:
        busybox, skycoin = (engine.one(BUILD, f"{image}-{arch}-image") for image in ("busybox", "skycoin"))
        digest = engine.digest(f"busybox-{arch}-image")
        assert skycoin.inputs["buildArgs"]["IMAGE_FROM"] == f"registry.localhost:5443/base/busybox@{digest}"
        assert skycoin.inputs["labels"]["org.opencontainers.image.base.digest"] == digest
        assert skycoin.inputs["labels"]["org.opencontainers.image.base.name"] == "busybox (debian)"
        assert engine.one(VERIFICATION, f"busybox-{arch}-verification").urn in skycoin.dependencies
        assert busybox.inputs["buildArgs"]["IMAGE_FROM"] == "scratch"
        assert busybox.inputs["buildArgs"]["BUILD_FROM"] == BUILD_BASE
        assert busybox.inputs["buildArgs"]["DEBIAN_PORT"] == ARCHES[arch].debian_port
        assert busybox.inputs["context"]["location"] == "./images/busybox"
        assert skycoin.inputs["buildArgs"]["BUILD_FROM"] == BUILD_BASE
    assert "busybox" not in engine.exports()["images"], "a base is not what this stack publishes"


def test_in_a_first_preview_the_debian_bases_are_unknown() -> None:
    settings = {**stack_settings(FILES["local"]), "bases": "debian", "build-base": BUILD_BASE}
    preview = run_program(Engine(preview=True), settings)
    skycoin = preview.one(BUILD, "skycoin-amd64-image").inputs
    assert skycoin["buildArgs"]["IMAGE_FROM"] is UNKNOWN
    assert skycoin["labels"]["org.opencontainers.image.base.digest"] is UNKNOWN


def test_bases_are_built_only_for_architectures_that_an_image_wants() -> None:
    settings = changed({"bases": "debian", "build-base": BUILD_BASE})
    engine = run_program(Engine(), settings)
    assert [image.name for image in engine.all_of(BUILD)] == [
        "busybox-amd64-image",
        "busybox-arm32v7-image",
        "skycoin-amd64-image",
        "skycoin-arm32v7-image",
    ]


def test_the_machines_certificates_reach_builds_as_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "machine.crt"
    file.write_text("-----BEGIN CERTIFICATE-----")
    engine = up_with("local", build_ca=str(file), builder="skycoin-local")
    assert len(engine.all_of(BUILD)) == 5
    for image in engine.all_of(BUILD):
        assert image.inputs["secrets"] == {"build-ca": Secret("-----BEGIN CERTIFICATE-----")}
        assert image.inputs["builder"] == {"name": "skycoin-local"}


def test_a_working_copy_is_a_named_context(tmp_path: Path) -> None:
    (tmp_path / "cmd").mkdir()
    settings = changed(
        {
            "images.skycoin.source": {"path": str(tmp_path), "version": "v0.27.1"},
            "images.skycoin.channel": "feature",
            "images.skycoin.feature": "mine",
            "images.skycoin.gui": False,
            "images.skycoin.layers": 1,
            "images.skycoin.build-args": {"EXTRA": "1"},
        }
    )
    engine = run_program(Engine(), settings)
    inputs = engine.one(BUILD, "skycoin-amd64-image").inputs
    assert inputs["context"]["named"]["source"] == {"location": str(tmp_path)}
    assert inputs["tags"] == ["registry.localhost:5443/skycoin/skycoin"]
    given = inputs["buildArgs"]
    assert (given["GUI"], given["LAYERS"], given["COMMIT"], given["EXTRA"]) == ("false", "1", "unknown", "1")
    assert "org.opencontainers.image.created" not in inputs["labels"], "no date is better than a wrong one"


def test_a_file_of_a_working_copy_that_can_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the program ended in a traceback. Tests may run as root, who can read everything."""
    (tmp_path / "cmd").mkdir()
    file = tmp_path / "cmd" / "main.go"
    file.touch()
    source = {"images.skycoin.source": {"path": str(tmp_path), "version": "v0.27.1"}}

    def refuse(path: Path) -> str:
        if path == file:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return ""

    monkeypatch.setattr("components.contexts._content_hash", refuse)
    with pytest.raises(pulumi.RunError) as caught:
        run_program(Engine(), changed(source))
    assert str(caught.value) == (
        f"skycoin:images.skycoin: {file} can't be read, and would be sent to the builder: "
        "Permission denied. Make it readable, or take it out of the folder"
    )


def test_a_gui_by_name_asks_for_the_api_set_that_it_needs() -> None:
    command = (
        run_program(Engine(), changed({"nodes.one.gui": True}))
        .one(NODE_CONTAINER, "one-container")
        .inputs["command"]
    )
    assert command == [
        "-web-interface-addr=0.0.0.0",
        "-host-whitelist=127.0.0.1:6420,localhost:6420",
        "-enable-api-sets=READ,TXN,WALLET,STORAGE",
        "-disable-networking",
        "-enable-gui",
    ]


def test_a_nodes_own_limits_win_over_its_boards() -> None:
    nodes = {"attic": {"image": "skycoin", "host": "attic", "memory": 256, "wait": 600}}
    container = up_with("fleet", nodes=nodes).one(NODE_CONTAINER, "attic-container").inputs
    assert (container["memory"], container["waitTimeout"]) == (256, 600)
    assert container["logOpts"]["max-size"] == "10m", "the rest stays the board's"
    assert (container["memoryReservation"], container["envs"]) == (170, ["GOMEMLIMIT=230MiB"]), "they follow"


def test_a_hosts_limits_are_those_of_all_its_nodes() -> None:
    limits = {"board": "raspberry-pi-zero", "log-size": "1m", "health-retries": 9, "start-period": "7m"}
    hosts = {"attic": {"engine": "ssh://pi@attic.lan", **limits}}
    nodes = {"attic": {"image": "skycoin", "host": "attic", "start-period": "8m"}}
    container = up_with("fleet", hosts=hosts, nodes=nodes).one(NODE_CONTAINER, "attic-container").inputs
    assert container["logOpts"]["max-size"] == "1m"
    check = container["healthcheck"]
    assert (check["retries"], check["startPeriod"], check["interval"]) == (9, "8m0s", "30s")
    assert container["waitTimeout"] == 600, "the board's"


def test_ssh_options_reach_the_hosts_provider() -> None:
    hosts = {"attic": {"engine": "ssh://pi@attic.lan:2222", "ssh-options": ["-i", "/keys/fleet"]}}
    nodes = {"attic": {"image": "skycoin", "host": "attic"}}
    provider = up_with("fleet", hosts=hosts, nodes=nodes).one(DOCKER_PROVIDER, "attic").inputs
    assert provider["host"] == "ssh://pi@attic.lan:2222"
    wanted = ["-o", "StrictHostKeyChecking=yes", "-i", "/keys/fleet"]
    assert json.loads(provider["sshOpts"]) == wanted, "no ~/.ssh/config accepts an unknown key"


def test_the_docker_plugin_gets_the_registries_of_a_fleet_if_there_is_a_docker_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The official plugin reads the docker config for these registries only, and fails if there is none."""
    nodes = {"one": {"image": "skycoin", "host": "attic"}}
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert "registryAuth" not in up_with("fleet", nodes=nodes).one(DOCKER_PROVIDER, "attic").inputs
    (tmp_path / "config.json").write_text("{}")
    given = up_with("fleet", nodes=nodes).one(DOCKER_PROVIDER, "attic").inputs["registryAuth"]
    assert json.loads(given) == [{"address": "docker.io"}]


@pytest.mark.parametrize(
    "there", ["at home only", "a folder", "the file itself", "at home, and none is given"]
)
def test_the_docker_config_is_found_where_the_official_plugin_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: str
) -> None:
    """Before, with a docker config at home and none in the set-up's DOCKER_CONFIG, every command failed."""
    home, folder = tmp_path / ".docker" / "config.json", tmp_path / "docker"
    home.parent.mkdir()
    home.write_text("{}")
    (folder / "config.json").mkdir(parents=True)
    (folder / "named").write_text("{}")
    monkeypatch.setenv("HOME", str(tmp_path))
    given = {"at home only": tmp_path, "a folder": folder, "the file itself": folder / "named"}
    monkeypatch.setenv("DOCKER_CONFIG", str(given.get(there, "")))
    nodes = {"one": {"image": "skycoin", "host": "attic"}}
    inputs = up_with("fleet", nodes=nodes).one(DOCKER_PROVIDER, "attic").inputs
    assert ("registryAuth" in inputs) == (there not in ("at home only", "a folder"))


def test_own_registries_are_named_to_the_docker_plugin_and_the_set_ups_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    own = run_program(Engine(), changed({})).one(DOCKER_PROVIDER, "here").inputs["registryAuth"]
    assert json.loads(own) == [{"address": "registry.localhost:5443"}]
    hub = {"registries.hub": {"kind": "ghcr", "namespace": "sky"}}
    more = changed({**hub, "images.skycoin.registries": ["local"]})
    given = run_program(Engine(), more).one(DOCKER_PROVIDER, "here").inputs["registryAuth"]
    assert json.loads(given) == [{"address": "ghcr.io"}, {"address": "registry.localhost:5443"}]


def test_a_renamed_node_replaces_no_volume() -> None:
    """For a parent's alias, the engine gives its children aliases with the parent's name exchanged."""
    before = run_program(Engine(), changed({}))
    node = {"image": "skycoin", "host": "here", "renamed-from": "one"}
    after = run_program(Engine(), changed({"nodes.one": None, "nodes.kitchen": node}))
    assert after.one("skycoin:index:Node", "kitchen").aliases == ("one",)
    for role in ("data", "wallet"):
        old, new = before.one(VOLUME, f"one-{role}"), after.one(VOLUME, f"kitchen-{role}")
        assert new.inputs == old.inputs
        assert (new.protect, new.retain_on_delete) == (old.protect, old.retain_on_delete)
    assert after.one(NODE_CONTAINER, "kitchen-container").inputs["name"] == "skycoin-kitchen"


def test_an_invalid_stack_registers_nothing_and_is_reported_without_a_traceback() -> None:
    engine = Engine()
    settings = changed({"nodes.one.rpc-port": 80, "images.skycoin.arches": ["arm32v9"]})
    with patch("pulumi.log.error") as said, pytest.raises(SystemExit) as ended:
        run_program(engine, settings)
    assert ended.value.code == 32, "Pulumi then adds nothing of its own"
    assert said.call_args.args[0].splitlines() == [
        "2 configuration errors, nothing was changed:",
        '  - skycoin:images.skycoin.arches[0]: "arm32v9": must be one of amd64, arm32v5, arm32v6, arm32v7, '
        "arm64v8",
        "  - skycoin:nodes.one.rpc-port: 80: must be a whole number from 1024 to 65535",
    ]
    assert [entry.type for entry in engine.registered] == [STACK]


def test_an_empty_stack_records_its_version_and_creates_nothing_else() -> None:
    engine = run_program(Engine(), {})
    assert engine.names() == ["skycoin:index:ProgramVersion program"]
    assert engine.exports() == {
        "images": {},
        "modules": {},
        "nodes": {},
        "opened": {},
        "provenance": {},
        "verification": {},
        "workspaces": {},
    }


def test_the_recipients_of_backups_are_an_output() -> None:
    """A review compares them with those of the stack's file."""
    key = "age1vhx06swwuly5zvty5z9p6xrzvdkz687gkrknz9xu2k3lpuhrhd3swu5a62"
    engine = run_program(Engine(), {"wallets": {"recipients": [key]}})
    assert engine.exports()["recipients"] == [key]


def test_the_settings_of_a_host_reach_its_nodes_preflight() -> None:
    hosts = {
        "attic": {"engine": "ssh://pi@attic.lan", "board": "raspberry-pi-zero", "ssh-options": ["-p", "22"]},
        "lab": {"engine": "local", "arch": "arm64v8", "emulation": "allowed"},
        "here": {"engine": "local"},
    }
    nodes = {
        name: {"image": "skycoin", "host": name, "rpc-port": 7000 + index, "new-wallet": name == "lab"}
        for index, name in enumerate(hosts)
    }
    engine = up_with("fleet", hosts=hosts, nodes=nodes)
    attic, lab, here = (engine.one(PREFLIGHT, f"{name}-preflight").inputs for name in hosts)
    assert (attic["engine"], attic["platform"], attic["sshOptions"]) == (
        "ssh://pi@attic.lan",
        "linux/arm/v6",
        ["-p", "22"],
    )
    assert (lab["platform"], lab["emulation"], lab["newWallet"]) == ("linux/arm64/v8", "allowed", True)
    assert not {"engine", "platform"} & here.keys(), "the environment's engine chooses from the list"
    assert (here["emulation"], here["newWallet"]) == ("refused", False), "the safe ones are the defaults"


def test_build_secrets_reach_every_build_of_an_image_as_secrets() -> None:
    engine = Engine()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(["skycoin:build-secrets"]))
        run_program(engine, changed({"build-secrets": {"GIT_AUTH_TOKEN": "canary"}}))
    for build in engine.all_of(BUILD):
        assert build.inputs["secrets"] == {"GIT_AUTH_TOKEN": Secret("canary")}
        assert build.inputs["ignoreSecretsInDiffCalculation"] == ["GIT_AUTH_TOKEN"]
    assert "canary" not in rendered(engine)


def test_an_image_from_a_go_module_takes_the_shared_dockerfile_and_its_own_arguments() -> None:
    commit = "1" * 40
    registry = {
        "source": {
            "module": "github.com/distribution/distribution/v3",
            "version": "v3.1.2",
            "commit": commit,
        },
        "arches": ["arm64v8"],
        "channel": "release",
    }
    engine = up_with("release", images={"registry": registry})
    build = engine.one(BUILD, "registry-arm64v8-image").inputs
    assert build["context"] == {
        "location": "./images/registry",
        "named": {"go-module": {"location": "./images/go-module"}},
    }
    assert build["dockerfile"] == {"location": "./images/go-module/Dockerfile"}
    assert build["tags"] == ["docker.io/skycoin/registry"]
    given = build["buildArgs"]
    assert given["PACKAGE"] == "github.com/distribution/distribution/v3/cmd/registry"
    assert "version.version=v3.1.2 " in given["LDFLAGS"]
    assert given["LDFLAGS"].endswith(f"version.revision={commit}")
    assert (given["PORT"], given["DATA"]) == ("5000", "/var/lib/registry /secrets")
    assert (given["VERSION"], given["COMMIT"]) == ("3.1.2", commit)
    assert not {"GUI", "LAYERS"} & given.keys()
    assert build["labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
