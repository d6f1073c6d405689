"""Causes on a review page: all that a build, a tag or a node's image can have, and where each is shown."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from pulumi.runtime.rpc import UNKNOWN

from catalogue.images import NAMED_CONTEXTS, PROJECT
from commands.review import pages
from components.contexts import read_contexts, recorded_files
from review.causes import EARLIER, SAVED, STACK_REFERENCE, UNCHANGED, UNRECORDED, Checkout
from review.changes import read_changes
from review.images import IMAGE
from review.setting_lines import BASES, SettingLines
from settings.places import StackFile
from tests.unit.command_line import Skyinfra
from tests.unit.previews import complete
from tests.unit.test_review import IMAGE as BUILT
from tests.unit.test_review import TAG, node, step

FILE = """\
config:
  skycoin:images-from: organization/skycoin/release
  skycoin:build-base: debian@sha256:1
  skycoin:images:
    skycoin:
      source:
        version: v0.27.1
        commit: abc
      arches: [amd64]
      gui: true
      build-args: {EXTRA: x}
    exporter:
      source: {path: ../exporter, version: v1}
      revision: 2
  skycoin:workspaces:
    python: {python: "3.11"}
"""
NAME = "stacks/Pulumi.mine.yaml"
HERE = Checkout(SettingLines(StackFile(NAME, FILE)), has_files=True)
SAVED_ONE = Checkout(SettingLines(StackFile(NAME, FILE)))


def component(image: str, files: dict[str, str] | None) -> dict[str, Any]:
    found = step("same", IMAGE, image, {}, {})
    found["oldState"]["outputs"] = {"tags": {}} if files is None else {"files": files}
    return found


def child(of: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    """Make a step's resource a child of a component, and return the step."""
    for state in ("oldState", "newState"):
        if state in one:
            one[state]["parent"] = of["urn"]
    return one


def build(old: Any, new: Any, *paths: str, image: str = "skycoin", op: str = "update") -> dict[str, Any]:
    return step(op, BUILT, f"{image}-amd64-image", old, new, paths)


def why(*steps: dict[str, Any], checkout: Checkout = HERE) -> list[str]:
    [rebuild] = read_changes(complete(*steps), checkout).rebuilds
    return list(rebuild.why)


def argument(image: str, name: str, old: Any, new: Any) -> list[str]:
    olds, news = ({"buildArgs": {} if value is None else {name: value}} for value in (old, new))
    return why(build(olds, news, "buildArgs", image=image))


@pytest.mark.parametrize(
    ("image", "name", "old", "new", "expected"),
    [
        ("skycoin", "EXTRA", "y", "x", f"EXTRA: y → x ({NAME}:11)"),
        ("skycoin", "GONE", "y", None, f"GONE: y → none (removed, {NAME}:11)"),
        ("skycoin", "GUI", "false", "true", f"GUI: false → true ({NAME}:10)"),
        ("skycoin", "VERSION", "1", "0.27.1", f"VERSION: 1 → 0.27.1 ({NAME}:7)"),
        ("skycoin", "LAYERS", "1", "2", f"LAYERS: 1 → 2 (a default, {NAME}:5)"),
        ("skycoin", "SOURCE_DATE_EPOCH", "0", "1", f"SOURCE_DATE_EPOCH: 0 → 1 (a default, {NAME}:6)"),
        ("skycoin", "IMAGE_FROM", "b@sha256:1", "b@sha256:2", f"IMAGE_FROM: b@1 → b@2 ({BASES})"),
        (
            "skycoin",
            "IMAGE_FROM",
            "b@sha256:1",
            UNKNOWN,
            "IMAGE_FROM: b@1 → what would be built (its base is rebuilt)",
        ),
        ("skycoin", "BUILD_FROM", "b@sha256:1", "d@sha256:1", f"BUILD_FROM: b@1 → d@1 ({NAME}:3)"),
        ("exporter", "COMMIT", "a", "b-dirty", f"COMMIT: a → b-dirty (of the working copy, {NAME}:13)"),
        ("busybox", "SHELL", "a", "b", "SHELL: a → b"),
        ("workspace-python", "PYTHON_VERSION", "3.10", "3.11", f"PYTHON_VERSION: 3.10 → 3.11 ({NAME}:16)"),
        ("workspace-base-12", "UID", "1000", "1001", "UID: 1000 → 1001"),
    ],
)
def test_an_argument_is_named_with_the_line_of_its_setting(
    image: str, name: str, old: Any, new: Any, expected: str
) -> None:
    assert argument(image, name, old, new) == [expected]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("EXTRA", f"{NAME}:3"),
        ("LAYERS", f"{NAME}:2"),
        ("GUI", f"{NAME}:5"),
        ("COMMIT", f"a default, {NAME}:2"),
    ],
)
def test_a_setting_that_entries_share_has_the_line_where_it_is_written(name: str, said: str) -> None:
    text = (
        "image: &image {\n  layers: 2, source: &source {version: v1},\n  build-args: {EXTRA: b}}\n"
        "config: {skycoin:images: {skycoin: {<<: *image,\n  gui: true}}}\n"
    )
    checkout = Checkout(SettingLines(StackFile(NAME, text)))
    one = build({"buildArgs": {name: "a"}}, {"buildArgs": {name: "b"}}, "buildArgs")
    assert why(one, checkout=checkout) == [f"{name}: a → b ({said})"]


