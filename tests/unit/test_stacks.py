"""Each committed stack: the program with its real YAML, against a snapshot and a few plain facts.

`UPDATE_SNAPSHOTS=1 pytest tests/unit` rewrites the snapshots; their diff is what a reviewer reads.
"""

import os
import re
from typing import Any

import pytest

from catalogue.arch import ARCHES
from catalogue.bases import official_busybox
from catalogue.naming import split_pinned
from mocks.engine import BUILD, DOCKER_PROVIDER, MODULES, NODE_CONTAINER, PULLED, STACK_REFERENCE, TAG, VOLUME
from mocks.wire import UNKNOWN
from tests.unit.engine import Engine
from tests.unit.projects import (
    FILES,
    PROJECT,
    RELEASE_STACK,
    previewed,
    published,
    run_program,
    stack_settings,
    up,
    up_with,
)
from tests.unit.snapshots import rendered

SNAPSHOTS = PROJECT / "tests" / "snapshots"
RELEASE_TAGS = ["0.27", "0.27.1", "latest", "release-v0.27.1"]
BUILDS = ["local", "release", "develop", "ecr"]


def _matches(previewed: Any, wanted: Any) -> bool:
    """True if both are equal, except for what a preview can't know."""
    if previewed is UNKNOWN:
        return True
    if isinstance(previewed, dict) and isinstance(wanted, dict):
        return previewed.keys() == wanted.keys() and all(_matches(previewed[k], wanted[k]) for k in wanted)
    if isinstance(previewed, list) and isinstance(wanted, list):
        return len(previewed) == len(wanted) and all(map(_matches, previewed, wanted))
    return bool(previewed == wanted)


@pytest.mark.parametrize("stack", FILES)
def test_a_stack_matches_its_snapshot(stack: str) -> None:
    text, file = rendered(up(stack)), SNAPSHOTS / f"{stack}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        file.write_text(text)
    assert file.is_file(), f"no {file.name}: run UPDATE_SNAPSHOTS=1 pytest tests/unit"
    assert text == file.read_text(), (
        "if this is meant: UPDATE_SNAPSHOTS=1 pytest tests/unit, and read the diff"
    )


def test_there_is_no_snapshot_without_a_stack() -> None:
    assert sorted(file.stem for file in SNAPSHOTS.glob("*.txt")) == sorted(FILES)


@pytest.mark.parametrize("stack", FILES)
def test_a_preview_registers_the_same_resources_as_up(stack: str) -> None:
    """Compare resources, options and inputs: only digests may be unknown."""
    done, preview = up(stack), previewed(stack)
    assert preview.names() == done.names()
    wanted = {entry.urn: entry for entry in done.registered}
    for entry in preview.registered:
        other = wanted[entry.urn]
        assert _matches(entry.inputs, other.inputs), entry.name
        for option in (
            "parent",
            "provider",
            "protect",
            "retain_on_delete",
            "delete_before_replace",
            "replace_on_changes",
            "aliases",
        ):
            assert getattr(entry, option) == getattr(other, option), f"{option} of {entry.name}"


@pytest.mark.parametrize("stack", FILES)
def test_a_preview_of_an_unchanged_stack_knows_everything(stack: str) -> None:
    preview = previewed(stack, unchanged=True)
    assert rendered(preview) == rendered(up(stack))
    assert "<unknown>" not in rendered(preview)


@pytest.mark.parametrize("stack", BUILDS)
def test_each_of_the_five_variants_is_built_on_its_own_base(stack: str) -> None:
    engine = up(stack)
    builds = {image.name: image.inputs for image in engine.all_of(BUILD)}
    assert list(builds) == [f"skycoin-{arch}-image" for arch in ARCHES]
    for arch in ARCHES:
        inputs = builds[f"skycoin-{arch}-image"]
        assert inputs["platforms"] == [ARCHES[arch].platform]
        assert inputs["buildArgs"]["IMAGE_FROM"] == official_busybox(arch)
        split_pinned(inputs["buildArgs"]["BUILD_FROM"])
        assert inputs["buildArgs"]["VERSION"] == "0.27.1"
        assert inputs["buildArgs"]["SOURCE_DATE_EPOCH"] == "1606093308"
        assert inputs["buildArgs"]["GUI"] == "true"


