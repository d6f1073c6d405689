"""Each key is described in one place: the page, the schema for editors and all examples follow it."""

import json
import os
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic.fields import FieldInfo

from settings.model import Settings
from settings.partial import model_of, value_of
from settings.reading import parse
from settings.schema import file_schema, stack_schema
from settings.stack import StackSettings
from settings.words import example
from tests.unit import settings_page
from tests.unit.projects import FILES, NAMESPACE, PROJECT
from tests.unit.yaml_like import COMMIT, DIGEST, EXPORTER, REGISTRY, changed

PAGE = PROJECT / "docs" / "settings.md"
SCHEMA = PROJECT / "stacks" / "schema.json"
MODELINE = "# yaml-language-server: $schema=schema.json"
VALIDATOR = jsonschema.Draft7Validator(file_schema())
EXAMPLES = dict(settings_page.examples(stack_schema()))


def undescribed(schema: Mapping[str, Any], here: str = "") -> Iterator[str]:
    """Keys without a description, at all levels."""
    for key, one in schema.get("properties", {}).items():
        if not one.get("description"):
            yield f"{here}{key}"
        yield from undescribed(one, f"{here}{key}.")
        entry = one.get("additionalProperties")
        yield from undescribed(entry if isinstance(entry, Mapping) else {}, f"{here}{key}.NAME.")


def test_every_key_has_a_description() -> None:
    assert list(undescribed(stack_schema())) == [], "write a docstring below the field"


def test_a_key_without_a_description_is_found() -> None:
    class Inner(Settings):
        told: int = 1
        """A number."""
        not_told: int = 1

    class Outer(Settings):
        inner: dict[str, Inner]

    schema = Outer.model_json_schema()
    found = schema["$defs"]["Inner"]
    schema["properties"]["inner"]["additionalProperties"] = found
    assert list(undescribed(schema)) == ["inner", "inner.NAME.not-told"]


def test_a_description_is_a_sentence_that_stands_alone() -> None:
    """A reader of a tooltip or a table does not see the text around it."""
    opening = re.compile(r"(What|Where|Who|Those|Of|Whether|As|By|None|If)\b")
    for place in EXAMPLES:
        words = _schema_at(place)["description"]
        assert not opening.match(words), f"{place}: {words}"
        assert words.endswith("."), f"{place}: {words}"


def _schema_at(place: tuple[str, ...]) -> Mapping[str, Any]:
    """Schema of a key; its place leaves out the names of map entries."""
    schema: Mapping[str, Any] = stack_schema()
    for part in place:
        entry = schema.get("additionalProperties")
        schema = (entry if isinstance(entry, Mapping) else schema)["properties"][part]
    return schema


@pytest.mark.parametrize("file", [PAGE, SCHEMA], ids=["page", "schema"])
def test_the_page_and_the_schema_follow_from_the_models(file: Path) -> None:
    text = settings_page.page()
    if file == SCHEMA:
        text = json.dumps(file_schema(), indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.write_text(text)
    assert file.read_text() == text, "if this is meant: UPDATE_SNAPSHOTS=1 make unit"


def test_every_link_of_the_page_leads_to_a_heading_or_a_file() -> None:
    anchors = {
        settings_page.anchor(line.lstrip("# ")) for line in PAGE.read_text().splitlines() if line[:1] == "#"
    }
    stacks = (PROJECT / "docs" / "stacks.md").read_text().splitlines()
    there = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in stacks
        if line[:1] == "#"
    }
    for link in re.findall(r"\]\(([^)]+)\)", PAGE.read_text()):
        file, _, anchor = link.partition("#")
        assert not file or (PAGE.parent / file).exists(), link
        if file in ("", "stacks.md") and anchor:
            assert anchor in (there if file else anchors), link


@pytest.mark.parametrize("place", EXAMPLES, ids=".".join)
def test_the_example_of_a_key_is_valid_for_its_type_and_its_schema(place: tuple[str, ...]) -> None:
    schema, value = _schema_at(place), EXAMPLES[place]
    jsonschema.Draft202012Validator(schema).validate(value)
    model: type[Settings] = StackSettings
    for part in place[:-1]:
        model = model_of(_field(model, part)[1].annotation) or model
    value_of(model, _field(model, place[-1])[0], value)
    assert value != schema.get("default")


def _field(model: type[Settings], key: str) -> tuple[str, FieldInfo]:
    return next((name, field) for name, field in model.model_fields.items() if field.alias == key)


@pytest.mark.parametrize("name", FILES.values())
def test_editors_accept_every_committed_stack(name: str) -> None:
    text = (PROJECT / "stacks" / name).read_text()
    assert text.splitlines()[0] == MODELINE
    assert list(VALIDATOR.iter_errors(yaml.safe_load(text))) == []


