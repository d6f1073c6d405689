"""A registry that a stack runs itself: confined, kept, free of secrets, and there before its first push."""

import copy
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components.hosted_registry import (
    ANONYMOUS_SETTINGS,
    GRACE,
    HEALTH,
    READERS_SETTINGS,
    SETTINGS,
    HostedRegistry,
    HostedRegistryArgs,
)
from mocks.engine import CONTAINER, NETWORK, NODE_CONTAINER, PREFLIGHT, PULLED, TAG, VOLUME
from settings.reading import SettingsError, parse
from tests.unit.engine import Engine
from tests.unit.projects import FILES, PROJECT, published, run_program, stack_settings, up_with
from tests.unit.samples import HERE, PINNED, on_host
from tests.unit.yaml_like import DIGEST, REGISTRY, changed

COMPONENT = "skycoin:index:HostedRegistry"
HOSTED = {"kind": "hosted", "host": "here", "address": "registry.example:5000"}
FILES_OF_THE_IMAGE = PROJECT / "images" / "registry" / "files"


def _program() -> None:
    args = HostedRegistryArgs(
        host=HERE,
        image=PINNED,
        container="registry-community",
        address="registry.example:5000/sky",
        data_volume="registry-community-data",
        secrets_volume="registry-community-secrets",
        port=5001,
    )
    registry = HostedRegistry("community", args, on_host())
    pulumi.export("address", registry.address)


def test_a_hosted_registry_is_a_confined_container_and_two_volumes(engine: Engine) -> None:
    engine.run(_program)
    assert engine.children(engine.one(COMPONENT, "community")) == [
        (CONTAINER, "community-container"),
        (NETWORK, "community-network"),
        (VOLUME, "community-data"),
        (VOLUME, "community-secrets"),
        (PULLED, "community-pulled"),
    ]
    container = engine.one(CONTAINER, "community-container")
    inputs = container.inputs
    assert inputs["image"] == engine.one(PULLED, "community-pulled").inputs["image"] == PINNED
    assert (inputs["user"], inputs["readOnly"]) == ("10000:10000", True)
    assert inputs["capabilities"] == {"drops": ["ALL"]}
    assert inputs["securityOpts"] == ["no-new-privileges"]
    assert inputs["memory"] == 256
    assert [limit["name"] for limit in inputs["ulimits"]] == ["nofile", "nproc"]
    assert inputs["ports"] == [{"internal": 5000, "external": 5001, "ip": "127.0.0.1"}]
    assert inputs["networkMode"] == "registry-community"
    assert (inputs["wait"], inputs["removeVolumes"]) == (True, False)
    assert container.delete_before_replace, "two containers can't have one port"
    assert engine.exports() == {"address": "registry.example:5000/sky"}
    assert engine.outputs_of(COMPONENT, "community") == {
        "address": "registry.example:5000/sky",
        "container": "registry-community",
        "data_volume": "registry-community-data",
        "secrets_volume": "registry-community-secrets",
    }


def test_certificate_and_passwords_come_from_a_volume_and_nowhere_else(engine: Engine) -> None:
    """No host path, argument or environment variable has the certificate or a password, so no state can."""
    engine.run(_program)
    inputs = engine.one(CONTAINER, "community-container").inputs
    assert inputs["mounts"] == [
        {"type": "volume", "source": "registry-community-data", "target": "/var/lib/registry"},
        {"type": "volume", "source": "registry-community-secrets", "target": "/secrets", "readOnly": True},
    ]
    assert inputs["command"] == [SETTINGS]
    assert inputs["envs"] == ["OTEL_TRACES_EXPORTER=none"], "it logged a failed export every few seconds"
    assert not {"uploads", "volumes"} & inputs.keys()


def test_both_volumes_of_a_hosted_registry_are_retained(engine: Engine) -> None:
    engine.run(_program)
    assert [(resource.name, resource.retain_on_delete) for resource in engine.all_of(VOLUME)] == [
        ("community-data", True),
        ("community-secrets", True),
    ]