@pytest.mark.parametrize("stack", ["local", "release", "ecr"])
def test_a_release_has_four_lists_over_the_five_digests(stack: str) -> None:
    engine = up(stack)
    lists = engine.all_of(TAG)
    assert [entry.inputs["tag"] for entry in lists] == RELEASE_TAGS
    for entry in lists:
        digests = [split_pinned(variant["ref"])[1] for variant in entry.inputs["variants"]]
        assert digests == [engine.digest(f"skycoin-{arch}-image") for arch in ARCHES]


def test_develop_moves_the_tag_develop_and_keeps_a_tag_for_the_commit() -> None:
    engine = up("develop")
    found = {entry.inputs["tag"]: entry.inputs["immutable"] for entry in engine.all_of(TAG)}
    assert found == {"develop": False, "develop-13141d81aaa5": False}
    source = "https://github.com/skycoin/skycoin.git#13141d81aaa5fa3c653522f6d462dfc851c962f2"
    sources = [image.inputs["context"]["named"]["source"] for image in engine.all_of(BUILD)]
    assert sources == [{"location": source}] * 5


@pytest.mark.parametrize("stack", BUILDS)
def test_labels_say_where_the_software_is_from(stack: str) -> None:
    builds = up(stack).all_of(BUILD)
    assert len(builds) == 5
    for image in builds:
        labels = image.inputs["labels"]
        assert labels["org.opencontainers.image.version"] == "0.27.1"
        assert labels["org.opencontainers.image.revision"] == "13141d81aaa5fa3c653522f6d462dfc851c962f2"
        assert labels["org.opencontainers.image.created"] == "2020-11-23T01:01:48Z"
        assert labels["org.opencontainers.image.base.digest"].startswith("sha256:")


def test_the_local_node_runs_the_lists_digest_on_loopback() -> None:
    engine = up("local")
    digest = engine.digest("skycoin-local-latest-tag")
    container = engine.one(NODE_CONTAINER, "node-1-container").inputs
    assert container["image"] == f"registry.localhost:5443/skycoin/skycoin@{digest}"
    assert engine.one(PULLED, "node-1-pulled").inputs["image"] == container["image"]
    assert container["ports"] == [{"internal": 6420, "external": 6420, "ip": "127.0.0.1"}]


@pytest.mark.parametrize("stack", ["local", "fleet"])
def test_every_wallet_is_protected(stack: str) -> None:
    engine = up(stack)
    wallets = [volume for volume in engine.all_of(VOLUME) if volume.name.endswith("-wallet")]
    assert len(wallets) == len(engine.all_of(NODE_CONTAINER))
    assert all(wallet.protect and wallet.retain_on_delete for wallet in wallets)


def rolled_out(**rollout: Any) -> dict[str, set[str]]:
    """Node → nodes whose containers it waits for, in a fleet of six nodes on five engines."""
    hosts = {name: {"engine": f"ssh://pi@{name}.lan"} for name in "abcde"}
    # The engine of host a, as another ssh user.
    hosts["f"] = {"engine": "ssh://root@a.lan"}
    nodes = {f"node-{name}": {"image": "skycoin", "host": name} for name in hosts}
    nodes["node-f"]["rpc-port"] = 6421  # type: ignore[assignment]
    engine = up_with("fleet", hosts=hosts, nodes=nodes, **rollout)
    names = {entry.urn: entry.name.removesuffix("-container") for entry in engine.all_of(NODE_CONTAINER)}
    return {
        names[entry.urn]: {names[urn] for urn in entry.dependencies if urn in names}
        for entry in engine.all_of(NODE_CONTAINER)
    }


def test_without_a_rollout_all_hosts_change_at_once() -> None:
    assert set(map(frozenset, rolled_out().values())) == {frozenset()}


def test_a_rollout_updates_one_host_then_some_then_the_rest() -> None:
    """Two nodes of one engine are in one wave, even with different ssh users."""
    waits = rolled_out(rollout={"first": "c", "waves": [1, 2]})
    assert waits == {
        "node-c": set(),
        "node-a": {"node-c"},
        "node-b": {"node-c"},
        "node-f": {"node-c"},
        "node-d": {"node-a", "node-b", "node-f"},
        "node-e": {"node-a", "node-b", "node-f"},
    }
    assert {name for name, before in rolled_out(rollout={}).items() if not before} == {"node-a", "node-f"}


