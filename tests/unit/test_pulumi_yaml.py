"""YAML as Pulumi reads it, by values that its CLI gave; Python's reader takes others from most of them."""

import json

import pytest

from settings.pulumi_yaml import OtherwiseError, pulumi_text, pulumi_values
from tests.unit.yaml_scalars import READ, REFUSED


@pytest.mark.parametrize(("written", "given"), READ.items(), ids=repr)
def test_a_value_is_what_pulumi_hands_on(written: str, given: str) -> None:
    value = pulumi_values(f"config:\n  skycoin:key: {written}\n")["config"]["skycoin:key"]
    said = pulumi_text(value)
    assert (json.loads(said) if given[:1] in ("[", "{") else said) == (
        json.loads(given) if given[:1] in ("[", "{") else given
    )


@pytest.mark.parametrize(("written", "said"), REFUSED.items(), ids=repr)
@pytest.mark.parametrize("is_nested", [False, True], ids=["top", "nested"])
def test_a_value_that_pulumi_hands_on_otherwise_is_refused_with_its_key_and_line(
    written: str, said: str, is_nested: bool
) -> None:
    value = f"\n    - a\n    - {{b: {written}}}" if is_nested else f" {written}"
    with pytest.raises(OtherwiseError) as refused:
        pulumi_values(f"config:\n  skycoin:key:{value}\n")
    [fault] = refused.value.faults
    place = "skycoin:key[1].b, line 4: " if is_nested else "skycoin:key, line 2: "
    assert fault.startswith(f"{place}{said}")
    assert fault.endswith(("put it in quotes", "leave it out", "give another one"))


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (
            "a: 1\na: 2\n",
            ["the file, line 1: the key a is there twice, which Pulumi refuses: leave one out"],
        ),
        (
            "config:\n  1: a\n  '1': b\n  2026-11-27: c\n",
            [
                "config, line 2: the key 1 is there twice, which Pulumi refuses: leave one out",
                "config, line 4: a date, which Pulumi hands on in another form: put it in quotes",
            ],
        ),
        ("~: 1\n", ["the file, line 1: a key is no text: put it in quotes"]),
        ("[a]: 1\n", ["the file, line 1: a key is no text: put it in quotes"]),
        (".inf\n", ["the file, line 1: no number that Pulumi can hand on: give another one"]),
    ],
    ids=["twice", "of-other-types", "null", "list", "no-mapping"],
)
def test_keys_that_pulumi_refuses_or_writes_otherwise_are_refused(text: str, faults: list[str]) -> None:
    with pytest.raises(OtherwiseError) as refused:
        pulumi_values(text)
    assert list(refused.value.faults) == faults


def test_what_is_merged_is_read_and_may_be_said_again() -> None:
    text = "x: &x {a: on, b: 1}\ny: {b: 2, <<: *x}\n"
    assert pulumi_values(text) == {"x": {"a": "on", "b": 1}, "y": {"a": "on", "b": 2}}


def test_an_empty_file_has_no_value() -> None:
    assert pulumi_values("# nothing\n") is None
