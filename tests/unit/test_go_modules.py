"""Go modules: how they differ, and programs with the same modules in several variants."""

import time
from pathlib import Path
from typing import Any

import pytest

from catalogue.go_modules import NOT_KNOWN, Difference, by_program, differences, names_all, required
from components.contexts import required_modules

SKYCOIN = "github.com/skycoin/skycoin"
CRYPTO, TEXT = "golang.org/x/crypto", "golang.org/x/text"


def test_only_modules_that_differ_are_named_in_the_order_of_their_paths() -> None:
    found = [*differences({TEXT: "0.1.0", CRYPTO: "1", "a": "1"}, {TEXT: "0.2.0", "b": "2", "a": "1"})]
    assert found == [
        Difference(module="b", before="", after="2"),
        Difference(module=CRYPTO, before="1", after=""),
        Difference(module=TEXT, before="0.1.0", after="0.2.0"),
    ]
    assert [module.text for module in found] == [
        "b 2 is new",
        f"{CRYPTO} 1 is gone",
        f"{TEXT} 0.1.0 → 0.2.0",
    ]


def test_a_program_with_the_same_modules_in_several_variants_is_listed_once() -> None:
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


def test_the_modules_of_an_image_are_those_of_its_go_mod() -> None:
    found = required_modules("./images/skycoin", {}) or {}
    assert found[SKYCOIN] == "0.27.1"
    assert required_modules("./images/busybox", {}) is None


def test_a_working_copy_raises_versions_and_stands_for_the_module_of_its_image(tmp_path: Path) -> None:
    """Go takes the higher version, and ignores replacements of a module that is not the main one."""
    own = required_modules("./images/skycoin", {}) or {}
    (tmp_path / "go.mod").write_text(
        f"module {SKYCOIN}\ngo 1.25.0\nrequire (\n{CRYPTO} v99.0.0\n{TEXT} v0.1.0\n"
        f"example.org/new v1.0.0\n)\nreplace {TEXT} => ../text\n"
    )
    found = required_modules("./images/skycoin", {"source": str(tmp_path)}) or {}
    assert found == {**own, CRYPTO: "99.0.0", "example.org/new": "1.0.0", SKYCOIN: NOT_KNOWN}


def test_a_working_copy_that_is_the_main_module_may_replace_others(tmp_path: Path) -> None:
    text = f"go 1.25.0\nrequire {CRYPTO} v1.0.0\nreplace {CRYPTO} => example.org/fork v2.0.0\n"
    (tmp_path / "go.mod").write_text(text)
    sources = {"source": str(tmp_path)}
    assert required_modules("./images/skywire", sources) == {"example.org/fork": "2.0.0"}
    (tmp_path / "go.work").symlink_to("/nowhere")
    assert required_modules("./images/skywire", sources) is None
    assert required_modules("./images/skycoin", sources) is not None


@pytest.mark.parametrize("go", ["", "go 1.16", "go 1.x", "go 1.17 1.18", "go 1", f"go 1.{'9' * 5000}"])
def test_a_go_mod_that_does_not_name_all_modules_tells_nothing(go: str, tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text(f"{go}\nrequire {CRYPTO} v1.0.0\n")
    assert required_modules("./images/skywire", {"source": str(tmp_path)}) is None


@pytest.mark.parametrize("go", ["go 1.17", "go 1.26.0", "go 2.0", "go 1.21rc2"])
def test_a_go_mod_since_go_1_17_names_all_modules(go: str) -> None:
    assert names_all(go)


def test_a_source_without_a_go_mod_has_unknown_modules(tmp_path: Path) -> None:
    git = "https://example.org/skycoin.git#" + "1" * 40
    for location in (str(tmp_path), git):
        assert required_modules("./images/skycoin", {"source": location}) is None
    (tmp_path / "other").write_text("go 1.25\n")
    (tmp_path / "go.mod").symlink_to("other")  # the builder gets the link
    assert required_modules("./images/skycoin", {"source": str(tmp_path)}) is None


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
    "other versions": (
        "require (\na.b/c latest\na.b/d v1.0\na.b/e v1.0.0.0\na.b/f v\u0661.0.0\n)",
        dict.fromkeys(("a.b/c", "a.b/d", "a.b/e", "a.b/f"), NOT_KNOWN),
    ),
    "a version and another word": ("require a.b/c v1.0.0\nrequire a.b/c latest", {"a.b/c": NOT_KNOWN}),
    "a number without end": (f"require a.b/c v1.0.{'9' * 5000}", {"a.b/c": NOT_KNOWN}),
    "escapes": (r'require "a\x2eb/\u0063" "v1.0.0"', {"a.b/c": "1.0.0"}),
    "escapes that are none": (r'require "a.b\x/c" v1.0.0' + '\nrequire "\\é" v1.0.0', {}),
    "a raw string has no escapes": (r"require `a\x2eb/c` v1.0.0", {}),
    "no path": ("require \x1b[2J v1.0.0", {}),
    "no end of a quote": ('require "a.b/c v1.0.0', {"a.b/c": "1.0.0"}),
}


