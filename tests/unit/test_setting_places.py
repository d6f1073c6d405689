"""Errors of settings: all at once, each with its place in the stack's file, and without secrets."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from settings.places import StackFile, read_stack_file, yaml_fault
from settings.pulumi_yaml import pulumi_values
from settings.reading import SettingsError, parse, read_settings
from settings.words import allowed, did_you_mean, example, nearest, sentence, yaml_of
from tests.unit.projects import PROJECT
from tests.unit.yaml_like import as_pulumi_gives_it, changed

STACK = """\
# yaml-language-server: $schema=schema.json
config:
  aws:region: eu-central-1
  skycoin:bases: alpine
  skycoin:registries:
    local: {kind: local}
  skycoin:hosts:
    here: {engine: local}
    attic:
      engine: "tcp://10.0.0.1"
      memory: 64 # MiB
  skycoin:images:
    skycoin:
      source: {module: github.com/skycoin/skycoin, version: v0.27.1}
      arches:
        - amd64
        - arm32v9
      channel: release
  skycoin:nodes:
    one: {image: skycoin, host: here, rpc-prot: 7000, gui: true}
    two: {image: skycoin, host: atic, args: [-verify-db, --], gui: false}
    Three: {image: skycoin, host: here, rpc-port: 7001}
"""


def config_of(text: str) -> dict[str, Any]:
    config = yaml.safe_load(text)["config"]
    return {key.removeprefix("skycoin:"): one for key, one in config.items() if key.startswith("skycoin:")}


def said(text: str, raw: Mapping[str, Any] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(config_of(text) if raw is None else raw, StackFile("stacks/Pulumi.mine.yaml", text))
    return str(caught.value).splitlines()


def places(text: str) -> list[tuple[str, str]]:
    """(place, marked text) of each error that has a place."""
    found, lines = [], said(text)
    for number, line in enumerate(lines):
        if line.startswith("    stacks/Pulumi.mine.yaml:") and "not shown" not in line:
            shown, mark = lines[number + 1], lines[number + 2]
            start = mark.index("^")
            found.append((line.strip().rpartition("yaml:")[2], shown[start : start + mark.count("^")]))
    return found


def test_every_error_is_marked_where_it_is() -> None:
    assert sorted(places(STACK), key=lambda place: [int(number) for number in place[0].split(":")]) == [
        ("4:18", "alpine"),
        ("10:15", '"tcp://10.0.0.1"'),
        ("14:16", "module"),
        ("17:11", "arm32v9"),
        ("20:39", "rpc-prot"),
        ("21:33", "atic"),
        ("21:39", "args"),
        ("22:5", "Three"),
    ]


def test_an_error_is_a_line_a_place_and_a_mark() -> None:
    lines = said(STACK)
    at = next(number for number, line in enumerate(lines) if "rpc-prot" in line)
    assert lines[at].startswith(
        "  - skycoin:nodes.one.rpc-prot: unknown key (value 7000); did you mean rpc-port? Allowed here: "
    )
    assert lines[at + 1 : at + 4] == [
        "    stacks/Pulumi.mine.yaml:20:39",
        "    20 |     one: {image: skycoin, host: here, rpc-prot: 7000, gui: true}",
        "       |                                       ^^^^^^^^",
    ]


def test_the_page_shows_every_message() -> None:
    text = (
        "config:\n  skycoin:images-from: organization/skycoin/release\n  skycoin:hosts:\n"
        "    attic: {engine: 'ssh://pi@attic.lan'}\n"
        "    shed: {engine: 'ssh://pi@shed.lan', board: raspberry-pi4}\n"
        "  skycoin:nodes:\n"
        "    attic: {image: skycoin, host: attic, rpc-prot: 6421}\n"
        "    shed: {image: skycoin, host: shed, memory: 1GB}\n"
    )
    answer = re.sub(r"(here: image, tag|one of raspberry-pi-zero), .*", r"\1, …", "\n".join(said(text)))
    assert f"```\n{answer}\n```" in (PROJECT / "docs" / "stacks.md").read_text()


def test_a_value_that_is_not_from_the_file_has_no_place() -> None:
    """Values of another `--config-file`, and defaults, are not from the file."""
    elsewhere = changed(
        {"nodes.one.rpc-port": 80, "hosts.attic.engine": "x", "registries.local.kind": "quay"}
    )
    lines = said(STACK, elsewhere)
    assert len(lines) == 4
    assert not [line for line in lines if "yaml:" in line]


def test_other_kinds_of_entries_and_lengths_are_not_from_the_file() -> None:
    text = STACK.replace("one: {image: skycoin, host: here, rpc-prot: 7000, gui: true}", "one: [1, 2]")
    for value in ([1, 2, 3], [], "x", {"image": "skycoin"}, 5):
        raw = changed({"nodes": {"one": value, "two": 5}})
        assert not [line for line in said(text, raw) if "yaml:" in line], value


@pytest.mark.parametrize("given", [5, {"x": []}, {"x": 5}, {}])
def test_a_value_nested_deeper_than_the_given_value_has_no_place(given: object) -> None:
    file = StackFile("x", "config:\n  skycoin:bases: {x: [1]}\n")
    assert file.place("skycoin:bases.x[0]: no", {"bases": given}) == []


def test_a_value_that_pulumi_gives_as_text_is_found_in_the_file() -> None:
    text = "config:\n  skycoin:builder: 5\n  skycoin:bases: 7\n"
    file = StackFile("stacks/Pulumi.mine.yaml", text)
    assert file.place("skycoin:bases: no", {"bases": "7"})[0] == "stacks/Pulumi.mine.yaml:3:18"
    assert file.place("skycoin:bases: no", {"bases": 7})[0] == "stacks/Pulumi.mine.yaml:3:18"
    assert file.place("skycoin:bases: no", {"bases": "8"}) == []
    assert file.place("skycoin:nothing: no", {"nothing": "8"}) == []


def test_a_value_that_pyyaml_would_not_read_is_found_in_the_file() -> None:
    """The 31st of November and `=` are text to Pulumi, and were errors without a message for users."""
    text = "config:\n  skycoin:bases: =\n  skycoin:build-base: 2020-11-31\n"
    raw = {"bases": "=", "build-base": "2020-11-31"}
    found = [line.strip() for line in said(text, raw) if line.startswith("    stacks/")]
    assert found == ["stacks/Pulumi.mine.yaml:2:18", "stacks/Pulumi.mine.yaml:3:23"]
    said(text, {"bases": "other", "build-base": "another"})


@pytest.mark.parametrize("text", ["", "a: b", "- a", "config: 5", "config:\n\t- a", "config: {"])
def test_a_file_of_another_form_has_no_places(text: str) -> None:
    assert StackFile("x", text).place("skycoin:bases: no", {"bases": "7"}) == []


def test_an_index_that_the_file_lacks_is_the_list() -> None:
    text = "config:\n  skycoin:wallets: {recipients: [a]}\n"
    file = StackFile("x", text)
    raw = {"wallets": {"recipients": ["a"]}}
    assert file.place("skycoin:wallets.recipients[0]: no", raw)[0] == "x:2:34"
    assert file.place("skycoin:wallets.recipients[3]: no", raw)[0] == "x:2:33"
    assert file.place("skycoin:wallets.recipients.a: no", raw)[0] == "x:2:33"


def test_a_name_with_dots_is_found() -> None:
    text = 'config:\n  skycoin:nodes:\n    a: {host: x}\n    a.b: {host: "y"}\n'
    file = StackFile("x", text)
    raw = config_of(text)
    assert file.place("skycoin:nodes.a.b.host: no", raw)[0] == "x:4:17"
    assert file.place("skycoin:nodes.a.host: no", raw)[0] == "x:3:15"


def test_a_long_line_is_cut_and_a_value_of_many_lines_marked_on_its_first() -> None:
    text = f'config:\n  skycoin:nodes: {{{"x" * 80}: 1, one: {{image: "a\n      b"}}, {"y" * 80}: 2}}\n'
    where, shown, mark = StackFile("x", text).place(
        "skycoin:nodes.one.image: no", {"nodes": {"x" * 80: 1, "one": {"image": "a b"}, "y" * 80: 2}}
    )
    assert where == "x:2:117"
    assert shown.startswith("2 | …xxx")
    assert shown[mark.index("^") :] == '"a'
    assert mark.count("^") == 2


RECIPIENT = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
SECRETS = [
    'skycoin:build-secrets: {A: canary, "b c": canary}',
    "skycoin:nodes: {one: {image: skycoin, host: here, rpc-port: 80, args: [-my-token, canary]}}",
    "skycoin:nodes: {one: {image: skycoin, host: here, rpc-port: 80}} # password: canary",
    "skycoin:nodes: {one: {image: skycoin, host: here, rpc-port: 80, my-token: canary}}",
    "skycoin:nodes:\n    one: {my-token:\n      canary, rpc-port: 80, image: skycoin, host: here}",
    "skycoin:images: {skycoin: {build-args: {A: canary}, layers: 3}}",
    'skycoin:images: {skycoin: {source: {git: "https://me:canary@x/y", version: 5}}}',
    'skycoin:nodes: {one: {args: ["-web-interface-password", 4711]}}',
    "skycoin:nodes:\n    one:\n      args:\n        - -web-interface-password\n        - [canary]",
    "skycoin:registries: {local: {kind: quay, password: [canary]}}",
]


@pytest.mark.case(27)
@pytest.mark.parametrize("text", SECRETS)
def test_no_line_that_may_hold_a_secret_is_shown(text: str) -> None:
    whole = f"config:\n  {text}\n"
    lines = said(whole)
    assert "canary" not in "\n".join(lines)
    assert "4711" not in "\n".join(lines)
    assert [line for line in lines if line.endswith("(the line is not shown: it may hold a secret)")]


def test_the_stacks_file_is_read_besides_pulumis_configuration(tmp_path: Path) -> None:
    file = tmp_path / "stacks" / "Pulumi.mine.yaml"
    assert read_stack_file(file) is None
    file.parent.mkdir()
    file.write_text(STACK)
    with pytest.raises(SettingsError) as caught:
        read_settings(as_pulumi_gives_it(config_of(STACK)), (), file)
    assert "    stacks/Pulumi.mine.yaml:4:18" in str(caught.value).splitlines()


def faults(changes: Mapping[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(changed(changes))
    return caught.value.faults


def test_errors_between_entries_come_with_those_of_values() -> None:
    """Before, they were reported only in a second run, once all values were valid."""
    found = faults(
        {
            "nodes.one.rpc-port": 80,
            "nodes.two.host": "atic",
            "nodes.Three": {"image": "skycoin", "host": "here", "rpc-port": 7000},
            "images.skycoin.repository": "Sky",
        }
    )
    assert [fault.partition(": ")[0] for fault in found] == [
        "skycoin:images.skycoin.repository",
        "skycoin:nodes.one.rpc-port",
        "skycoin:nodes",
        "skycoin:nodes.two.host",
    ]
    assert found[3].endswith("is not in skycoin:hosts; defined hosts: here, attic; did you mean attic?")


@pytest.mark.parametrize(
    ("entry", "between", "wrong", "said"),
    [
        (
            "registries.local",
            {"kind": "hub", "region": "eu-west-1"},
            {"namespace": 5},
            "region is not allowed",
        ),
        (
            "registries.local",
            {"kind": "ecr", "memory": 256},
            {"region": 5},
            "not allowed; account is missing; ",
        ),
        (
            "registries.local",
            {"kind": "oci", "readers-port": 5001},
            {"adress": "a.lan"},
            "port is not allowed; a",
        ),
        ("registries.local", {"address": "docker.io"}, {"optional": 5}, "docker.io is not of this machine"),
        ("images.skycoin", {"channel": "develop", "revision": 2}, {"layers": 5}, "needs channel release"),
        ("images.skycoin", {"arches": ["amd64", "amd64"]}, {"gui": "x"}, "arches names amd64 more than once"),
        (
            "images.skycoin.source",
            {"git": "https://example.org/x.git"},
            {"version": 5},
            "give exactly one of",
        ),
        ("images.skycoin.source", {"commit": None}, {"branch": 5}, "module needs commit"),
        ("hosts.attic", {"board": "raspberry-pi-zero"}, {"memory": "x"}, "arch arm32v7 does not run on"),
        ("hosts.attic", {"ssh-options": ["-F", "x"]}, {"engine": 5}, "ssh-options: '-F' is not allowed"),
        ("hosts.here", {"ssh-options": ["-p", "22"]}, {"memory": "x"}, "ssh-options need an ssh:// engine"),
        ("nodes.two", {"args": ["-gui-dir=x"]}, {"peer-port": "x"}, "args: "),
        ("nodes.two", {"api-sets": ["TXN"]}, {"peer-port": "x"}, "api-sets: the node needs READ or STATUS"),
        ("wallets", {"recipients": [RECIPIENT] * 2}, {"backup-age": 0}, f"recipients names {RECIPIENT} more"),
    ],
)
def test_errors_between_keys_come_with_those_of_values(
    entry: str, between: dict[str, Any], wrong: dict[str, Any], said: str
) -> None:
    """Before, they were reported only in a second run, once all values of the entry were valid."""
    values = {f"{entry}.{key}": value for key, value in wrong.items()}
    of_value, *_ = faults(values)
    found = faults({f"{entry}.{key}": value for key, value in between.items()} | values)
    assert found[0] == of_value
    assert [fault for fault in found[1:] if fault.startswith(f"skycoin:{entry}: ") and said in fault]
    assert len(found) == 2


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"hosts.attic.engine": "x"}, "skycoin:hosts.attic.engine"),
        ({"hosts.attic": 5}, "skycoin:hosts.attic"),
        ({"registries.local": {"kind": "oci"}}, "skycoin:registries.local"),
        ({"registries.local": {"kind": "quay"}}, "skycoin:registries.local.kind"),
        ({"registries": 5}, "skycoin:registries"),
        ({"images.skycoin.arches": ["x"]}, "skycoin:images.skycoin.arches[0]"),
        ({"images.skycoin.channel": "x"}, "skycoin:images.skycoin.channel"),
        (
            {"images.skycoin.source": {"git": "https://example.org/x.git", "commit": "a" * 40}},
            "skycoin:images.skycoin.source.version",
        ),
        (
            {"nodes.one.network": "x", "nodes.two.host": "here", "nodes.two.rpc-port": 1025},
            "skycoin:nodes.one.network",
        ),
        (
            {"nodes.two.rpc-prot": 7000, "nodes.two.host": "here", "hosts.attic": None},
            "skycoin:nodes.two.rpc-prot",
        ),
        ({"nodes.two.imgae": "skycoin", "nodes.two.image": None}, "skycoin:nodes.two.imgae"),
        (
            {"hosts": None, "hostz": {"here": {"engine": "local"}, "attic": {"engine": "local"}}},
            "skycoin:hostz",
        ),
        ({"hosts.here.memory": 1, "nodes.one.memory-reservation": 3000}, "skycoin:hosts.here.memory"),
        ({"nodes.one.args": ["x"], "nodes.one.rpc-port": 7000}, "skycoin:nodes.one"),
        ({"rollout": {"first": 5}}, "skycoin:rollout.first"),
        ({"rollout": {"first": "attic", "waves": []}}, "skycoin:rollout.waves"),
    ],
)
def test_one_typo_is_one_error(changes: dict[str, Any], key: str) -> None:
    """Values that depend on the wrong one are not reported as wrong too."""
    [fault] = faults(changes)
    assert fault.startswith(f"{key}: ")


BREAKS: list[tuple[str, Any]] = [
    ("nodes.one.rpc-port", 80),
    ("nodes.one.host", 5),
    ("nodes.two.image", []),
    ("nodes.two.args", ["x"]),
    ("hosts.attic.engine", "x"),
    ("hosts.here.board", "x"),
    ("hosts.attic.board", "raspberry-pi-zero"),
    ("images.skycoin.source.version", "x"),
    ("images.skycoin.arches", []),
    ("images.skycoin.registries", "local"),
    ("registries.local.kind", "quay"),
    ("registries.local.optional", "x"),
    ("bases", "x"),
    ("build-secrets", {"A": 5}),
]


@given(st.lists(st.sampled_from(BREAKS), min_size=1, max_size=5, unique_by=lambda one: one[0]))
def test_broken_values_of_a_valid_stack_are_the_only_errors(breaks: list[tuple[str, Any]]) -> None:
    """Whichever values are broken, nothing else is reported as wrong."""
    found = {fault.partition(": ")[0] for fault in faults(dict(breaks))}
    entries = {f"skycoin:{path}" for path, _ in breaks}
    assert all(any(key.startswith(entry) or entry.startswith(key) for entry in entries) for key in found)
    assert len(found) >= len({path.split(".")[1] if "." in path else path for path, _ in breaks}) > 0


@pytest.mark.parametrize(
    ("given", "names", "meant"),
    [
        ("atic", ["attic", "here"], "attic"),
        ("Attic", ["attic", "here"], "attic"),
        ("rpc-prot", ["rpc-port", "peer-port"], "rpc-port"),
        ("wallet", ["new-wallet", "wallet-volume"], None),
        ("arm32v9", ["arm32v5", "arm32v6"], None),
        ("attic", [], None),
    ],
)
def test_the_most_similar_name_is_suggested(given: str, names: list[str], meant: str | None) -> None:
    assert nearest(given, names) == meant
    assert did_you_mean(given, names) == (f"; did you mean {meant}?" if meant else "")


@pytest.mark.parametrize(
    ("schema", "given", "words"),
    [
        ({"type": "boolean"}, 5, "must be true or false"),
        ({"type": "integer", "minimum": 1, "maximum": 9}, "x", "must be a whole number from 1 to 9"),
        ({"type": "integer", "minimum": 1, "unit": "MiB"}, 0, "must be a whole number of MiB, 1 or more"),
        ({"type": "string", "enum": ["3.9", "a"]}, 3.9, 'must be one of "3.9", a'),
        ({"type": "string", "allowed": "a file"}, "", "must be a file"),
        ({"type": "string", "allowed": "a file"}, [], "must be text (a file)"),
        ({"type": "string"}, 5, "must be text; a number needs quotes"),
        ({"type": "string"}, True, "must be text; true and false need quotes"),
        ({}, 5, "must be text"),
        ({"type": "object", "properties": {"a": {}, "b": {}}}, 5, "must be an entry with the keys a, b"),
        ({"type": "object"}, 5, "must have an entry for each name, NAME: VALUE"),
        (
            {"type": "array", "items": {"type": "string", "examples": ["x"]}},
            5,
            "must be a list, such as [x]; each entry is text",
        ),
        (
            {"type": "array", "minItems": 1, "items": {"enum": ["x", "y"]}},
            5,
            "must be a list with at least one entry, such as [x]; each entry is one of x, y",
        ),
    ],
)
def test_the_values_that_a_schema_accepts_are_reported_in_words(
    schema: Mapping[str, Any], given: Any, words: str
) -> None:
    assert sentence(schema, given) == words
    assert words.endswith(allowed(schema)) or "text" in words


def test_an_example_is_not_the_default() -> None:
    assert example({"type": "boolean", "default": False}) is True
    assert example({"enum": ["a", "b"], "default": "a"}) == "b"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ("3.9", '"3.9"'),
        ("a, b", '"a, b"'),
        ("2020-11-31", '"2020-11-31"'),
        ("a: [", '"a: ["'),
        (["1:1", 5], '["1:1", 5]'),
        ({"a": True}, "{a: true}"),
    ],
)
def test_a_value_is_shown_as_yaml_reads_it(value: Any, text: str) -> None:
    assert yaml_of(value) == text
    assert yaml.safe_load(text) == json.loads(json.dumps(value))


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        (("bases",), ("f:4", 1)),
        (("images", "skycoin", "source", "version"), ("f:14", 4)),
        (("images", "skycoin", "gui"), ("f:13", 2)),
        (("images", "skycoin", "arches", "amd64"), ("f:15", 3)),
        (("workspaces", "cli"), ("f", 0)),
    ],
    ids=["setting of the stack", "in braces", "not there", "below a list", "nothing of it"],
)
def test_the_line_of_a_setting_is_that_of_its_deepest_existing_key(
    keys: tuple[str, ...], found: tuple[str, int]
) -> None:
    assert StackFile("f", STACK).line(keys) == found


def test_a_file_that_is_not_yaml_has_no_lines() -> None:
    assert StackFile("f", "config: [").line(("images",)) == ("f", 0)


SHARED = """\
image: &image
  channel: release
  source: &source
    version: v0.27.1
  gui: &gui true
