"""The law of upgrades (tests/law.py): today's program over the states of all released versions.

The states were recorded in real runs (tests/e2e/states.py). These tests need the Pulumi CLI and its Python
host, but no Docker engine, builder or registry.
"""

import copy
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.machine.layout import PROJECT
from mocks.engine import (
    BUILD,
    CONTAINER,
    DOCKER_PROVIDER,
    NETWORK,
    NODE_CONTAINER,
    PROGRAM_VERSION,
    TAG,
    VOLUME,
)
from review.images import IMAGE
from tests.e2e.states import STATES
from tests.e2e.upgrades import Previewed, make_pulumi, preview
from tests.law import listed_replacements, offences

NODE, EXPORTER, PROXY = "skycoin:index:Node", "skycoin:index:Exporter", "skycoin:index:Proxy"
HOSTED, WORKSPACE = "skycoin:index:HostedRegistry", "skycoin:index:Workspace"
HOLDS: Mapping[str, Mapping[str, int]] = {
    "0.1.0/local": {NODE: 1, CONTAINER: 1, VOLUME: 2, NETWORK: 1, DOCKER_PROVIDER: 1},
    "0.1.0/fleet": {NODE: 4, EXPORTER: 1, CONTAINER: 5, VOLUME: 8, NETWORK: 4, DOCKER_PROVIDER: 3},
    "0.1.0/workspaces": {NODE: 1, CONTAINER: 1, VOLUME: 2, NETWORK: 1},
    "0.1.0/opened": {WORKSPACE: 1, CONTAINER: 1, VOLUME: 1, NETWORK: 1, NODE: 0},
    "0.1.0/opened-dind": {WORKSPACE: 1, CONTAINER: 1, VOLUME: 2, NETWORK: 1, NODE: 0},
    "0.1.0/hosted": {HOSTED: 1, NODE: 1, CONTAINER: 2, VOLUME: 4, NETWORK: 2},
    "0.2.0/local": {NODE: 1, NODE_CONTAINER: 1, CONTAINER: 0, VOLUME: 2, NETWORK: 1, DOCKER_PROVIDER: 1},
    "0.2.0/fleet": {NODE: 5, NODE_CONTAINER: 5, EXPORTER: 2, PROXY: 1, CONTAINER: 3, VOLUME: 11, NETWORK: 5},
    "0.2.0/workspaces": {NODE: 1, NODE_CONTAINER: 1, CONTAINER: 0, VOLUME: 2, NETWORK: 1},
    "0.2.0/opened": {WORKSPACE: 1, CONTAINER: 1, VOLUME: 1, NETWORK: 1, NODE: 0},
    "0.2.0/hosted": {HOSTED: 1, NODE: 1, NODE_CONTAINER: 1, CONTAINER: 2, VOLUME: 4, NETWORK: 2},
    "0.3.0/local": {NODE: 1, NODE_CONTAINER: 1, CONTAINER: 0, VOLUME: 2, NETWORK: 1, DOCKER_PROVIDER: 1},
    "0.3.0/fleet": {NODE: 5, NODE_CONTAINER: 5, EXPORTER: 2, PROXY: 1, CONTAINER: 3, VOLUME: 11, NETWORK: 5},
    "0.3.0/workspaces": {NODE: 1, NODE_CONTAINER: 1, CONTAINER: 0, VOLUME: 2, NETWORK: 1},
    "0.3.0/opened": {WORKSPACE: 1, CONTAINER: 1, VOLUME: 1, NETWORK: 1, NODE: 0},
    "0.3.0/opened-dind": {WORKSPACE: 1, CONTAINER: 1, VOLUME: 2, NETWORK: 1, NODE: 0},
    "0.3.0/hosted": {HOSTED: 1, NODE: 1, NODE_CONTAINER: 1, CONTAINER: 2, VOLUME: 4, NETWORK: 2},
}
"""VERSION/NAME of a state → number of its resources by type; an empty state would prove nothing."""
RECORDED = sorted(STATES.glob("*/*.json"))
LOCAL = STATES / "0.1.0" / "local.json"

PUBLISHED = ("0.1.0/hosted", "0.2.0/hosted", "0.3.0/hosted")
"""States with exact tags in a registry that keeps them: CHANGELOG.md says to raise `revision`."""

Settings = dict[str, Any]
Change = Callable[[Settings], None]


def other_wallet(config: Settings) -> None:
    config["skycoin:nodes"]["node-1"]["wallet-volume"] = "another-wallet"


def other_name(config: Settings) -> None:
    config["skycoin:nodes"] = {"renamed": config["skycoin:nodes"]["node-1"]}


def other_arguments(config: Settings) -> None:
    config["skycoin:nodes"]["node-1"]["args"] = ["-log-level=debug"]


PLANTED: Mapping[Change, str] = {
    other_wallet: "Volume node-1-wallet",
    other_name: "Volume renamed-wallet is new",
    other_arguments: "container Node/node-1-container is replaced, and CHANGELOG.md does not list it",
}
"""Changes of the settings that break the law → text that must be reported."""