def test_the_settings_in_the_image_fit_the_container() -> None:
    settings = yaml.safe_load((FILES_OF_THE_IMAGE / SETTINGS.removeprefix("/")).read_text())
    assert settings["http"]["tls"] == {"certificate": "/secrets/tls.crt", "key": "/secrets/tls.key"}
    assert settings["auth"] == {"htpasswd": {"realm": "skycoin", "path": "/secrets/htpasswd"}}
    assert settings["storage"]["delete"] == {"enabled": True}
    assert HEALTH.startswith(f"http://{settings['http']['debug']['addr']}/")
    start: Path = FILES_OF_THE_IMAGE / "usr/local/bin/docker-entrypoint.sh"
    for file in (SETTINGS, READERS_SETTINGS, ANONYMOUS_SETTINGS):
        assert f'"registry serve {file}"' in start.read_text()


@pytest.mark.parametrize(
    ("file", "auth"),
    [
        (READERS_SETTINGS, {"htpasswd": {"realm": "skycoin", "path": "/secrets/readers"}}),
        (ANONYMOUS_SETTINGS, None),
    ],
)
def test_the_settings_for_readers_are_those_of_the_registry_without_a_way_to_write(
    file: str, auth: dict[str, Any] | None
) -> None:
    whole, readers = (
        yaml.safe_load((FILES_OF_THE_IMAGE / name.removeprefix("/")).read_text()) for name in (SETTINGS, file)
    )
    assert readers["storage"] == {
        "filesystem": whole["storage"]["filesystem"],
        "maintenance": {"readonly": {"enabled": True}, "uploadpurging": {"enabled": False}},
    }
    assert readers.get("auth") == auth
    assert (readers["http"], readers["health"]) == (whole["http"], whole["health"])


def test_no_image_of_the_registry_sends_traces() -> None:
    assert "\nENV OTEL_TRACES_EXPORTER=none\n" in (PROJECT / "images/go-module/Dockerfile").read_text()


@pytest.mark.parametrize(("name", "grace"), [("config.yml", 10), ("hosted.yml", GRACE)])
def test_a_registry_drains_uploads_within_its_grace_period(name: str, grace: int) -> None:
    """Keys and units: about/configuration.md of distribution 3.1.2. Docker's default grace period is 10 s."""
    settings = yaml.safe_load((FILES_OF_THE_IMAGE / "etc/distribution" / name).read_text())
    seconds = int(settings["http"]["draintimeout"].removesuffix("s"))
    assert 0 < seconds < grace
    assert settings["validation"] == {"manifests": {"urls": {"allow": ["^$"]}}}


def with_hosted(hosted: Mapping[str, Any] = HOSTED, **host: Any) -> Engine:
    arches = ["amd64", "arm64v8"]
    node = stack_settings(FILES["local"])["images"]["skycoin"]
    return up_with(
        "local",
        registries={"local": {"kind": "local"}, "community": hosted},
        images={
            "skycoin": {**node, "registries": ["local", "community"], "arches": arches},
            "registry": {**REGISTRY, "arches": arches},
        },
        hosts={"here": {"engine": "local", **host}},
    )


@functools.cache
def with_plain_hosted() -> Engine:
    return with_hosted()


@pytest.mark.parametrize(
    ("more", "settings"), [({}, READERS_SETTINGS), ({"anonymous-readers": True}, ANONYMOUS_SETTINGS)]
)
def test_readers_have_a_separate_container_that_can_not_write(more: dict[str, Any], settings: str) -> None:
    """Before, every login could overwrite and delete releases."""
    engine = with_hosted({**HOSTED, "readers-port": 5050, "listen": "0.0.0.0", **more})
    first, second = (
        engine.one(CONTAINER, f"community-on-local-{name}").inputs for name in ("container", "readers")
    )
    own = {
        "name": "registry-community-readers",
        "command": [settings],
        "ports": [{"internal": 5000, "external": 5050, "ip": "0.0.0.0"}],
        "mounts": [{**mount, "readOnly": True} for mount in first["mounts"]],
    }
    assert second == {**first, **own}


def test_a_registry_without_readers_has_one_container() -> None:
    names = [resource.name for resource in with_plain_hosted().all_of(CONTAINER)]
    assert names == ["community-on-local-container"]


def test_on_another_engine_it_is_another_registry_and_a_hosts_new_name_changes_nothing() -> None:
    """To Pulumi, another engine in a provider is an update in place, which would move nothing."""
    board = with_hosted(engine="ssh://pi@attic.lan")
    assert [entry.name for entry in board.all_of(COMPONENT)] == ["community-on-attic.lan"]
    renamed = up_with(
        "local",
        registries={"local": {"kind": "local"}, "community": {**HOSTED, "host": "there"}},
        images={"registry": {**REGISTRY, "registries": ["local"]}},
        hosts={"there": {"engine": "local"}},
        nodes={},
    )
    assert [entry.name for entry in renamed.all_of(COMPONENT)] == ["community-on-local"]


