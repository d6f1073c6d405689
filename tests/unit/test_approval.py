"""The hash of a review: which differences change it, which do not, and the message for each."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from display.errors import UserError
from review.approval import LENGTH, PIECE, WHOLE, Part, Sources, approval, is_token
from review.approval_words import (
    MISTYPED,
    UNNAMED,
    WORDS,
    applied_before,
    details,
    differences,
    ending,
    read_details,
    refusal,
)
from review.portable import PROJECT
from review.volatile_outputs import VOLATILE
from tests.unit.projects import PROJECT as CHECKOUT

NODE = "urn:pulumi:mine::skycoin::skycoin:index:Node$skycoin:index:NodeContainer::node-1-container"
WALLET = "urn:pulumi:mine::skycoin::skycoin:index:Node$docker:index/volume:Volume::node-1-wallet"
PREFLIGHT = "skycoin:index:Preflight::node-1-preflight"
HERE = "urn:pulumi:mine::skycoin::pulumi:providers:docker::here"
TIMES = {"created": "2026-11-26T22:01:29Z", "modified": "2026-11-26T22:01:29Z"}
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:a:b"}


def resource(urn: str, **more: Any) -> dict[str, Any]:
    type_ = urn.split("::")[2].rpartition("$")[2]
    return {"urn": urn, "type": type_, "custom": True, "id": "1", "inputs": {"name": "x"}, **TIMES, **more}


def made() -> Sources:
    """Everything that a review covers, unchanged."""
    wallet = resource(WALLET, protect=True, retainOnDelete=True, provider=f"{HERE}::6ed0")
    node = resource(NODE, dependencies=[WALLET, HERE], outputs={"name": "x", "lastReplacement": 48})
    wanted = {**copy.deepcopy(node), "inputs": {"name": "y", "token": "[secret]"}}
    del wanted["outputs"]
    provider = resource(HERE, inputs={"version": "5.2.0"})
    preview = {
        "steps": [
            {"op": "same", "urn": HERE, "oldState": provider, "newState": copy.deepcopy(provider)},
            {"op": "refresh", "urn": WALLET, "oldState": wallet, "newState": copy.deepcopy(wallet)},
            {"op": "same", "urn": WALLET, "oldState": wallet, "newState": copy.deepcopy(wallet)},
            {
                "op": "update",
                "urn": NODE,
                "oldState": node,
                "newState": wanted,
                "detailedDiff": {"name": {"kind": "update", "inputDiff": True}},
            },
        ],
        "duration": 17,
    }
    state = {"resources": [wallet, {**node, "inputs": {"name": "x", "token": SECRET}}, provider]}
    return Sources(
        stack="mine",
        file=b"config: {}\n",
        tree="4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        preview=preview,
        deployment=copy.deepcopy(state),
        versions={"Pulumi's CLI": "v3.259.0"},
        tags={"r.example/a:latest": "not in its registry"},
        engine="unix:///var/run/docker.sock",
    )


def steps(sources: Sources) -> Any:
    return sources.preview["steps"]


def state(sources: Sources) -> Any:
    return sources.deployment["resources"]


def other_input(sources: Sources) -> None:
    steps(sources)[3]["newState"]["inputs"]["name"] = "z"


def other_operation(sources: Sources) -> None:
    steps(sources)[3]["op"] = "replace"


def other_difference(sources: Sources) -> None:
    """Change a secret as Pulumi shows it: `[secret]` before and after."""
    steps(sources)[3]["detailedDiff"]["token"] = {"kind": "update"}


def one_more_step(sources: Sources) -> None:
    steps(sources).append({"op": "delete-replaced", "urn": NODE, "oldState": resource(NODE)})


def unprotected(sources: Sources) -> None:
    steps(sources)[2]["newState"]["protect"] = False


def not_retained(sources: Sources) -> None:
    del steps(sources)[2]["newState"]["retainOnDelete"]


def other_provider(sources: Sources) -> None:
    steps(sources)[2]["newState"]["provider"] = HERE.replace("here", "there")


def a_hook(sources: Sources) -> None:
    steps(sources)[2]["newState"]["resourceHooks"] = {"BeforeCreate": ["guard"]}


def waits_no_more(sources: Sources) -> None:
    steps(sources)[3]["newState"]["dependencies"] = [HERE]


def an_option_of_a_later_pulumi(sources: Sources) -> None:
    steps(sources)[2]["newState"]["envVarMappings"] = {"A": "B"}


def other_id_in_state(sources: Sources) -> None:
    state(sources)[0]["id"] = "2"


def other_input_in_state(sources: Sources) -> None:
    state(sources)[0]["inputs"]["name"] = "z"


def other_output_in_state(sources: Sources) -> None:
    state(sources)[1]["outputs"]["name"] = "z"


def other_secret_in_state(sources: Sources) -> None:
    state(sources)[1]["inputs"]["token"]["ciphertext"] = "v1:c:d"


def unprotected_in_state(sources: Sources) -> None:
    state(sources)[0]["protect"] = False


def gone_from_state(sources: Sources) -> None:
    state(sources).pop(0)


def old_object_in_state(sources: Sources) -> None:
    state(sources).append({**state(sources)[1], "delete": True})


def interrupted(sources: Sources) -> None:
    sources.deployment["pending_operations"] = [{"resource": {"urn": NODE}, "type": "creating"}]  # type: ignore[index]


def found_otherwise(sources: Sources) -> None:
    steps(sources)[3]["oldState"] = resource(NODE, outputs={"name": "drifted"})


def a_tag_that_is_there_by_now(sources: Sources) -> None:
    """Create a tag in the registry that the review called new; the update would now move it."""
    sources.tags["r.example/a:latest"] = "in its registry, though not in the state"  # type: ignore[index]


def other_plugin(sources: Sources) -> None:
    steps(sources)[0]["newState"]["inputs"]["version"] = "5.3.0"


CHANGES: dict[Callable[[Sources], None], tuple[str, ...]] = {
    other_input: ("a step: node-1-container (NodeContainer)",),
    other_operation: ("a step: node-1-container (NodeContainer)",),
    other_difference: ("a step: node-1-container (NodeContainer)",),
    one_more_step: (
        "a step: node-1-container (NodeContainer)",
        "what a refresh finds: node-1-container (NodeContainer)",
    ),
    unprotected: ("options or hooks: node-1-wallet (Volume)",),
    not_retained: ("options or hooks: node-1-wallet (Volume)",),
    other_provider: ("options or hooks: node-1-wallet (Volume)",),
    a_hook: ("options or hooks: node-1-wallet (Volume)",),
    waits_no_more: ("options or hooks: node-1-container (NodeContainer)",),
    an_option_of_a_later_pulumi: ("options or hooks: node-1-wallet (Volume)",),
    other_id_in_state: ("the state: node-1-wallet (Volume)",),
    other_input_in_state: ("the state: node-1-wallet (Volume)",),
    other_output_in_state: ("the state: node-1-container (NodeContainer)",),
    other_secret_in_state: ("the state: node-1-container (NodeContainer)",),
    unprotected_in_state: ("the state: node-1-wallet (Volume)",),
    gone_from_state: ("the state: node-1-wallet (Volume)",),
    old_object_in_state: ("the state: node-1-container (NodeContainer)",),
    interrupted: ("the state: node-1-container (NodeContainer)",),
    found_otherwise: ("what a refresh finds: node-1-container (NodeContainer)",),
    a_tag_that_is_there_by_now: ("what a refresh finds: r.example/a:latest",),
    other_plugin: ("a step: here (docker)", "a version: plugin docker"),
}
"""Change of what was reviewed → messages that name it."""


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_every_difference_changes_the_hash_and_is_reported(change: Callable[[Sources], None]) -> None:
    before, sources = approval(made()), made()
    change(sources)
    now = approval(sources)
    assert now.token != before.token
    known = read_details(details(before), before.token)
    assert differences(before.token, now, known) == [*CHANGES[change]]
    assert differences(before.token, now) == [line.partition(": ")[0] for line in CHANGES[change]]


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"stack": "other"}, Part.STACK),
        ({"file": b"config: {}\n\n"}, Part.FILE),
        ({"tree": "0" * 40}, Part.TREE),
        ({"versions": {"Pulumi's CLI": "v3.260.0"}}, Part.VERSIONS),
        ({"engine": "ssh://pi@attic.lan"}, Part.WORLD),
    ],
)
def test_stack_file_tree_and_version_are_parts_of_it(changed: dict[str, Any], part: Part) -> None:
    before, now = approval(made()), approval(replace(made(), **changed))
    assert differences(before.token, now) == [WORDS[part]]


def test_the_organization_of_a_stack_is_not_part_of_its_name() -> None:
    assert approval(replace(made(), stack="me/skycoin/mine")).token == approval(made()).token


def other_order(sources: Sources) -> None:
    steps(sources).reverse()
    state(sources).reverse()
    steps(sources)[0]["newState"]["dependencies"].reverse()


def other_times_and_traces(sources: Sources) -> None:
    for resource in [*state(sources), *(step["newState"] for step in steps(sources))]:
        resource |= {"created": "2027", "modified": "2027", "sourcePosition": "project:///a.py#1"}
        resource["stackTrace"] = [{"sourcePosition": "project:///a.py#1"}]


def other_refresh_steps(sources: Sources) -> None:
    steps(sources).pop(1)


def other_time_of_the_last_replacement(sources: Sources) -> None:
    steps(sources)[3]["oldState"]["outputs"]["lastReplacement"] = 50
    state(sources)[1]["outputs"]["lastReplacement"] = 50


@pytest.mark.parametrize(
    "change",
    [other_order, other_times_and_traces, other_refresh_steps, other_time_of_the_last_replacement],
    ids=lambda change: change.__name__,
)
def test_volatile_details_do_not_change_the_hash(change: Callable[[Sources], None]) -> None:
    sources = made()
    change(sources)
    assert approval(sources).token == approval(made()).token


COPIED = {"walletsCopied": {"kind": "update"}}
IMAGE = {"image": {"kind": "update"}}


@pytest.mark.parametrize(
    ("before", "now", "is_equal"),
    [
        (None, {"detailedDiff": COPIED}, True),
        (None, {"diffReasons": ["walletsCopied"]}, True),
        (None, {"detailedDiff": {**COPIED, "wallet": {"kind": "update"}}}, False),
        (None, {"diffReasons": ["image", "walletsCopied"]}, False),
        (None, {}, False),
        ({"detailedDiff": IMAGE}, {"detailedDiff": {**IMAGE, **COPIED}}, True),
        ({"diffReasons": ["image"]}, {"diffReasons": ["image", "walletsCopied"]}, True),
        ({"detailedDiff": IMAGE}, {"detailedDiff": COPIED}, False),
    ],
)
def test_a_wallet_that_grows_after_a_review_does_not_change_its_hash(
    before: dict[str, Any] | None, now: dict[str, Any], *, is_equal: bool
) -> None:
    """An `up` would copy it on its host. Before, it changed the hash of a step with another change."""
    preflight = resource(WALLET.replace("docker:index/volume:Volume::node-1-wallet", PREFLIGHT))
    step = {"op": "same", "urn": preflight["urn"], "oldState": preflight, "newState": preflight}
    tokens = []
    for diff in (before, now):
        sources = made()
        steps(sources).append(step if diff is None else {**step, "op": "update", **diff})
        tokens.append(approval(sources).token)
    assert (tokens[0] == tokens[1]) is is_equal


def test_a_replacement_of_a_preflight_is_part_of_the_hash() -> None:
    preflight = resource(WALLET.replace("docker:index/volume:Volume::node-1-wallet", PREFLIGHT))
    step = {"urn": preflight["urn"], "oldState": preflight, "newState": preflight}
    before, now = made(), made()
    steps(before).append({**step, "op": "same"})
    steps(now).append({**step, "op": "replace", "detailedDiff": COPIED})
    assert approval(before).token != approval(now).token


def test_only_the_copy_of_a_wallet_is_left_out_of_a_hash() -> None:
    """The exit code of a container is no decision either, but an update for its sake restarts it."""
    urn = WALLET.replace("docker:index/volume:Volume::node-1-wallet", "docker:index/container:Container::one")
    for path in ("exitCode", "networkDatas", "walletsCopied"):
        container = resource(urn)
        step = {"op": "same", "urn": urn, "oldState": container, "newState": container}
        before, now = made(), made()
        steps(before).append(step)
        steps(now).append({**step, "op": "update", "detailedDiff": {path: {"kind": "update"}}})
        assert approval(before).token != approval(now).token


def test_a_path_in_the_project_is_the_same_in_every_checkout() -> None:
    here, there = made(), made()
    steps(here)[3]["newState"]["inputs"]["context"] = f"{PROJECT}/images/busybox"
    steps(there)[3]["newState"]["inputs"]["context"] = "./images/busybox"
    assert approval(here).token == approval(there).token


def test_an_output_that_is_left_out_has_its_reason_in_the_docs() -> None:
    text = (CHECKOUT / "docs" / "review.md").read_text()
    for type_, outputs in VOLATILE.items():
        for name, reason in outputs.items():
            assert f"| `{type_.rpartition(':')[2]}` | `{name}` | {reason} |" in text


def test_a_hash_has_digits_for_the_whole_and_for_each_part() -> None:
    token = approval(made()).token
    assert is_token(token)
    assert len(token) == LENGTH == WHOLE + PIECE * len(Part) == 64
    for wrong in ("", token[:-1], f"{token}0", token.upper(), f"{token[:-1]}g", f"{token}\n"):
        assert not is_token(wrong)


def test_a_mistyped_hash_is_not_called_a_difference() -> None:
    now = approval(made())
    wrong = now.token[:-1] + ("0" if now.token[-1] != "0" else "1")
    assert differences(wrong, now) == [MISTYPED]


def test_another_engine_of_this_machine_counts_only_if_the_stack_uses_it() -> None:
    """An apply with another DOCKER_HOST would create there what is not in the state yet."""
    sources = made()
    for step in steps(sources):
        if step["urn"] == HERE:
            step["newState"]["inputs"]["host"] = "ssh://pi@attic.lan"
    assert approval(replace(sources, engine="unix:///other.sock")).token == approval(sources).token


def test_a_difference_that_no_part_shows_is_refused() -> None:
    now = approval(made())
    assert differences("0" * WHOLE + now.token[WHOLE:], now) == [UNNAMED]
    assert differences(now.token, now) == []


def test_of_many_resources_three_are_reported() -> None:
    before, sources = approval(made()), made()
    for number in range(5):
        state(sources).append(resource(NODE.replace("node-1", f"node-{number + 2}")))
    [said] = differences(before.token, approval(sources), before.parts)
    names = ", ".join(f"node-{number}-container (NodeContainer)" for number in (2, 3, 4))
    assert said == f"the state: {names} and 2 more"


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"parts": {"stack": 1}}', '{"parts": {"odd": {}}}', '{"parts": {}}'),
        pytest.param("[" * 100_000, id="deep"),  # before, an internal error
    ],
)
def test_malformed_details_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="This is not a file of review details"):
        read_details(text, "0" * LENGTH)


def test_details_of_another_review_are_refused() -> None:
    with pytest.raises(UserError, match="details of another review"):
        read_details(details(approval(made())), "0" * LENGTH)


def test_details_hold_no_value() -> None:
    sources = made()
    state(sources)[0]["inputs"]["name"] = steps(sources)[3]["newState"]["inputs"]["name"] = "a-value"
    parsed = json.loads(details(approval(sources)))
    assert all(len(digest) == WHOLE for its in parsed["parts"].values() for digest in its.values())
    assert "a-value" not in json.dumps(parsed)


def test_an_earlier_apply_is_named_with_its_end() -> None:
    done = {"message": "review 1", "endTime": "2026-11-26T22:01:30.000Z", "result": "succeeded"}
    assert applied_before([{"message": "else"}, done], "review 1") == (
        "This review was applied already, on 2026-11-26 22:01:30 UTC."
    )
    assert applied_before([{**done, "result": "failed"}], "review 1").endswith(
        ", on 2026-11-26 22:01:30 UTC, and failed: some of it may be done."
    )
    assert applied_before([done], "review 2") == ""


def test_a_refusal_says_what_differs_and_what_to_do() -> None:
    assert refusal("mine", ["the state"], "") == (
        "This is not what was approved, and nothing was changed. Differences:\n- the state\n"
        "`./skyinfra review -s mine` shows what would be done now."
    )


def test_a_page_contains_the_command_that_applies_it() -> None:
    assert ending("mine", "0" * LENGTH) == (
        f"Review: `{'0' * LENGTH}`\n\n`./skyinfra apply -s mine --review HASH` with this hash makes exactly "
        "the changes above, or none if anything has changed since.\n"
    )
