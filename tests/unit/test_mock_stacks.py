"""Stacks run on the mocks: from a stack's file to the requested resources and a preview."""

import json
import re
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

from mocks.engine import BUILD, CONTAINER, NODE_CONTAINER, TAG, VOLUME
from mocks.previews import KEPT, Preview, preview_of
from mocks.stacks import INVENTED, files_here, preview_of_files, up
from mocks.wire import Secret
from review.changes import read_changes
from review.summary import summary
from settings.reading import SettingsError
from tests.unit.projects import PROJECT

EXAMPLE = "local"
FILES = {EXAMPLE: (PROJECT / "stacks" / "local.example.yaml").read_text()}
PAGE = (PROJECT / "docs" / "stacks.md").read_text()


def changed(old: str, new: str, stack: str = EXAMPLE, more: str = "") -> Preview:
    """Preview of a stack's file with `old` replaced by `new`, and with `more` appended."""
    files = {**files_here(), **FILES}
    assert old in files[stack]
    return preview_of_files(stack, files, files[stack].replace(old, new, 1) + more)


def steps(preview: Preview, type_: str) -> dict[str, Any]:
    """Name → step of each changing resource of this type."""
    found = (step for step in preview["steps"] if step["op"] != "same")
    return {step["urn"].rpartition("::")[2]: step for step in found if f"{type_}::" in step["urn"]}


def test_a_renamed_node_stays_in_its_network_whose_new_name_the_program_ignores() -> None:
    """The engine returns the network as it is in the state, so the container's `networkMode` stays."""
    preview = changed("node-1: {image: skycoin,", "first: {renamed-from: node-1, image: skycoin,")
    [container] = steps(preview, NODE_CONTAINER).values()
    assert set(container["detailedDiff"]) == {"name"}
    [network] = [step for step in preview["steps"] if step["urn"].endswith("::first-network")]
    assert network["op"] == "same"
    assert network["newState"]["inputs"]["name"] == "skycoin-node-1"


def test_a_file_that_did_not_change_changes_nothing() -> None:
    assert {step["op"] for step in changed("config:", "config:")["steps"]} == {"same"}


def test_values_that_depend_on_a_new_build_are_unknown_and_all_others_known() -> None:
    preview = changed("      channel: release\n", "      channel: release\n      build-args: {EXTRA: a}\n")
    assert summary(read_changes(preview)) == "5 variants rebuilt, 4 tags moved, 1 container replaced"
    [node] = steps(preview, NODE_CONTAINER).values()
    assert node["newState"]["inputs"]["image"] == pulumi.runtime.rpc.UNKNOWN
    assert node["detailedDiff"].keys() == {"image"}
    assert steps(preview, VOLUME) == {}


def test_no_invented_digest_is_in_a_preview() -> None:
    preview = changed("      channel: release\n", "      channel: release\n      build-args: {EXTRA: a}\n")
    invented = up(EXAMPLE, FILES).digests
    assert invented
    text = json.dumps(preview)
    assert [digest for digest in invented if digest in text] == []
    assert f"@sha256:{INVENTED}" in text


def test_secrets_need_no_passphrase_and_stay_secrets() -> None:
    text = FILES[EXAMPLE] + "  skycoin:build-secrets:\n    token: {secure: v1:abc:hidden}\n"
    engine = up(EXAMPLE, {EXAMPLE: text})
    builds = engine.all_of(BUILD)
    assert builds
    for build in builds:
        assert re.fullmatch(r"\[secret [0-9a-f]{8}\]", build.inputs["secrets"]["token"].value)
        assert isinstance(build.inputs["secrets"]["token"], Secret)
    assert "hidden" not in repr(engine.registered)


@pytest.mark.parametrize("text", ["config: [", "- a\n", "config: text\n", "\x00"])
def test_a_file_that_is_not_a_stack_is_an_error_of_the_preview(text: str) -> None:
    [said] = preview_of_files(EXAMPLE, FILES, text)["diagnostics"]
    assert said["severity"] == "error"
    assert "  - the file is not valid YAML of a stack: " in said["message"]


def test_a_file_that_is_not_utf_8_is_an_error_of_its_own_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, reading the files of all stacks failed, without the name of that file."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / f"Pulumi.{EXAMPLE}.yaml").write_text(FILES[EXAMPLE])
    (tmp_path / "stacks" / "Pulumi.other.yaml").write_bytes(b"# caf\xe9\n")
    monkeypatch.setattr("mocks.stacks.PROJECT", tmp_path)
    files = files_here()
    assert files[EXAMPLE] == FILES[EXAMPLE]
    with pytest.raises(SettingsError, match="the file is not valid YAML of a stack"):
        up("other", files)