def test_no_node_waits_for_one_whose_host_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYCOIN_SKIPPED_HOSTS", "c,b")
    waits = rolled_out(rollout={"first": "c", "waves": [1, 2]})
    assert {name for name, before in waits.items() if not before} == {"node-c", "node-a", "node-b", "node-f"}
    assert waits["node-d"] == waits["node-e"] == {"node-a", "node-f"}


def test_a_fleet_has_a_provider_for_each_host() -> None:
    """With separate providers, a dead host fails alone."""
    engine = up("fleet")
    hosts = {provider.name: provider.inputs for provider in engine.all_of(DOCKER_PROVIDER)}
    strict = '["-o", "StrictHostKeyChecking=yes"]'
    assert hosts == {name: {"host": f"ssh://pi@{name}.lan", "sshOpts": strict} for name in ("attic", "shed")}
    for node in ("attic", "shed"):
        provider = engine.one(DOCKER_PROVIDER, node).urn
        mine = [entry for entry in engine.registered if entry.name.startswith(f"{node}-")]
        assert len(mine) == 6
        of_docker = [entry for entry in mine if entry.type.startswith("docker:")]
        assert len(of_docker) == 3
        [container] = [entry for entry in mine if entry.type == NODE_CONTAINER]
        [pulled] = [entry for entry in mine if entry.type == PULLED]
        assert pulled.inputs["engine"] == hosts[node]["host"]
        assert container.inputs["engine"] == hosts[node]["host"], "the same engine as its volumes and network"
        assert all(entry.provider == provider for entry in of_docker)
    assert not engine.all_of(BUILD), "a fleet builds nothing"


def test_a_fleets_nodes_run_their_hosts_variant_by_digest() -> None:
    engine = up("fleet")
    assert engine.one(STACK_REFERENCE, "images").inputs == {"name": RELEASE_STACK}
    variants = published()[RELEASE_STACK]["images"]["skycoin"]["latest"]["variants"]
    assert engine.one(NODE_CONTAINER, "attic-container").inputs["image"] == variants["arm64v8"]["ref"]
    assert engine.one(NODE_CONTAINER, "shed-container").inputs["image"] == variants["arm32v6"]["ref"]


def test_a_board_limits_its_node() -> None:
    engine = up("fleet")
    assert engine.one(NODE_CONTAINER, "shed-container").inputs["memory"] == 384
    assert engine.one(NODE_CONTAINER, "attic-container").inputs["memory"] == 768


def test_the_outputs_are_the_contract_that_others_read() -> None:
    outputs = up("local").exports()
    names = ["images", "modules", "nodes", "opened", "provenance", "verification", "workspaces"]
    assert sorted(outputs) == names
    assert sorted(outputs["verification"]["skycoin"]) == sorted(ARCHES)
    assert outputs["modules"]["skycoin"] == [
        {"program": "skycoin", "variants": list(ARCHES), "modules": MODULES["skycoin"]}
    ]
    assert sorted(outputs["images"]["skycoin"]) == RELEASE_TAGS
    for entry in outputs["images"]["skycoin"].values():
        assert sorted(entry) == ["digest", "ref", "registries", "variants"]
        assert sorted(entry["variants"]) == sorted(ARCHES)
        keys = ["digest", "layers", "platform", "ref", "size", "unpacked"]
        assert all(sorted(variant) == keys for variant in entry["variants"].values())
    node = outputs["nodes"]["node-1"]
    assert {"host", "image", "container", "rpc", "data_volume", "wallet_volume"} <= node.keys()
    assert re.fullmatch(r"[^@:]+(:\d+)?/skycoin/skycoin@sha256:[0-9a-f]{64}", node["image"])


def test_a_fleet_deploys_the_digests_that_a_release_exports() -> None:
    release = up("release")
    engine = Engine(stacks={RELEASE_STACK: release.exports()})
    run_program(engine, stack_settings(FILES["fleet"]))
    digest = release.digest("skycoin-arm64v8-image")
    assert (
        engine.one(NODE_CONTAINER, "attic-container").inputs["image"] == f"docker.io/skycoin/skycoin@{digest}"
    )


def test_a_second_run_asks_for_the_same() -> None:
    """The program depends on no clock, random number or order."""
    assert rendered(up_with("local")) == rendered(up("local"))