def test_without_the_stacks_file_no_line_is_named() -> None:
    one = build({"buildArgs": {"EXTRA": "1"}}, {"buildArgs": {"EXTRA": "2"}}, "buildArgs")
    assert why(one, checkout=Checkout()) == ["EXTRA: 1 → 2"]
    official = build({"buildArgs": {"BUILD_FROM": "1"}}, {"buildArgs": {"BUILD_FROM": "2"}}, "buildArgs")
    assert why(official, checkout=Checkout()) == [f"BUILD_FROM: 1 → 2 ({BASES})"]


INPUTS = {
    "context": {"location": "./images/skycoin", "named": {"go-module": {"location": "./images/go-module"}}},
    "dockerfile": {"location": "./images/skycoin/Dockerfile"},
}
SOURCES = {"go-module": "./images/go-module"}


def recorded() -> dict[str, str]:
    return recorded_files("./images/skycoin", "./images/skycoin/Dockerfile", SOURCES, read_contexts(SOURCES))


def changed_entry_point(files: dict[str, str]) -> None:
    files["images/skycoin/docker-entrypoint.sh"] = "0"


def file_that_is_gone(files: dict[str, str]) -> None:
    files["images/skycoin/old"] = "0"


def new_file(files: dict[str, str]) -> None:
    del files["images/go-module/collect-licences"]


def everything(files: dict[str, str]) -> None:
    files.update(dict.fromkeys(files, "0"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed_entry_point, ["file `images/skycoin/docker-entrypoint.sh`"]),
        (file_that_is_gone, ["file `images/skycoin/old` (gone)"]),
        (new_file, ["file `images/go-module/collect-licences` (new)"]),
        (
            everything,
            [
                "files `images/go-module/Dockerfile`, `images/go-module/abi-gate/abi.go`, "
                f"`images/go-module/abi-gate/abis.json` and {len(recorded()) - 3} more"
            ],
        ),
        (lambda _: None, [UNCHANGED]),
    ],
    ids=["changed", "gone", "new", "many", "none"],
)
@pytest.mark.parametrize("how", ["contextHash", "buildArgs"])
def test_files_that_differ_are_reported(
    change: Callable[[dict[str, str]], None], said: list[str], how: str
) -> None:
    files = recorded()
    change(files)
    image = component("skycoin", files)
    arguments = {"buildArgs": {NAMED_CONTEXTS: "1"}} if how == "buildArgs" else {}
    if said == [UNCHANGED] and arguments:
        # The hash of the named contexts covers more than the recorded files.
        said = [UNRECORDED]
    assert why(image, child(image, build(arguments, INPUTS, how, "labels", "exports")))[: len(said)] == said