def test_an_error_of_the_base_is_raised() -> None:
    with pytest.raises(SettingsError, match="the file is not valid YAML of a stack"):
        preview_of_files(EXAMPLE, {EXAMPLE: "config: ["}, FILES[EXAMPLE])


def test_a_stack_that_publishes_gives_its_images() -> None:
    engine = up("fleet", files_here())
    images = [node.inputs["image"] for node in engine.all_of(NODE_CONTAINER)]
    names = {image.partition("@")[0] for image in images}
    assert names == {"docker.io/skycoin/skycoin"}
    with pytest.raises(
        LookupError, match=r"organization/skycoin/release, which has no file stacks/Pulumi\.rel"
    ):
        up("fleet", {"fleet": files_here()["fleet"]})


def test_an_ecr_address_consists_of_account_region_and_name() -> None:
    repositories = {tag.inputs["repository"] for tag in up("ecr", files_here()).all_of(TAG)}
    assert repositories == {"123456789012.dkr.ecr.eu-central-1.amazonaws.com/skycoin/skycoin"}


def test_another_name_of_a_volume_replaces_it_and_of_an_image_s_place_its_tags() -> None:
    preview = changed("{image: skycoin, ", "{image: skycoin, data-volume: other, ")
    assert {name: step["op"] for name, step in steps(preview, VOLUME).items()} == {"node-1-data": "replace"}
    preview = changed("      channel: release\n", "      channel: release\n      repository: house/node\n")
    assert {step["op"] for step in steps(preview, TAG).values()} == {"replace"}


def test_a_protected_resource_cannot_be_deleted() -> None:
    preview = changed("    shed: {image: skycoin, host: shed, network: mainnet}\n", "", "fleet")
    [refused] = preview["diagnostics"]
    wallet = "urn:pulumi:fleet::skycoin::skycoin:index:Node$docker:index/volume:Volume::shed-wallet"
    assert refused["message"].startswith(
        f'error: Preview failed: resource "{wallet}" cannot be deleted\nbecause it is protected. '
    )
    assert steps(preview, CONTAINER) == {}
    assert "pulumi state unprotect" not in read_changes(preview).faults[0]


WALLET = "urn:pulumi:fleet::skycoin::skycoin:index:Node$docker:index/volume:Volume::shed-wallet"
SHED = "    shed: {image: skycoin, host: shed, network: mainnet"


def test_a_protected_resource_cannot_be_replaced() -> None:
    """The error is worded as by the engine; tests/e2e/test_review.py gets it from a real one."""
    preview = changed(SHED, f"{SHED}, wallet-volume: other", "fleet")
    assert steps(preview, VOLUME)["shed-wallet"]["op"] == "replace"
    assert preview["diagnostics"] == [{"severity": "error", "message": KEPT.format(WALLET)}]
    assert KEPT.format("URN") == (
        'error: unable to replace resource "URN"\nas it is currently marked for protection. To unprotect the '
        "resource, remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"
    )
    [fault] = read_changes(preview).faults
    assert fault.startswith(
        "The wallet volume of the node shed would be replaced, and its wallet is protected."
    )


def test_a_resource_that_loses_or_gains_protection_can_be_replaced() -> None:
    """The engine refuses a replacement only if both the state and the program protect the resource."""
    before, after = up("fleet", files_here()), up("fleet", files_here())
    for engine, protect in ((before, True), (after, False)):
        [wallet] = [resource for resource in engine.registered if resource.urn == WALLET]
        inputs = wallet.inputs if protect else {**wallet.inputs, "name": "other"}
        engine.registered[engine.registered.index(wallet)] = replace(wallet, protect=protect, inputs=inputs)
    preview = preview_of(before, after)
    assert steps(preview, VOLUME)["shed-wallet"]["op"] == "replace"
    assert "diagnostics" not in preview
    assert "diagnostics" not in preview_of(after, before)


def test_the_example_of_a_users_test_runs_and_can_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The example is taken from docs/stacks.md."""
    section = PAGE.partition("## Tests of your own\n")[2]
    file = tmp_path / "test_fleet.py"
    file.write_text(section.partition("```python\n")[2].partition("```")[0])
    test = runpy.run_path(str(file))["test_each_node_has_a_wallet_of_a_known_name_and_one_gigabyte_at_most"]
    test()
    fleet = files_here()["fleet"].replace("network: mainnet}", "network: mainnet, memory: 2048}")
    monkeypatch.setitem(test.__globals__, "files_here", lambda: {**files_here(), "fleet": fleet})
    with pytest.raises(AssertionError):
        test()