def test_tags_in_a_hosted_registry_wait_for_its_container() -> None:
    engine = with_plain_hosted()
    container = engine.one(CONTAINER, "community-on-local-container")
    tags = [tag for tag in engine.all_of(TAG) if tag.name.startswith("skycoin-community-")]
    assert [tag.inputs["tag"] for tag in tags] == ["0.27", "0.27.1", "latest", "release-v0.27.1"]
    for tag in tags:
        assert container.urn in tag.dependencies
        assert tag.inputs["repository"] == "registry.example:5000/skycoin/skycoin"
        assert tag.inputs["immutable"] == (tag.inputs["tag"] in ("0.27.1", "release-v0.27.1"))


def test_a_hosted_registrys_own_image_comes_from_another_registry_by_digest() -> None:
    image = with_plain_hosted().one(CONTAINER, "community-on-local-container").inputs["image"]
    assert image == f"registry.localhost:5443/skycoin/registry@{Engine().digest('registry-local-latest-tag')}"
    image = with_hosted(arch="arm64v8").one(CONTAINER, "community-on-local-container").inputs["image"]
    assert image.endswith(f"@{Engine().digest('registry-arm64v8-image')}")


def test_nodes_pull_from_the_stacks_own_registry_if_their_host_says_so() -> None:
    """Before, nodes pulled only from the image's first registry, which a board can't reach."""
    choice: dict[str, Any] = {"pull-from": "community"}
    engine = with_hosted(HOSTED, **choice)
    root = "registry.example:5000/skycoin"
    assert {
        entry.name: entry.inputs.get("pullFrom")
        for kind in (PULLED, PREFLIGHT, NODE_CONTAINER)
        for entry in engine.all_of(kind)
    } == {
        "community-on-local-pulled": None,
        "node-1-pulled": f"{root}/skycoin",
        "node-1-preflight": f"{root}/skycoin",
        "node-1-container": f"{root}/skycoin",
    }
    plain = with_plain_hosted()
    image = plain.one(NODE_CONTAINER, "node-1-container").inputs["image"]
    assert engine.one(NODE_CONTAINER, "node-1-container").inputs["image"] == image, "it replaces nothing"
    there = engine.one(TAG, "skycoin-community-latest-tag").urn
    for kind, suffix in ((PREFLIGHT, "preflight"), (PULLED, "pulled"), (NODE_CONTAINER, "container")):
        waits_for = engine.one(kind, f"node-1-{suffix}").dependencies
        assert there in waits_for, "it pulled what was not published there yet"


def test_every_setting_arrives() -> None:
    more = {"port": 5050, "listen": "0.0.0.0", "memory": 512, "namespace": "sky"}
    engine = with_hosted({**HOSTED, **more})
    inputs = engine.one(CONTAINER, "community-on-local-container").inputs
    assert inputs["ports"] == [{"internal": 5000, "external": 5050, "ip": "0.0.0.0"}]
    assert inputs["memory"] == 512
    exported = engine.exports()["registries"]["community"]
    assert (exported["host"], exported["container"]) == ("here", "registry-community")
    [first, *_] = [tag for tag in engine.all_of(TAG) if tag.name.startswith("skycoin-community-")]
    assert first.inputs["repository"] == "registry.example:5000/sky/skycoin"


@pytest.mark.parametrize(
    ("address", "port"), [("registry.example:5443", 5443), ("registry.example", 5000), ("a.b:7000/x", 7000)]
)
def test_the_port_is_the_addresss_unless_given(address: str, port: int) -> None:
    inputs = with_hosted({**HOSTED, "address": address}).one(CONTAINER, "community-on-local-container").inputs
    assert inputs["ports"] == [{"internal": 5000, "external": port, "ip": "127.0.0.1"}]


