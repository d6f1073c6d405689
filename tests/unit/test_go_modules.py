"""Go modules: what differs, and programs that have the same ones in several variants."""

from typing import Any

from catalogue.go_modules import Difference, by_program, differences
from components.contexts import required_modules

CRYPTO, TEXT = "golang.org/x/crypto", "golang.org/x/text"


def test_modules_that_differ_are_named_by_path_and_others_are_not() -> None:
    found = [*differences({TEXT: "0.1.0", CRYPTO: "1", "a": "1"}, {TEXT: "0.2.0", "b": "2", "a": "1"})]
    assert found == [
        Difference(module="b", before="", after="2"),
        Difference(module=CRYPTO, before="1", after=""),
        Difference(module=TEXT, before="0.1.0", after="0.2.0"),
    ]
    assert [one.text for one in found] == ["b 2 is new", f"{CRYPTO} 1 is gone", f"{TEXT} 0.1.0 → 0.2.0"]


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
    assert required_modules("./images/skycoin", {})["github.com/skycoin/skycoin"] == "0.27.1"
    assert required_modules("./images/skycoin", {"source": "../skycoin"}) == {}
    assert required_modules("./images/busybox", {}) == {}
