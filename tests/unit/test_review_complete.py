"""Previews that are cut, filtered or of another shape: none of them is called safe."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from catalogue.exit_codes import FAILED
from mocks.previews import Preview
from review.changes import read_changes
from review.complete import OPERATIONS, IncompletePreviewError
from tests.unit.command_line import Skyinfra
from tests.unit.previews import SAME, complete

WALLET = "urn:pulumi:release::skycoin::skycoin:index:Node$docker:index/volume:Volume::attic-wallet"
STATE: Mapping[str, Any] = {
    "urn": WALLET,
    "inputs": {"name": "skycoin-attic-wallet"},
    "protect": True,
    "retainOnDelete": True,
}
LABEL: Mapping[str, Any] = {"op": "update", "urn": WALLET, "oldState": STATE, "newState": STATE}
OTHER = {**LABEL, "urn": WALLET.replace("Node$docker:index/volume:Volume", "Thing")}
NEEDED = "A page needs all that `pulumi preview --json --show-sames` prints, by a CLI that this version knows"


def without(given: Mapping[str, Any], key: str) -> Preview:
    return {name: value for name, value in given.items() if name != key}


def wallet(op: str, *left_out: str) -> Preview:
    step = {**LABEL, "op": op}
    for key in left_out:
        del step[key]
    return step


CUT: Mapping[str, tuple[Preview, str]] = {
    "the steps were removed, and their counts were not": (
        {"steps": [], "changeSummary": {"delete": 3}},
        "The preview has no step for the stack's own resource (`pulumi:pulumi:Stack`)",
    ),
    "only deletions were removed": (
        {**complete(), "changeSummary": {"same": 1, "delete": 3}},
        "The preview has 0 steps `delete`, and its `changeSummary` counts 3",
    ),
    "a step was added": (
        {**complete(LABEL), "changeSummary": {"same": 1}},
        "The preview has 1 step `update`, and its `changeSummary` counts 0",
    ),
    "more is the same than was counted": (
        {**complete(wallet("same")), "changeSummary": {"same": 1}},
        "The preview has 2 steps `same`, and its `changeSummary` counts 1",
    ),
    "reads were removed": (
        {**complete(), "changeSummary": {"same": 1, "read": 2}},
        "The preview has 0 steps `read`, and its `changeSummary` counts 2",
    ),
    "an unknown operation": (
        complete(wallet("obliterate")),
        "The preview has the operation `obliterate`, which is not known",
    ),
    "an unknown operation, counted only": (
        {**complete(), "changeSummary": {"same": 1, "obliterate": 1}},
        "The preview has the operation `obliterate`, which is not known",
    ),
    "a failed preview with an unknown operation": (
        complete(wallet("obliterate"), diagnostics=[{"severity": "error", "message": "no"}]),
        "The preview has the operation `obliterate`, which is not known",
    ),
    "no counts": (without(complete(LABEL), "changeSummary"), "The preview has no `changeSummary`"),
    "nothing at all": ({"steps": []}, "The preview has no step for the stack's own resource"),
    "a refresh alone": (
        complete({**SAME, "op": "refresh"}),
        "The preview has no step for the stack's own resource",
    ),
    "no state after an update": (
        complete(wallet("update", "newState")),
        "The preview has a step `update` of attic-wallet without its `newState`",
    ),
    "no state before a deletion": (
        complete(wallet("delete", "oldState")),
        "The preview has a step `delete` of attic-wallet without its `oldState`",
    ),
    "no state of an unchanged resource": (
        complete(wallet("same", "oldState", "newState")),
        "The preview has a step `same` of attic-wallet without its `oldState`",
    ),
}


@pytest.mark.parametrize(("preview", "said"), CUT.values(), ids=CUT.keys())
def test_a_preview_that_is_cut_has_no_page_and_the_message_says_what_is_wrong(
    preview: Preview, said: str, skyinfra: Skyinfra
) -> None:
    """Each of these used to be `safe`, with exit code 0; `pulumi up` could have deleted three resources."""
    ran = skyinfra("review", "-s", "release", "--preview", "-", given=json.dumps(preview))
    assert (ran.code, ran.out.splitlines()[0]) == (FAILED, "## Stack release: no preview"), ran.out
    for text in (ran.out, ran.err):
        assert said in text
        assert NEEDED in text


def test_a_cut_preview_is_an_error_for_every_reader() -> None:
    with pytest.raises(IncompletePreviewError, match="no step for the stack's own resource"):
        read_changes({"steps": [], "changeSummary": {"delete": 3}})


def test_a_preview_that_counts_more_unchanged_resources_than_it_has_is_incomplete(skyinfra: Skyinfra) -> None:
    """`pulumi preview --json` without `--show-sames` has the stack's own step, and used to be `safe`."""
    preview = {**complete(OTHER), "changeSummary": {"same": 51, "update": 1}}
    ran = skyinfra("review", "-s", "release", "--preview", "-", given=json.dumps(preview))
    assert ran.code == 0
    assert ran.out.startswith("## Stack release: no risk seen, but the preview is incomplete\n")


def test_a_preview_that_is_made_here_may_not_leave_unchanged_resources_out() -> None:
    preview = {**complete(LABEL), "changeSummary": {"same": 51, "update": 1}}
    with pytest.raises(IncompletePreviewError, match=r"has 1 step `same`, and its `changeSummary` counts 51"):
        read_changes(preview, shows_sames=True)


def test_steps_that_the_engine_does_not_count_are_not_missed() -> None:
    """`--show-replacement-steps` adds three steps to each replacement, of which one is counted."""
    read = {**SAME, "op": "read", "urn": SAME["urn"].replace("Stack::", "StackReference::")}
    replacement = [wallet(op) for op in ("delete-replaced", "replace", "create-replacement", "refresh")]
    changes = read_changes(complete(read, *replacement))
    assert [loss.wallet for loss in changes.options.losses] == [True]


def test_a_preview_that_failed_is_not_counted() -> None:
    """The engine ends without counts after an error; the page has the error."""
    failed = {"steps": [LABEL], "diagnostics": [{"severity": "error", "message": "no"}]}
    assert read_changes(failed).faults == ("no",)


def test_all_operations_of_pulumi_are_known() -> None:
    """All of `deploy.Op…` (pulumi/pulumi, `pkg/resource/deploy/step.go`) that a preview can print."""
    assert len(OPERATIONS) == 16