@pytest.mark.parametrize(("text", "found"), GO_MODS.values(), ids=GO_MODS)
def test_a_go_mod_is_read_as_go_does(text: str, found: dict[str, str]) -> None:
    assert required(text) == found


REPLACED: dict[str, tuple[str, dict[str, str]]] = {
    "another module": ("replace a.b/c => a.b/fork v1.0.1", {"a.b/fork": "1.0.1"}),
    "another version": ("replace a.b/c => a.b/c v1.2.0", {"a.b/c": "1.2.0"}),
    "one version": ("replace(\n\ta.b/c v1.0.0 => a.b/fork v1.0.1 // why\n)", {"a.b/fork": "1.0.1"}),
    "a version that is not required": ("replace a.b/c v1.1.0 => a.b/fork v1.0.1", {"a.b/c": "1.0.0"}),
    "one version before all": (
        "replace a.b/c => a.b/all v1.0.1\nreplace a.b/c v1.0.0 => a.b/one v1.0.1\n"
        "replace a.b/c v1.1.0 => a.b/other v1.0.1",
        {"a.b/one": "1.0.1"},
    ),
    "before it is required": (
        "replace a.b/c => a.b/fork v1.0.1\nrequire a.b/c v1.3.0",
        {"a.b/fork": "1.0.1"},
    ),
    "a module that is not required": ("replace a.b/x => a.b/fork v1.0.1", {"a.b/c": "1.0.0"}),
    "a folder": ("replace a.b/c => ../c", {"a.b/c": NOT_KNOWN}),
    "a folder for one version": ("replace a.b/c v1.0.0 => /srv/c", {"a.b/c": NOT_KNOWN}),
    "a quoted folder with a space": ('replace a.b/c => "../my c"', {"a.b/c": NOT_KNOWN}),
    "a branch": ("replace a.b/c => a.b/fork main", {"a.b/fork": NOT_KNOWN}),
    "no target": ("replace a.b/c =>", {"a.b/c": NOT_KNOWN}),
    "no path": ("replace a.b/c => <b> v1.0.0", {"a.b/c": NOT_KNOWN}),
    "a module that is required itself": (
        "require a.b/fork v1.0.0\nreplace a.b/c => a.b/fork v1.0.1",
        {"a.b/fork": NOT_KNOWN},
    ),
    "two by the same one": (
        "require a.b/d v1.0.0\nreplace a.b/c => a.b/fork v1.0.1\nreplace a.b/d => a.b/fork v1.0.1",
        {"a.b/fork": "1.0.1"},
    ),
    "a version that is not exact": ("replace a.b/c v1 => ../c", {"a.b/c": NOT_KNOWN}),
    "a version with build metadata": ("replace a.b/c v1.0.0+x => ../c", {"a.b/c": NOT_KNOWN}),
    "an excluded version": ("exclude a.b/c v1.0.0", {"a.b/c": NOT_KNOWN}),
    "an excluded version in a block": ("exclude (\na.b/c v1.0.0+x // why\n)", {"a.b/c": NOT_KNOWN}),
    "another excluded version": ("exclude a.b/c v1.1.0\nexclude a.b/x v1.0.0", {"a.b/c": "1.0.0"}),
    "an excluded version that is not exact": ("exclude a.b/c v1", {"a.b/c": NOT_KNOWN}),
    "excluded, and no version": ("exclude a.b/c", {"a.b/c": "1.0.0"}),
    "no arrow": ("replace a.b/c ../c", {"a.b/c": "1.0.0"}),
}


@pytest.mark.parametrize(("text", "found"), REPLACED.values(), ids=REPLACED)
def test_a_replaced_module_is_reported_as_its_replacement(
    text: str, found: dict[str, str], tmp_path: Path
) -> None:
    """Go links the replacement, and SBOMs name it."""
    text = f"require a.b/c v1.0.0\n{text}\n"
    assert required(text) == found
    (tmp_path / "go.mod").write_text(text)
    assert required_modules(str(tmp_path), {}) == found


def test_a_long_go_mod_is_read_in_linear_time() -> None:
    started = time.process_time()
    assert required("exclude (\n" * 100_000) == {}
    assert required("require " + '"`' * 500_000) == {}
    assert time.process_time() - started < 10


def test_a_go_mod_that_is_not_utf_8_is_read(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_bytes(b"// \xff\nrequire a.b/c v1.0.0\n")
    assert required_modules(str(tmp_path), {}) == {"a.b/c": "1.0.0"}