config:
  skycoin:images:
    own: {<<: *image, gui: false}
    late:
      gui: false
      <<: *image
    both:
      <<: [{layers: 3}, {layers: 4, revision: 1}, *image]
    whole: *image
    of-scalars:
      gui: *gui
      source:
        <<: *source
        version: v0.27.0
    quoted: {"<<": {layers: 3}}
    wrong:
      <<: [5]
      layers: 3
  <<: {skycoin:bases: official, skycoin:images: {own: {}}}
"""


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        (("images", "own", "gui"), ("f:8", 3)),
        (("images", "own", "channel"), ("f:2", 3)),
        (("images", "own", "source", "version"), ("f:4", 4)),
        (("images", "late", "gui"), ("f:10", 3)),
        (("images", "both", "layers"), ("f:13", 3)),
        (("images", "both", "revision"), ("f:13", 3)),
        (("images", "both", "channel"), ("f:2", 3)),
        (("images", "whole", "channel"), ("f:2", 3)),
        (("images", "whole", "layers"), ("f:1", 2)),
        (("images", "of-scalars", "gui"), ("f:5", 3)),
        (("images", "of-scalars", "source", "version"), ("f:19", 4)),
        (("images", "quoted", "layers"), ("f:20", 2)),
        (("images", "wrong", "layers"), ("f:23", 3)),
        (("bases",), ("f:24", 1)),
    ],
)
def test_the_line_of_a_shared_value_is_where_it_is_written(
    keys: tuple[str, ...], found: tuple[str, int]
) -> None:
    """Own keys win, then the first merged mapping, as in Pulumi 3.259 and PyYAML."""
    assert StackFile("f", SHARED).line(keys) == found


def test_an_error_in_a_shared_value_is_marked_where_it_is_written() -> None:
    text = SHARED.replace("wrong:\n      <<: [5]", "right:")
    raw = config_of(text)
    file = StackFile("f", text)
    assert file.place("skycoin:images.own.gui: no", raw)[0] == "f:8:28"
    assert file.place("skycoin:images.late.channel: no", raw)[0] == "f:2:12"
    assert file.place("skycoin:images.both.layers: no", raw)[0] == "f:13:21"
    assert file.place("skycoin:images.of-scalars.gui: no", raw)[0] == "f:5:8"
    assert file.place("skycoin:images.of-scalars.source.version: no", raw)[0] == "f:19:18"
    assert (
        file.place("skycoin:images.own.channel.x: no", changed({"images": {"own": {"channel": "x"}}})) == []
    )


@pytest.mark.case(27)
def test_a_secret_in_a_shared_value_is_not_shown() -> None:
    text = (
        "x: &args {A: canary, layers: 3}\nconfig:\n  skycoin:images: {one: {build-args: *args, <<: *args}}\n"
    )
    raw = {"images": {"one": {"build-args": {"A": "canary", "layers": 3}, "A": "canary", "layers": 3}}}
    shown = StackFile("f", text).place("skycoin:images.one.layers: no", raw)
    assert shown == ["f:1:30 (the line is not shown: it may hold a secret)"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "config:\n  skycoin:hosts: here: {}\n",
            """\
mapping values are not allowed here
    stacks/Pulumi.local.yaml:2:22
    2 |   skycoin:hosts: here: {}
      |                      ^""",
        ),
        (
            "config:\n  a: [1\n",
            "while parsing a flow sequence: expected ',' or ']', but got '<stream end>'\n"
            "    stacks/Pulumi.local.yaml:3:1\n    3 |\n      | ^",
        ),
        (
            "config:\n  password: a: b\n",
            "mapping values are not allowed here\n"
            "    stacks/Pulumi.local.yaml:2:14 (the line is not shown: it may hold a secret)",
        ),
        ("a: \x01\n", "unacceptable character #x0001: special characters are not allowed in"),
    ],
)
def test_a_file_that_is_not_yaml_is_reported_with_its_place(text: str, fault: str) -> None:
    """The place was “in "<unicode string>", line 2, column 22”."""
    with pytest.raises(yaml.YAMLError) as raised:
        pulumi_values(text)
    message = yaml_fault("stacks/Pulumi.local.yaml", text, raised.value)
    assert message.startswith(f"stacks/Pulumi.local.yaml is not valid YAML: {fault}")
