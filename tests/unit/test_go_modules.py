"""Go modules: what differs, and programs that have the same ones in several variants."""

import time
from pathlib import Path
from typing import Any

import pytest

from catalogue.go_modules import Difference, by_program, differences, replaces, required
from components.contexts import required_modules

CRYPTO, TEXT = "golang.org/x/crypto", "golang.org/x/text"


def test_modules_that_differ_are_named_by_path_and_others_are_not() -> None:
    found = [*differences({TEXT: "0.1.0", CRYPTO: "1", "a": "1"}, {TEXT: "0.2.0", "b": "2", "a": "1"})]
    assert found == [
        Difference(module="b", before="", after="2"),
        Difference(module=CRYPTO, before="1", after=""),
        Difference(module=TEXT, before="0.1.0", after="0.2.0"),
    ]
    assert [one.text for one in found] == [
        "b 2 is new",
        f"{CRYPTO} 1 is gone",
        f"{TEXT} 0.1.0 → 0.2.0",
    ]


def test_a_program_with_the_same_modules_in_several_variants_is_there_once() -> None:
    cli, node = {"cli": {"a": "1"}}, {"node": {"a": "1"}}
    variants: dict[str, Any] = {
        "amd64": {**node, **cli},
        "arm32v6": {"node": {"a": "2"}},
        "arm32v7": node,
        "arm64v8": None,
    }
    assert by_program(variants) == [
        {"program": "cli", "variants": ["amd64"], "modules": {"a": "1"}},
        {"program": "node", "variants": ["amd64", "arm32v7"], "modules": {"a": "1"}},
        {"program": "node", "variants": ["arm32v6"], "modules": {"a": "2"}},
    ]


def test_the_modules_of_an_image_are_those_of_its_go_mod_unless_its_source_may_have_others() -> None:
    found = required_modules("./images/skycoin", {}) or {}
    assert found["github.com/skycoin/skycoin"] == "0.27.1"
    assert required_modules("./images/skycoin", {"source": "../skycoin"}) is None
    assert required_modules("./images/busybox", {}) is None


GO_MODS: dict[str, tuple[str, dict[str, str]]] = {
    "alone": ("require a.b/c v1.0.0", {"a.b/c": "1.0.0"}),
    "quoted": ('require (\n"a.b/c" v1.0.0\n`a.b/d` "v1.0.0"\n)', {"a.b/c": "1.0.0", "a.b/d": "1.0.0"}),
    "tabs and spaces": ("require\ta.b/c \t v1.0.0\r\n", {"a.b/c": "1.0.0"}),
    "a comment": ("require a.b/c v1.0.0// indirect", {"a.b/c": "1.0.0"}),
    "a line that is a comment": ("// require a.b/c v1.0.0", {}),
    "an indented block": (
        "  require(\n\t\ta.b/c v1.0.0\n  )\nrequire a.b/d v2.0.0+incompatible",
        {"a.b/c": "1.0.0", "a.b/d": "2.0.0+incompatible"},
    ),
    "exclude": ("exclude(\n a.b/c v1.0.0\n)\nexclude a.b/d v1.0.0\nretract v1.0.0", {}),
    "the highest of several": (
        "require a.b/c v1.9.0\nrequire a.b/c v1.10.0\nrequire a.b/c v1.10.0-rc.1",
        {"a.b/c": "1.10.0"},
    ),
    "no dot": ("require example v1.0.0", {"example": "1.0.0"}),
    "other versions": ("require (\na.b/c latest\na.b/d v1.0\na.b/e v1.0.0.0\na.b/f v\u0661.0.0\n)", {}),
    "a number without end": (f"require a.b/c v1.0.{'9' * 5000}", {}),
    "no path": ("require \x1b[2J v1.0.0", {}),
    "no end of a quote": ('require "a.b/c v1.0.0', {"a.b/c": "1.0.0"}),
}


@pytest.mark.parametrize(("text", "found"), GO_MODS.values(), ids=GO_MODS)
def test_a_go_mod_is_read_as_go_does(text: str, found: dict[str, str]) -> None:
    assert required(text) == found
    assert not replaces(text)


@pytest.mark.parametrize("text", ["replace a.b/c => ../c", "replace(\n\ta.b/c v1.0.0 => a.b/d v1.0.1\n)"])
def test_a_go_mod_that_replaces_modules_says_nothing_of_what_is_built(text: str, tmp_path: Path) -> None:
    text = f"require a.b/c v1.0.0\n{text}\n"
    assert (replaces(text), required(text)) == (True, {"a.b/c": "1.0.0"})
    (tmp_path / "go.mod").write_text(text)
    assert required_modules(str(tmp_path), {}) is None


def test_a_long_go_mod_is_read_in_linear_time() -> None:
    started = time.process_time()
    assert required("exclude (\n" * 100_000) == {}
    assert required("require " + '"`' * 500_000) == {}
    assert time.process_time() - started < 10


def test_a_go_mod_that_is_no_utf_8_is_read(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_bytes(b"// \xff\nrequire a.b/c v1.0.0\n")
    assert required_modules(str(tmp_path), {}) == {"a.b/c": "1.0.0"}