def test_the_file_of_the_complete_page_names_every_file(
    skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file once had the page's shortened causes; later, preview and files were read twice for it."""
    monkeypatch.setattr(pages.SavedPage, "checkout", HERE)
    read = Mock(wraps=read_changes)
    monkeypatch.setattr(pages, "read_changes", read)
    image = component("skycoin", dict.fromkeys(recorded(), "0"))
    given = json.dumps(complete(image, child(image, build({}, INPUTS, "contextHash"))))
    file = tmp_path / "whole.md"
    done = skyinfra("review", "-s", "mine", "--preview", "-", "--whole", str(file), given=given)
    rest = f" and {len(recorded()) - 3} more"
    assert read.call_count == 1
    assert rest in done.out
    names = ", ".join(f"`{name}`" for name in sorted(recorded()))
    [row] = [line for line in file.read_text().splitlines() if line.startswith("| skycoin | ")]
    assert f"files {names} |" in row
    assert rest not in file.read_text()


def test_a_state_of_an_earlier_version_has_no_files_to_compare() -> None:
    image = component("skycoin", None)
    own = child(image, build(INPUTS, INPUTS, "contextHash", "labels"))
    assert why(image, own) == [f"files of its folder ({EARLIER})"]
    assert why(image, own, checkout=SAVED_ONE) == [f"files of its folder ({SAVED})"]
    named = child(image, build({"buildArgs": {NAMED_CONTEXTS: "1"}}, INPUTS, "buildArgs"))
    assert why(image, named) == [f"files of its named contexts ({EARLIER})"]


def test_labels_are_named_as_a_cause_only_if_nothing_else_differs() -> None:
    labels: list[Any] = [{"labels": {"a": value}, "exports": [value]} for value in "12"]
    assert why(build(*labels, "labels.a", "exports[0].raw")) == ["labels", "exports"]
    both = build(
        {"builder": "a"}, {"builder": "b", "buildArgs": {"EXTRA": "x"}}, "builder", "labels", "exports"
    )
    assert why(both) == [f"EXTRA: none → x ({NAME}:11)", "builder: a → b"]


def test_a_build_without_a_difference_is_reported_to_be_one() -> None:
    assert why(build({}, {})) == [UNCHANGED]


def test_a_source_is_named_by_its_repository_and_commit() -> None:
    olds, news = (
        {
            "context": {
                "named": {"source": {"location": f"https://github.com/skycoin/skycoin.git#{commit * 40}"}}
            }
        }
        for commit in ("a", "b")
    )
    said = f"source: skycoin.git#aaaaaaaaaaaa → skycoin.git#bbbbbbbbbbbb ({NAME}:6)"
    assert why(build(olds, news, "context.named.source.location")) == [said]
    assert why(build(olds, {}, "context")) == [f"source: skycoin.git#aaaaaaaaaaaa → none ({NAME}:6)"]
    assert why(build(olds, olds, "context")) == [UNCHANGED]


def test_a_new_variant_and_one_that_was_removed_from_its_registry_are_distinguished() -> None:
    new = step("create", BUILT, "skycoin-amd64-image", None, {})
    gone = step("refresh", BUILT, "skycoin-amd64-image", {})
    assert why(new) == [f"new ({NAME}:9)"]
    assert why(gone, new) == ["gone from its registry"]


def written(*steps: dict[str, Any]) -> list[str]:
    [publication] = read_changes(complete(*steps), HERE).publications
    return list(publication.why)


def tags(old: Any, new: Any, *paths: str, image: str = "skycoin", op: str = "update") -> list[dict[str, Any]]:
    parent = component(image, {})
    return [parent, child(parent, step(op, TAG, "a-tag", old, new, paths))]


def variants(**refs: str) -> dict[str, Any]:
    return {"variants": [{"arch": arch, "ref": ref} for arch, ref in refs.items()]}


@pytest.mark.parametrize(
    ("old", "new", "paths", "expected"),
    [
        (variants(amd64="a"), variants(amd64="b"), ("variants[0].ref",), ["a variant has another image"]),
        (
            variants(amd64="a"),
            variants(amd64="a", arm64v8="a"),
            ("variants",),
            [f"other architectures ({NAME}:9)"],
        ),
        (variants(amd64="a"), variants(amd64=UNKNOWN), ("variants",), ["its variants are verified again"]),
        (variants(amd64="a"), variants(amd64="a"), ("points",), ["it was moved outside this stack"]),
        ({}, {}, ("failure",), ["its registry did not accept it last time"]),
        ({"optional": False}, {"optional": True}, ("optional", "annotations.a"), ["optional: false → true"]),
    ],
    ids=["image", "architectures", "verified", "moved", "failed", "input"],
)
def test_a_tag_says_why_it_is_written(
    old: Any, new: Any, paths: tuple[str, ...], expected: list[str]
) -> None:
    assert written(*tags(old, new, *paths)) == expected


def test_a_tag_of_an_image_that_is_rebuilt_says_so_and_a_new_one_where_it_is_set() -> None:
    image, moved = tags(variants(amd64="a"), variants(amd64=UNKNOWN), "variants")
    assert written(image, child(image, build({}, {})), moved) == ["image skycoin is rebuilt"]
    assert written(*tags(None, {}, op="create")) == [f"new ({NAME}:5)"]
    assert written(*tags(None, {}, image="exporter", op="create")) == [f"new ({NAME}:14)"]


def test_a_nodes_image_is_reported_to_come_from_another_stack() -> None:
    other = step("read", STACK_REFERENCE, "images", None, {"name": "organization/skycoin/release"})
    moved = node("update", {"image": "a", "memory": 1}, {"image": "b", "memory": 2}, "image", "memory")
    exporter = step(
        "replace", "skycoin:index:Exporter$docker:index/container:Container", "x", {}, {}, ("image",)
    )
    found = read_changes(complete(other, moved, exporter), HERE).restarts
    assert [cause.why for cause in found] == [
        (f"image: a → b (published by organization/skycoin/release, {NAME}:2)", "memory: 1 → 2 MiB"),
        ("image",),
    ]
    assert read_changes(complete(moved), HERE).restarts[0].why[0] == "image: a → b"


def test_a_page_of_causes_is_json_as_pulumi_writes_it() -> None:
    """The record fits into the state of every committed stack: it is plain text in UTF-8."""
    assert json.loads(json.dumps(recorded())) == recorded()
    assert all((PROJECT / path).is_file() for path in recorded())
