"""A node's entry in a stack's file: added and removed rollbacks leave every other character unchanged."""

from collections.abc import Mapping

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from display.errors import UserError
from local.stacks.node_entry import with_host, with_rollback
from settings.fields import REASON
from settings.pulumi_yaml import pulumi_values

ROLLBACK = {"digest": f"sha256:{'a' * 64}", "reason": "stops at block 5", "date": "2026-11-26T14:00:00Z"}
LINE = f'rollback: {{digest: "sha256:{"a" * 64}", reason: "stops at block 5", date: "2026-11-26T14:00:00Z"}}'
TEXT = """\
# Nodes on boards.
config:
  skycoin:nodes:
    # network: mainnet joins the Skycoin network.
    flow: {image: skycoin, host: here} # the first one
    block:
      image: skycoin  # not another one
      # on the attic
      host: attic

    # The last one.
    long: {
      image: skycoin, # as above
      host: here,
    }
  skycoin:hosts: {here: {engine: local}}
encryptionsalt: v1:abc
"""


def written(node: str, rollback: Mapping[str, str] | None = ROLLBACK, text: str = TEXT) -> str:
    return with_rollback(text, "stacks/Pulumi.mine.yaml", node, rollback)


@pytest.mark.parametrize(
    ("node", "before", "after"),
    [
        ("flow", "flow: {image", f"flow: {{{LINE}, image"),
        ("block", "block:\n      image", f"block:\n      {LINE}\n      image"),
        ("long", "long: {\n", f"long: {{{LINE},\n"),
    ],
)
def test_a_rollback_is_the_first_key_of_its_entry_and_nothing_else_changes(
    node: str, before: str, after: str
) -> None:
    assert written(node) == TEXT.replace(before, after)
    assert written(node, None, written(node)) == TEXT


@pytest.mark.parametrize("node", ["flow", "block", "long"])
def test_another_rollback_replaces_the_existing_one(node: str) -> None:
    other = {**ROLLBACK, "reason": "another one"}
    assert written(node, other, written(node)) == written(node, other)


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=REASON))
def test_every_reason_is_read_as_it_was_given(reason: str) -> None:
    for node, entry in (("flow", "{image: skycoin} # mine"), ("block", "\n      image: skycoin")):
        text = f"config:\n  skycoin:nodes:\n    {node}: {entry}\n  other: 1\n"
        edited = written(node, {**ROLLBACK, "reason": reason}, text)
        assert yaml.safe_load(edited)["config"]["skycoin:nodes"][node]["rollback"]["reason"] == reason


@pytest.mark.parametrize(
    ("entry", "left"),
    [
        (f"{{image: skycoin, {LINE}}}", "{image: skycoin}"),
        (f"{{image: skycoin, {LINE}, host: here}}", "{image: skycoin, host: here}"),
        (
            f"\n      image: skycoin\n      {LINE} # mine\n      # kept\n      host: here",
            "\n      image: skycoin\n      # kept\n      host: here",
        ),
        (
            "\n      image: skycoin\n      rollback:\n        digest: sha256:0\n        reason: none\n\n"
            "    # kept",
            "\n      image: skycoin\n\n    # kept",
        ),
    ],
    ids=["last", "in the middle", "a line", "a block"],
)
def test_a_rollback_that_was_written_by_hand_is_removed(entry: str, left: str) -> None:
    text = "config:\n  skycoin:nodes:\n    mine: {}\n  other: 1\n"
    assert written("mine", None, text.replace("{}", entry.lstrip(" "))) == text.replace("{}", left)


def test_a_node_without_a_rollback_is_not_changed() -> None:
    assert written("flow", None) == TEXT


@pytest.mark.parametrize(
    "entry",
    [
        "&two {image: skycoin}\n    other: *two",
        "*one",
        "{}",
        "!!map {image: a}",
    ],
)
def test_a_file_that_is_written_in_another_way_is_not_edited(entry: str) -> None:
    text = f"config:\n  one: &one {{a: 1}}\n  skycoin:nodes:\n    mine: {entry}\n"
    with pytest.raises(UserError) as error:
        written("mine", text=text)
    assert str(error.value) == (
        "stacks/Pulumi.mine.yaml is not changed: mine is written there in a way that this command can't "
        f"edit. Write `{LINE}` into its entry in skycoin:nodes by hand, then run `up`."
    )


@pytest.mark.parametrize("value", ["=", "0x_"])
def test_a_file_with_a_value_that_only_pulumi_can_read_is_not_edited(value: str) -> None:
    """Before, `node move` and `node rollback` ended with an internal error."""
    text = f"config:\n  a:b: {value}\n  skycoin:nodes:\n    mine: {{image: a, host: here}}\n"
    assert pulumi_values(text)["config"]["a:b"] == value
    with pytest.raises(UserError, match="is not changed: mine is written there in a way that this command"):
        written("mine", text=text)
    with pytest.raises(UserError, match=r"Write `host: there` into its entry in skycoin:nodes by hand, then"):
        with_host(text, "stacks/Pulumi.mine.yaml", "mine", "there")


def test_a_rollback_that_the_program_cannot_remove_is_left_to_the_user() -> None:
    text = f"config:\n  skycoin:nodes:\n    mine: {{image: a, {LINE} # , not this one\n      , host: b}}\n"
    with pytest.raises(UserError, match="Take the key `rollback` out of its entry in skycoin:nodes by hand"):
        written("mine", None, text)


@pytest.mark.parametrize("text", ["", "config: {}\n", "config:\n  skycoin:nodes: {mine: 1}\n"])
def test_a_node_without_an_entry_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="'mine' has no entry in skycoin:nodes"):
        written("mine", text=text)