def read(file: Path) -> tuple[dict[str, Any], str, str]:
    """(state, settings, name of the stack) of a recorded state."""
    state: dict[str, Any] = json.loads(file.read_text())
    stack = state["deployment"]["resources"][0]["urn"].split(":")[2]
    return state, file.with_suffix(".yaml").read_text(), stack


def named(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


@pytest.fixture(scope="module")
def previews(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Future[Previewed]]]:
    """All previews, started at once; as many run in parallel as the machine has cores."""
    folder = tmp_path_factory.mktemp("upgrades")
    env = make_pulumi(folder / "pulumi")
    wanted = {named(file): read(file) for file in RECORDED}
    for name in PUBLISHED:
        state, settings, stack = wanted[name]
        wanted[f"{name}, as it was"] = wanted[name]
        raised = yaml.safe_load(settings)
        raised["config"]["skycoin:images"]["skycoin"]["revision"] = 1
        wanted[name] = (state, yaml.safe_dump(raised), stack)
    state, settings, stack = read(LOCAL)
    for change in PLANTED:
        changed = yaml.safe_load(settings)
        change(changed["config"])
        wanted[change.__name__] = (state, yaml.safe_dump(changed), stack)
    wanted["newer"] = (touched_by("99.0.0", state), settings, stack)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {name: pool.submit(preview, folder / name, env, *what) for name, what in wanted.items()}


def touched_by(version: str, state: dict[str, Any]) -> dict[str, Any]:
    """The state as if another version of the program had changed it."""
    touched = copy.deepcopy(state)
    [marker] = [
        resource for resource in touched["deployment"]["resources"] if resource["type"] == PROGRAM_VERSION
    ]
    for part in ("inputs", "outputs"):
        assert marker[part] == {"version": LOCAL.parent.name}
        marker[part]["version"] = version
    return touched


@pytest.mark.parametrize("file", RECORDED, ids=named)
def test_a_state_holds_what_its_name_says(file: Path) -> None:
    resources = read(file)[0]["deployment"]["resources"]
    counts = Counter(resource["type"] for resource in resources)
    wanted = HOLDS[named(file)]
    assert {type_: counts[type_] for type_ in wanted} == wanted
    assert counts[TAG] >= 2
    assert counts[BUILD] >= 2
    wallets = [
        resource
        for resource in resources
        if resource["urn"].endswith("-wallet") and resource["type"] == VOLUME
    ]
    assert len(wallets) == counts[NODE]
    assert all(wallet["protect"] and wallet["retainOnDelete"] for wallet in wallets)


@pytest.mark.case(21)
@pytest.mark.parametrize("file", RECORDED, ids=named)
def test_todays_program_over_a_state_keeps_the_law_of_upgrades(
    previews: Mapping[str, Future[Previewed]], file: Path
) -> None:
    done = previews[named(file)].result()
    listed = listed_replacements((PROJECT / "CHANGELOG.md").read_text(), file.parent.name)
    # A raised revision has tags of its own. The earlier ones leave the state, and stay in the registries.
    left = [
        f"{TAG} skycoin-{registry}-{tag}-tag: delete"
        for registry in ("local", "community")
        for tag in ("0.27.1", "release-v0.27.1")
        if named(file) in PUBLISHED
    ]
    assert sorted(offences(done.state, done.said, listed)) == sorted(left), done.text
    assert done.code == 0, done.text


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_rebuilt_image_is_refused_under_an_exact_tag_and_the_remedy_is_named(
    previews: Mapping[str, Future[Previewed]], name: str
) -> None:
    """A patch gives the node's image another content."""
    done = previews[f"{name}, as it was"].result()
    assert done.code != 0
    assert "registry.localhost:15445/skycoin/skycoin:0.27.1 is published as sha256:" in done.text
    assert "increase the image's `revision:`" in done.text


@pytest.mark.parametrize("file", sorted(LOCAL.parent.glob("*.json")), ids=named)
def test_the_files_that_an_image_records_change_no_resource(
    previews: Mapping[str, Future[Previewed]], file: Path
) -> None:
    """States of version 0.1.0 do not have that output."""
    done = previews[named(file)].result()
    there = [step for step in done.said["steps"] if step.get("oldState")]
    images = [step for step in there if step["urn"].split("::")[2] == IMAGE]
    assert images, done.text
    assert not any("files" in step["oldState"]["outputs"] for step in images)
    assert {step["op"] for step in images} == {"same"}


@pytest.mark.parametrize("change", PLANTED, ids=lambda change: change.__name__)
def test_a_change_that_breaks_the_law_is_found(
    previews: Mapping[str, Future[Previewed]], change: Change
) -> None:
    done = previews[change.__name__].result()
    found = offences(done.state, done.said, [])
    assert any(PLANTED[change] in offence for offence in found), f"{found}\n{done.text}"


def test_a_state_of_a_newer_version_is_refused_and_nothing_would_change(
    previews: Mapping[str, Future[Previewed]],
) -> None:
    done = previews["newer"].result()
    assert done.code != 0
    assert "version 99.0.0 of this program has changed this stack" in done.text
    assert {step["op"] for step in done.said.get("steps", [])} <= {"same"}, done.text