def test_editors_accept_what_pulumi_and_make_up_write() -> None:
    config = {
        "aws:region": "eu-central-1",
        "pulumi:disable-default-providers": ["docker"],
        "skycoin:bases": "debian",
        "skycoin:build-base": f"registry.localhost:5443/base/build@{DIGEST}",
        "skycoin:build-ca": "local/state/ca.crt",
        "skycoin:build-secrets": {"GIT_AUTH_TOKEN": {"secure": "v1:x"}},
        "skycoin:builder": "skycoin",
    }
    whole = {"encryptionsalt": "v1:x", "secretsprovider": "passphrase", "encryptedkey": "x", "config": config}
    assert list(VALIDATOR.iter_errors(whole)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("nodez", {}),
        ("nodes.One", {"image": "skycoin", "host": "here"}),
        (
            "images.monero",
            {"source": {"path": "x", "version": "v1.0.0"}, "arches": ["amd64"], "channel": "develop"},
        ),
        ("workspaces.rust", {"arches": ["amd64"]}),
        ("registries.oci", {"kind": "oci"}),
        ("registries.local.region", "eu-central-1"),
        ("images.skycoin.source.path", "../skycoin"),
        ("images.skycoin.source.module", None),
        ("registries.local.kind", "quay"),
        ("registries.ecr", {"kind": "ecr", "account": 123456789012, "region": "eu-central-1"}),
        ("images.skycoin.arches", ["arm32v9"]),
        ("images.skycoin.arches", []),
        ("images.skycoin.chanel", "release"),
        ("images.skycoin.layers", 3),
        ("images.skycoin.source.version", "latest"),
        ("images.skycoin.source.commit", "13141d8"),
        ("hosts.attic.engine", "tcp://10.0.0.1:2375"),
        ("hosts.attic.engine", None),
        ("hosts.attic.board", "raspberry-pi-9"),
        ("nodes.one.rpc-port", 80),
        ("nodes.one.rpc-port", "6420"),
        ("nodes.one.wallet-volume", "/wallet"),
        ("nodes.one.gui", "yes please"),
        ("nodes.one.memory", 10),
        ("wallets", {"recipients": ["AGE-SECRET-KEY-1"]}),
        ("build-secrets", {"GIT_AUTH_TOKEN": "in clear"}),
    ],
)
def test_editors_refuse_a_planted_fault(path: str, value: object) -> None:
    config = {f"{NAMESPACE}{key}": one for key, one in changed({path: value}).items()}
    [error] = VALIDATOR.iter_errors({"config": config})
    place = ".".join(map(str, list(error.path)[1:]))
    assert f"{NAMESPACE}{path}".startswith(place) or place.startswith(f"{NAMESPACE}{path}.")


KEY = example(_schema_at(("wallets", "recipients")))[0]
ELIDED = {"13141d81…": COMMIT, "commit: COMMIT": f"commit: {COMMIT}", "age1…": KEY}
ELIDED |= {"40 hexadecimal digits": COMMIT}
"""Abbreviation on a page → its full form."""
IMAGES = {"exporter": EXPORTER, "registry": REGISTRY}
PAGES = [
    PROJECT / "README.md",
    *sorted((PROJECT / "docs").glob("*.md")),
    *sorted(PROJECT.glob("images/*/README.md")),
]


def yaml_examples() -> Iterator[tuple[str, str]]:
    """(place, text) of every YAML example with settings on a page."""
    for page in PAGES:
        for found in re.finditer(r"^( *)```yaml\n(.*?)^ *```$", page.read_text(), re.M | re.S):
            if NAMESPACE in found[2]:
                line = page.read_text().count("\n", 0, found.start()) + 1
                yield f"{page.relative_to(PROJECT)}:{line}", textwrap.dedent(found[2])


def test_pages_have_examples() -> None:
    assert len(list(yaml_examples())) >= 5


def merged(under: Any, over: Any) -> Any:
    if isinstance(under, dict) and isinstance(over, dict):
        return {**under, **{key: merged(under.get(key), one) for key, one in over.items()}}
    return over


@pytest.mark.parametrize(
    ("where", "text"), list(yaml_examples()), ids=[where for where, _ in yaml_examples()]
)
def test_an_example_is_valid_for_the_program_and_for_editors(where: str, text: str) -> None:
    """An example may be partial; the rest is taken from the valid stack of the tests of settings."""
    for elided, whole in ELIDED.items():
        text = text.replace(elided, whole)
    config = yaml.safe_load(text)
    config = config.get("config", config)
    under = changed({"nodes": None} if f"{NAMESPACE}nodes" in config else {})
    under["images"] |= IMAGES
    under["images"] = {name: {**image, "registries": ["local"]} for name, image in under["images"].items()}
    raw = merged(under, {key.removeprefix(NAMESPACE): one for key, one in config.items()})
    parse(raw)
    assert (
        list(VALIDATOR.iter_errors({"config": {f"{NAMESPACE}{key}": one for key, one in raw.items()}})) == []
    )