def test_a_fleets_registry_runs_what_another_stack_published() -> None:
    stacks = published()
    [outputs] = stacks.values()
    outputs["images"]["registry"] = {
        "latest": {"ref": f"docker.io/skycoin/registry:latest@{DIGEST}", "digest": DIGEST, "variants": {}}
    }
    settings = {
        **stack_settings(FILES["fleet"]),
        "registries": {"community": {**HOSTED, "address": "registry.example"}},
        "hosts": {"here": {"engine": "local"}},
        "nodes": {},
    }
    engine = run_program(Engine(stacks=stacks), settings)
    image = engine.one(CONTAINER, "community-on-local-container").inputs["image"]
    assert image == f"docker.io/skycoin/registry@{DIGEST}"


BASE = {
    "registries.community": HOSTED,
    "images.registry": REGISTRY,
    "images.skycoin.registries": ["local", "community"],
}

FAULTS: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"registries.community.host": "shed"},
        ["skycoin:registries.community.host: 'shed' is not in skycoin:hosts; defined hosts: here, attic"],
    ),
    (
        {"images.registry": None},
        [
            "skycoin:registries.community: needs the image registry in skycoin:images, published in another "
            "registry"
        ],
    ),
    (
        {"registries.community.host": "attic"},
        [
            "skycoin:registries.community.host: attic needs arm32v7, but skycoin:images.registry is built "
            "for amd64 only: add arm32v7 to its arches"
        ],
    ),
    (
        {"images.skycoin.registries": ["community", "local"]},
        [
            "skycoin:images.skycoin.registries: 'community' is of kind hosted, in which no image can be "
            "built; put another registry first"
        ],
    ),
    (
        {"images.registry.registries": ["local", "community"]},
        [
            "skycoin:images.registry.registries: 'community' runs this image, so it can't be "
            "published there; name another registry"
        ],
    ),
    (
        {"registries.community.port": 6420},
        [
            "skycoin:registries.community.port: 6420 is already taken on engine local by "
            "skycoin:nodes.one.rpc-port; write another one"
        ],
    ),
    (
        {"registries.other": {**HOSTED, "address": "other.example"}},
        [
            "skycoin:registries.other.port: 5000 is already taken on engine local by "
            "skycoin:registries.community.port; write another one"
        ],
    ),
    (
        {"registries.community.readers-port": 5000},
        [
            "skycoin:registries.community.readers-port: 5000 is already taken on engine local by "
            "skycoin:registries.community.port; write another one"
        ],
    ),
    (
        {
            "registries.community.readers-port": 5001,
            "registries.community-readers": {**HOSTED, "address": "other.example:5002"},
        },
        [
            "skycoin:registries.community.readers-port: its container would have the same name as "
            "skycoin:registries.community-readers's; rename one"
        ],
    ),
    (
        {"nodes.one.data-volume": "registry-community-data"},
        [
            "skycoin:registries.community: volume 'registry-community-data' on engine local is already "
            "used by skycoin:nodes.one.data-volume; give the node another volume"
        ],
    ),
]


def _broken(changes: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {**BASE, **changes}
    return changed(copy.deepcopy({key: value for key, value in wanted.items() if value is not None}))


@pytest.mark.parametrize(("changes", "faults"), FAULTS)
def test_a_hosted_registry_that_does_not_fit_the_other_settings_is_refused(
    changes: dict[str, Any], faults: list[str]
) -> None:
    parse(_broken({}))
    with pytest.raises(SettingsError) as caught:
        parse(_broken(changes))
    assert caught.value.faults == faults


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"address": None},
            "kind hosted: address is missing; allowed: address (required), host (required)",
        ),
        ({"host": None}, "kind hosted: host is missing; allowed:"),
        ({"listen": "everywhere"}, "must be one IP address of the host, such as 127.0.0.1 or 0.0.0.0"),
        ({"port": 80}, "must be a whole number from 1024 to 65535"),
        ({"memory": 1}, "must be a whole number of MiB, 64 or more"),
        ({"kind": "oci"}, "kind oci: host is not allowed"),
        ({"account": "123456789012"}, "account is not allowed"),
        ({"anonymous-readers": True}, "community: anonymous-readers needs readers-port"),
    ],
)
def test_a_wrong_value_is_reported(changes: dict[str, Any], fault: str) -> None:
    hosted = {key: value for key, value in {**HOSTED, **changes}.items() if value is not None}
    with pytest.raises(SettingsError) as caught:
        parse(_broken({"registries.community": hosted}))
    [line] = caught.value.faults
    assert fault in line
