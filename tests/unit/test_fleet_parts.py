"""Parts of a stack by engine, the parts that a run skips, and the table at its end."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml

from clients.silent_engines import Address
from fleet.outcome import NEEDS, UNREACHED, outcome
from fleet.parts import Item, addresses, excluded, hosts_of, items_of, skipped_parts
from tests.unit.projects import PROJECT

STATES = PROJECT / "tests" / "states" / "0.1.0"
LOCAL = "unix:///state/engine/docker.sock"
"""Address of the environment's engine in the recorded states."""
FAR_KEY = ("-i", "/state/second/client_key")
FAR_HOSTS = ("-o", "UserKnownHostsFile=/state/second/known_hosts", "-o", "IdentitiesOnly=yes")
FAR = Address("ssh://root@127.0.0.1:15422", (*FAR_KEY, *FAR_HOSTS))
HERE = Address(LOCAL)


def recorded(name: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Resources and configuration of a stack, as a real run left them."""
    state = json.loads((STATES / f"{name}.json").read_text())
    config = yaml.safe_load((STATES / f"{name}.yaml").read_text())["config"]
    return state["deployment"]["resources"], config


def names(urns: frozenset[str]) -> set[str]:
    return {urn.rpartition("::")[2] for urn in urns}


def renamed_host(config: dict[str, Any], **hosts: Any) -> dict[str, Any]:
    return {**config, "skycoin:hosts": {**config["skycoin:hosts"], **hosts}}


def test_hosts_are_read_with_their_options_and_local_is_the_environments_engine() -> None:
    _, config = recorded("fleet")
    assert hosts_of(config, LOCAL) == {"here": HERE, "here-arm": HERE, "far": FAR}


@pytest.mark.parametrize(
    "hosts", [None, [], "far", {"far": None}, {"far": {"engine": 5}}, {"far": {"ssh-options": {}}}]
)
def test_malformed_hosts_are_left_to_the_program_to_report(hosts: Any) -> None:
    assert hosts_of({"skycoin:hosts": hosts}, LOCAL) == {}
    assert items_of({"skycoin:nodes": hosts, "skycoin:registries": hosts, "skycoin:workspaces": hosts}) in (
        [],
        [Item("None", "far", ("Node::far", "Exporter::far-exporter", "Proxy::far-proxy"))],
    )


def test_each_resource_on_an_engine_is_placed_by_what_the_state_says() -> None:
    """The resource's provider names the engine, or its inputs do; providers, images and lists are on none."""
    resources, _ = recorded("fleet")
    placed = addresses(resources, LOCAL)
    of_far = {
        urn.rpartition("::")[2] for urn, (host, address) in placed.items() if (host, address) == ("far", FAR)
    }
    children = ("preflight", "data", "wallet", "network", "pulled", "container", "wallet-backup")
    assert of_far == {f"far-{child}" for child in children}
    assert {address for _, address in placed.values()} == {HERE, FAR}
    assert not any("docker-build" in urn or "skycoin:index:Tag" in urn for urn in placed)


def test_all_resources_of_a_dead_host_and_no_others_are_skipped() -> None:
    resources, config = recorded("fleet")
    left = skipped_parts(resources, hosts_of(config, LOCAL), {FAR}, LOCAL)
    assert left.of_refresh == left.of_update
    on_engines = names(frozenset(addresses(resources, LOCAL)))
    assert names(left.of_update) == {"far", *(name for name in on_engines if name.startswith("far-"))}


def test_nothing_is_skipped_if_all_hosts_answer() -> None:
    resources, config = recorded("fleet")
    left = skipped_parts(resources, hosts_of(config, LOCAL), set(), LOCAL)
    assert left.of_refresh == left.of_update == frozenset()


def test_tags_in_a_hosted_registry_on_a_dead_host_are_skipped_with_it() -> None:
    """A tag in that registry can't be read back, and would fail the whole refresh."""
    resources, config = recorded("hosted")
    dead = Address("ssh://pi@attic.lan")
    moved = json.loads(json.dumps(resources).replace(f'"host": "{LOCAL}"', '"host": "ssh://pi@attic.lan"'))
    hosts = {**hosts_of(config, LOCAL), "here": dead}
    left = names(skipped_parts(moved, hosts, {dead}, LOCAL).of_update)
    assert {"community-on-local-container", "community-on-local-data", "skycoin-community-latest-tag"} <= left
    assert not [name for name in left if name.startswith("builder") or name == "skycoin-amd64"]


def test_a_resource_that_needs_a_dead_host_is_skipped_without_its_own_host() -> None:
    """If a living host's provider were excluded, everything on that host would be skipped."""

    def on(host: str, name: str, *needs: str) -> dict[str, Any]:
        provider = f"urn:pulumi:s::skycoin::pulumi:providers:docker::{host}"
        kind = "docker:index/container:Container"
        urn = f"urn:pulumi:s::skycoin::{kind}::{name}"
        return {"urn": urn, "type": kind, "provider": f"{provider}::id", "dependencies": [*needs]}

    kind = "pulumi:providers:docker"
    resources: list[dict[str, Any]] = [
        {"urn": f"urn:pulumi:s::skycoin::{kind}::{host}", "type": kind, "inputs": {"host": f"unix:///{host}"}}
        for host in ("here", "far")
    ]
    resources.append(on("far", "registry"))
    resources += [on("here", "needs-it", resources[-1]["urn"]), on("here", "needs-nothing")]
    left = skipped_parts(resources, {}, {Address("unix:///far")}, LOCAL)
    assert names(left.of_update) == {"far", "registry", "needs-it"}


def test_a_node_of_a_later_wave_is_not_skipped_with_the_node_that_it_waits_for() -> None:
    kind = "skycoin:index:NodeContainer"
    first, second = (f"urn:pulumi:s::skycoin::{kind}::{name}" for name in ("first", "second"))
    resources: list[dict[str, Any]] = [
        {"urn": first, "type": kind, "inputs": {"host": "far", "engine": "unix:///far"}},
        {"urn": second, "type": kind, "inputs": {"host": "here"}, "dependencies": [first]},
    ]
    assert names(skipped_parts(resources, {}, {Address("unix:///far")}, LOCAL).of_update) == {"first"}


def test_a_host_that_left_the_file_is_skipped_by_the_engine_that_the_state_has() -> None:
    resources, config = recorded("fleet")
    hosts = hosts_of(config, LOCAL)
    del hosts["far"]
    assert "far-wallet" in names(skipped_parts(resources, hosts, {FAR}, LOCAL).of_update)


def test_a_host_with_another_key_in_the_file_is_refreshed_by_neither_and_updated_by_the_new() -> None:
    """The state's key is refused and the file's is accepted: the update brings the new one into the state."""
    resources, config = recorded("fleet")
    far = {**config["skycoin:hosts"]["far"], "ssh-options": ["-i", "/new/key"]}
    left = skipped_parts(resources, hosts_of(renamed_host(config, far=far), LOCAL), {FAR}, LOCAL)
    assert "far-wallet" in names(left.of_refresh)
    assert left.of_update == frozenset()


def test_a_host_with_a_wrong_key_in_the_file_is_not_updated_though_the_states_opens() -> None:
    resources, config = recorded("fleet")
    wrong = {**config["skycoin:hosts"]["far"], "ssh-options": ["-i", "/wrong/key"]}
    hosts = hosts_of(renamed_host(config, far=wrong), LOCAL)
    left = skipped_parts(resources, hosts, {hosts["far"]}, LOCAL)
    assert left.of_refresh == frozenset()
    assert "far-wallet" in names(left.of_update)


def test_a_provider_that_nothing_uses_is_not_skipped() -> None:
    """Otherwise, a host that left the file could never leave the state; each run would report it dead."""
    resources, _ = recorded("fleet")
    bare = [
        resource
        for resource in resources
        if "::far" not in resource["urn"] or resource["type"] == "pulumi:providers:docker"
    ]
    assert len(resources) > len(bare)
    assert skipped_parts(bare, {}, {FAR}, LOCAL).of_update == frozenset()
    assert FAR not in {address for _, address in addresses(bare, LOCAL).values()}


def test_pulumi_gets_each_urn_and_globs_for_resources_that_do_not_exist_yet() -> None:
    options = excluded({"urn:2", "urn:1"}, [Item("attic", "a", ("Node::a", "Exporter::a-exporter"))])
    assert options == [
        "--exclude-dependents",
        *("--exclude", "urn:1"),
        *("--exclude", "urn:2"),
        *("--exclude", "urn:pulumi:*::*::skycoin:index:Node::a"),
        *("--exclude", "urn:pulumi:*::*::skycoin:index:Exporter::a-exporter"),
    ]
    assert excluded([], []) == []


@pytest.mark.parametrize("name", ["fleet", "hosted", "opened"])
def test_the_globs_match_the_components_of_a_real_state(name: str) -> None:
    """A glob without a match would let a dead host fail the run; one with two would skip too much."""
    resources, config = recorded(name)
    urns = [resource["urn"] for resource in resources]
    items = items_of(config)
    assert items
    for item in items:
        for component in item.urns:
            found = [urn for urn in urns if fnmatchcase(urn, f"urn:pulumi:*::*::skycoin:index:{component}")]
            assert len(found) == 1 or component.startswith(("Exporter::", "Proxy::"))
    exporters = [urn for urn in urns if urn.partition("$")[0].endswith("skycoin:index:Exporter")]
    assert all(
        any(urn.endswith(ending) for item in items for ending in item.urns)
        for urn in exporters
        if "$" not in urn
    )


NODES = [
    Item("here", "a", ("Node::a", "Exporter::a-exporter")),
    Item("here", "a-b", ("Node::a-b", "Exporter::a-b-exporter")),
    Item("attic", "c", ("Node::c", "Exporter::c-exporter")),
    Item("attic", "registry r", ("HostedRegistry::r-on-*",)),
]
BASE = "urn:pulumi:s::skycoin::skycoin:index:"


def table(became: dict[str, str], left: tuple[str, ...] = (), **hosts: str) -> list[str]:
    said = outcome(NODES, {"here": "", "attic": "", **hosts}, became, left)
    return [" ".join(line.split()) for line in said.splitlines()]


def test_the_table_shows_the_most_serious_result_of_each_part() -> None:
    became = {
        f"{BASE}Node::a": "failed",
        f"{BASE}Node$docker:index/volume:Volume::a-data": "unchanged",
        f"{BASE}Node$skycoin:index:NodeContainer::a-container": "updated",
        f"{BASE}Node$skycoin:index:NodeContainer::a-b-container": "failed",
        f"{BASE}Node$docker:index/volume:Volume::a-b-data": "created",
        f"{BASE}Node$docker:index/volume:Volume::c-data": "unchanged",
        f"{BASE}Exporter$docker:index/container:Container::c-exporter-container": "replaced",
        f"{BASE}HostedRegistry$docker:index/container:Container::r-on-x-container": "unchanged",
        f"{BASE}Image$skycoin:index:Verification::a-verification": "failed",
    }
    assert table(became) == [
        "HOST RESULT",
        "here a updated",
        "here a-b failed",
        "attic c replaced",
        "attic registry r unchanged",
    ]


def test_a_host_that_does_not_answer_is_in_the_table_with_the_reason_for_each_part() -> None:
    became = {f"{BASE}Node$skycoin:index:NodeContainer::c-container": "unchanged"}
    lines = table(became, attic="no answer in 20 s", bare="Connection refused", spare="")
    assert lines[3:] == [
        "attic c skipped: no answer in 20 s",
        "attic registry r skipped: no answer in 20 s",
        "bare - skipped: Connection refused",
        "spare - answers",
    ]


def test_the_table_distinguishes_nodes_not_reached_from_nodes_that_need_a_dead_host() -> None:
    """If only a node's component was created, what it needs failed before any of its parts."""
    left = (f"{BASE}Node$skycoin:index:Preflight::a-b-preflight",)
    assert table({f"{BASE}Node::a": "created"}, left)[1:3] == [f"here a {UNREACHED}", f"here a-b {NEEDS}"]
