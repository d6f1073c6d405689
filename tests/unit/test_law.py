"""The law of upgrades itself (tests/law.py), what is recorded for it, and the graph of the ECR stack."""

import re
from pathlib import Path
from typing import Any

import pytest

from mocks.engine import BUILD, CONTAINER, NETWORK, NODE_CONTAINER, TAG, VOLUME
from tests.law import LISTED, listed_replacements, offences
from tests.unit.aws import REPOSITORY
from tests.unit.projects import PROJECT, up
from tests.unit.snapshots import Block, identities, read_blocks, rendered

STATES = PROJECT / "tests" / "states"
CHANGELOG = (PROJECT / "CHANGELOG.md").read_text()
RELEASED = re.findall(r"^## (\d+\.\d+\.\d+)", CHANGELOG, re.MULTILINE)
REPLACING = ("name: ", "repository: ", "tag: ", "encryptionConfigurations:")
"""Beginnings of the lines with inputs that replace a repository or a tag."""


def one(type_: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": type_, "urn": f"urn:pulumi:local::skycoin::skycoin:index:Node${type_}::{name}", **more}


def step(operation: str, old: dict[str, Any] | None, new: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"op": operation, "oldState": old, "newState": new} if old else {"op": operation, "newState": new}


WALLET = one(VOLUME, "one-wallet", protect=True, retainOnDelete=True)
NODE = one(CONTAINER, "one-container")
STATE = {"resources": [WALLET, NODE]}
SAME = [step("same", WALLET, WALLET), step("same", NODE, NODE)]


def found(*steps: dict[str, Any], listed: tuple[str, ...] = ()) -> list[str]:
    return offences(STATE, {"steps": list(steps)}, listed)


def test_an_unchanged_stack_keeps_the_law() -> None:
    assert found(*SAME) == []
    assert found(SAME[0], step("update", NODE, NODE)) == []


def test_a_new_image_or_tag_may_come_but_no_volume_or_network() -> None:
    assert found(*SAME, step("create", None, one(TAG, "two")), step("create", None, one(BUILD, "two"))) == []
    for type_ in (VOLUME, NETWORK):
        [said] = found(*SAME, step("create", None, one(type_, "two")))
        assert said.startswith(f"{type_} two is new")


def test_a_new_component_may_bring_a_volume_of_its_own() -> None:
    """An example is the proxy in front of a web interface, with the login in its volume."""
    component = one("skycoin:index:Proxy", "one-proxy")
    login = {**one(VOLUME, "one-proxy-login"), "parent": component["urn"]}
    assert found(*SAME, step("create", None, component), step("create", None, login)) == []
    renamed = step("create", None, component), step("delete", {**component, "urn": "urn:other"})
    for steps in ([step("same", component, component)], renamed):
        [said] = found(*SAME, *steps, step("create", None, login))
        assert said.startswith(f"{VOLUME} one-proxy-login is new")


@pytest.mark.parametrize("type_", [VOLUME, NETWORK, TAG, BUILD])
@pytest.mark.parametrize(
    "operation", ["delete", "replace", "create-replacement", "delete-replaced", "discard"]
)
def test_no_retained_resource_is_deleted_or_replaced(type_: str, operation: str) -> None:
    gone = one(type_, "two")
    assert found(*SAME, step(operation, gone)) == [f"{type_} two: {operation}"]


@pytest.mark.parametrize("option", ["protect", "retainOnDelete"])
def test_a_wallet_keeps_its_protection(option: str) -> None:
    weaker = step("same", WALLET, {**WALLET, option: False})
    assert found(weaker, SAME[1]) == [f"{VOLUME} one-wallet loses {option}"]


@pytest.mark.parametrize("key", ["wallet", "backups"])
def test_a_nodes_wallet_and_its_copies_stay_in_place(key: str) -> None:
    before = one(NODE_CONTAINER, "one", inputs={"wallet": "w", "backups": "b"})
    after = {**before, "inputs": {**before["inputs"], key: "x"}}
    assert found(*SAME, step("update", before, {**before})) == []
    said = f"{NODE_CONTAINER} one: {key} {key[0]} becomes x"
    assert found(*SAME, step("update", before, after)) == [said]


def test_a_preview_that_stopped_early_proves_nothing() -> None:
    assert found() == [f"{VOLUME} one-wallet is in the state, and the preview does not reach it"]


def test_exactly_the_listed_containers_are_replaced() -> None:
    replaced = [SAME[0], step("delete-replaced", NODE), step("create-replacement", NODE, NODE)]
    assert found(*replaced, listed=("Node/*",)) == []
    said = ["container Node/one-container is replaced, and CHANGELOG.md does not list it"]
    assert found(*replaced) == found(*replaced, listed=("Exporter/*",)) == said
    assert found(*SAME, listed=("Node/one-container",)) == [
        "container Node/one-container is not replaced, and CHANGELOG.md lists it"
    ]


def test_the_lists_of_all_newer_versions_count() -> None:
    changelog = (
        f"# Changelog\n\n## 0.3.0 - x\n\n{LISTED}\n\n- `Exporter/*`: why\n\n### Added\n\n- `else`\n"
        f"\n## 0.2.0 - x\n\n{LISTED}\n\n- `Node/one-container`: why\n\n## 0.1.0 - x\n\n{LISTED} none.\n"
    )
    assert listed_replacements(changelog, "0.1.0") == ["Exporter/*", "Node/one-container"]
    assert listed_replacements(changelog, "0.2.0") == ["Exporter/*"]
    assert listed_replacements(changelog, "0.3.0") == []
    with pytest.raises(ValueError, match=r"no section of version 0\.0\.9"):
        listed_replacements(changelog, "0.0.9")
    with pytest.raises(ValueError, match=r"0\.2\.0 - x: the line .* is missing"):
        listed_replacements(changelog.replace(f"0.2.0 - x\n\n{LISTED}", "0.2.0 - x\n"), "0.1.0")


@pytest.mark.parametrize("version", RELEASED)
def test_every_version_lists_its_replacements_and_has_recorded_states(version: str) -> None:
    section = CHANGELOG.partition(f"\n## {version} ")[2].partition("\n## ")[0]
    assert LISTED in section
    names = {file.name for file in (STATES / version).iterdir()}
    assert {"ecr.txt", "local.json", "local.yaml"} <= names, "make states (CONTRIBUTING.md)"


@pytest.mark.parametrize(
    "file", sorted(STATES.glob("*/*")), ids=lambda file: f"{file.parent.name}/{file.name}"
)
def test_a_recorded_state_holds_no_secret_and_no_place_of_the_machine_that_made_it(file: Path) -> None:
    """URLs in the state lead only to loopback, to containers of the stack, and to sources."""
    text = file.read_text()
    for word in ("ciphertext", "encryptionsalt", "secure:", "secrets_providers", "stackTrace"):
        assert word not in text
    places = set(re.findall(r"(?<![\w.])/(?:root|home|tmp|work|Users|var/folders)/[^\s\"']*", text))
    assert places <= {"/home/developer"}, "a workspace's own home is inside it"
    hosts = set(re.findall(r"https?://([^/:\s\"'\\]+)", text))
    assert hosts <= {"127.0.0.1", "skycoin-gui", "skycoin-shed", "github.com", "nginx.org"}


def _identity(block: Block, components: dict[str, Block]) -> tuple[str, str]:
    parent = components.get(block.parent)
    above = f"{_identity(parent, components)[0]}$" if parent else ""
    return f"{above}{block.type}", block.name


def _components(blocks: list[Block]) -> dict[str, Block]:
    """Possible parents by name; a provider may have the name of a component."""
    return {block.name: block for block in blocks if block.type.startswith("skycoin:index:")}


def _missing(before: list[Block], today: list[Block]) -> list[str]:
    """Resources of a released graph that today's program lacks, or has with other names or fewer options."""
    heirs = {who: block for block in today for who in identities(block, _components(today))}
    said = []
    for block in before:
        heir = heirs.get(_identity(block, _components(before)))
        if heir is None:
            said.append(f"{block.name} has no heir")
        elif block.type in (REPOSITORY, TAG, BUILD):
            lost = block.options - heir.options
            said += [f"{block.name} loses {option}" for option in sorted(lost)]
        if heir and block.type in (REPOSITORY, TAG):
            then, now = ([line for line in of.inputs if line.startswith(REPLACING)] for of in (block, heir))
            said += [f"{block.name}: {then} becomes {now}"] if then != now else []
    return said


@pytest.mark.parametrize("file", sorted(STATES.glob("*/ecr.txt")), ids=lambda file: file.parent.name)
def test_todays_program_has_every_resource_of_a_released_ecr_stack(file: Path) -> None:
    before = read_blocks(file.read_text())
    assert {REPOSITORY, TAG, BUILD} <= {block.type for block in before}
    assert _missing(before, read_blocks(rendered(up("ecr")))) == []


def test_a_renamed_repository_and_a_resource_without_an_alias_are_missed() -> None:
    text = rendered(up("ecr"))
    before = read_blocks(text)
    other = text.replace("    name: skycoin/skycoin", "    name: skycoin/node")
    assert _missing(before, read_blocks(other)) == [
        "ecr-skycoin-skycoin-repository: ['name: skycoin/skycoin'] becomes ['name: skycoin/node']"
    ]
    renamed = text.replace("ecr-skycoin-skycoin", "ecr-node")
    assert _missing(before, read_blocks(renamed)) == [
        "ecr-skycoin-skycoin has no heir",
        "ecr-skycoin-skycoin-lifecycle has no heir",
        "ecr-skycoin-skycoin-repository has no heir",
    ]
    component = "skycoin:index:EcrRepository  ecr-node"
    aliased = renamed.replace(f"{component}\n", f"{component}  alias=ecr-skycoin-skycoin\n")
    assert _missing(before, read_blocks(aliased)) == []
    moved = renamed.replace(
        f"{component}\n",
        f"{component}  alias=urn:pulumi:ecr::skycoin::skycoin:index:EcrRepository::ecr-skycoin-skycoin\n",
    )
    assert _missing(before, read_blocks(moved)) == []
    weaker = text.replace("  protect  retain_on_delete", "  retain_on_delete")
    assert _missing(before, read_blocks(weaker)) == ["ecr-skycoin-skycoin-repository loses protect"]


@pytest.mark.parametrize("version", sorted(folder.name for folder in STATES.iterdir()))
def test_the_changelog_lists_the_containers_replaced_since_each_recorded_version(version: str) -> None:
    """Otherwise, a missing line is found only minutes later, by every preview of a recorded state."""
    listed_replacements(CHANGELOG, version)
