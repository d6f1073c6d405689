"""YAML as Pulumi reads it, compared with values from its CLI; PyYAML reads most of them differently."""

import json

import pytest

from review.unjudged import of_stack
from settings.pulumi_yaml import YamlMismatchError, pulumi_text, pulumi_values
from tests.unit.yaml_scalars import READ, REFUSED


@pytest.mark.parametrize(("written", "given"), READ.items(), ids=repr)
def test_a_value_is_read_as_pulumi_passes_it_on(written: str, given: str) -> None:
    value = pulumi_values(f"config:\n  skycoin:key: {written}\n")["config"]["skycoin:key"]
    said = pulumi_text(value)
    assert (json.loads(said) if given[:1] in ("[", "{") else said) == (
        json.loads(given) if given[:1] in ("[", "{") else given
    )


@pytest.mark.parametrize(("written", "said"), REFUSED.items(), ids=repr)
@pytest.mark.parametrize("is_nested", [False, True], ids=["top", "nested"])
def test_a_value_that_pulumi_passes_on_differently_is_refused_with_its_key_and_line(
    written: str, said: str, is_nested: bool
) -> None:
    value = f"\n    - a\n    - {{b: {written}}}" if is_nested else f" {written}"
    with pytest.raises(YamlMismatchError) as refused:
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
            ["the file, line 1: the key a is given twice, which Pulumi refuses: leave one out"],
        ),
        (
            "config:\n  1: a\n  '1': b\n  2026-11-27: c\n",
            [
                "config, line 2: the key 1 is given twice, which Pulumi refuses: leave one out",
                "config, line 4: a date, which Pulumi passes on in another form: put it in quotes",
            ],
        ),
        ("~: 1\n", ["the file, line 1: a key must be text: put it in quotes"]),
        ("[a]: 1\n", ["the file, line 1: a key must be text: put it in quotes"]),
        (
            ".inf\n",
            ["the file, line 1: a number that Pulumi can't pass on: give another one"],
        ),
    ],
    ids=["twice", "of-other-types", "null", "list", "no-mapping"],
)
def test_keys_that_pulumi_refuses_or_writes_differently_are_refused(text: str, faults: list[str]) -> None:
    with pytest.raises(YamlMismatchError) as refused:
        pulumi_values(text)
    assert list(refused.value.faults) == faults


def test_keys_of_a_yaml_merge_are_read_and_may_be_overridden() -> None:
    text = "x: &x {a: on, b: 1}\ny: {b: 2, <<: *x}\n"
    assert pulumi_values(text) == {"x": {"a": "on", "b": 1}, "y": {"a": "on", "b": 2}}


def test_an_empty_file_has_no_value() -> None:
    assert pulumi_values("# nothing\n") is None


@pytest.mark.parametrize(
    "text",
    [
        "config:\n  a:\n    channel: release\n    !!merge build-args: {channel: edge}\n",
        "config:\n  a: {b: 1}\n  !!merge c: {}\n",
        "config:\n  !<tag:yaml.org,2002:merge> c: {}\n",
        "%TAG ! tag:yaml.org,2002:\n---\nconfig:\n  !merge c: {}\n",
        "x: &k !!merge ba\nconfig: {*k : {}}\n",
        "!!merge config: {}\n",
        "config: {a: {'<<': {b: 1}}}\n",
        "config: {a: {!!str <<: {b: 1}}}\n",
        "config: {a: <<}\n",
    ],
)
def test_a_yaml_merge_that_pulumi_reads_differently_is_refused(text: str) -> None:
    """PyYAML merges all keys with the tag, Pulumi a plain `<<`, and a quoted one when it re-reads it."""
    with pytest.raises(YamlMismatchError):
        pulumi_values(text)


@pytest.mark.parametrize("key", ["1e6", "21000000.0", "1000000.5", "-1e6"])
def test_a_key_that_pulumi_writes_with_an_exponent_is_refused(key: str) -> None:
    with pytest.raises(YamlMismatchError, match="a number, which Pulumi passes on in another form"):
        pulumi_values(f"config: {{{key}: a}}\n")


def test_a_large_whole_number_is_a_key() -> None:
    assert pulumi_values("{21000000: a}") == {"21000000": "a"}


@pytest.mark.parametrize("text", ['config: {"a\\ud800": 1}\n', 'config: {a: "\\ud800"}\n'])
def test_half_a_character_is_refused_with_a_printable_message(text: str) -> None:
    with pytest.raises(YamlMismatchError, match="half of a surrogate pair") as refused:
        pulumi_values(text)
    str(refused.value).encode()


def test_many_errors_about_long_keys_are_shortened() -> None:
    """Before, a file of 118 kB led to 200 MB of messages."""
    dates = "".join(f"    k{number}: 2026-11-27\n" for number in range(2000))
    with pytest.raises(YamlMismatchError) as refused:
        pulumi_values(f"config:\n  ? {'x' * 100_000}\n  :\n{dates}")
    assert len(refused.value.faults) == 20
    assert len(str(refused.value)) < 5000


def test_a_file_too_deep_to_compare_is_reported_and_not_taken_as_unchanged() -> None:
    """Aliases nest the values deeper than the text shows."""
    deep = ["k0: &a0 1"]
    deep += [f"k{n}: &a{n} {'[' * 100}*a{n - 1}{']' * 100}" for n in range(1, 19)]
    assert of_stack("mine", "main", {"mine": "config: {}\n"}, "\n".join(deep) + "\n") == [
        "Which settings of the file differ is unknown: its values are nested too deeply."
    ]


def test_a_number_with_more_digits_than_python_reads_is_text() -> None:
    """It raised an error of Python, without a message for users."""
    assert pulumi_values(f"a: {'9' * 5000}") == {"a": "9" * 5000}
