"""Go modules of two published images: found by digest, in past and present outputs, and never guessed."""

from collections.abc import Mapping
from typing import Any

import pytest

from commands.known_vulnerabilities import judged
from display.errors import UserError
from mocks.engine import STACK_REFERENCE
from mocks.previews import preview_of
from release.vulnerabilities import by_module
from review.changes import Changes, read_changes
from review.inside_words import SAME_LINKED
from review.markdown import page
from review.published_modules import (
    OTHER_ARCH,
    STACK,
    UNASKED,
    UNNAMED,
    UNREAD,
    UNRECORDED,
    with_published_modules,
)
from tests.unit.engine import Engine
from tests.unit.previews import complete, recounted
from tests.unit.projects import FILES, RELEASE_STACK, run_program, stack_settings
from tests.unit.test_review import CONTAINER, EXPORTER_CONTAINER, step
from tests.unit.test_review_inside import lines
from tests.unit.test_vulnerabilities import entry

CRYPTO, TEXT = "golang.org/x/crypto", "golang.org/x/text"
PULLED = "skycoin:index:Node$skycoin:index:PulledImage"
SKYCOIN = f"skycoin (from {RELEASE_STACK})"
OLD, NEW = {CRYPTO: "0.30.0", "stdlib": "1.26.1"}, {CRYPTO: "0.59.0", "stdlib": "1.26.5", TEXT: "0.1.0"}


def digest(letter: str) -> str:
    return f"sha256:{letter * 64}"


def ref(letter: str) -> str:
    return f"docker.io/skycoin/skycoin@{digest(letter)}"


def row(modules: Mapping[str, str], *variants: str, program: str = "skycoin") -> dict[str, Any]:
    return {"program": program, "variants": [*variants], "modules": dict(modules)}


def outputs(at: str, variants: Mapping[str, str], *rows: Mapping[str, Any], name: str = "skycoin") -> Any:
    """Outputs of a stack that publishes a list `at` and its variants."""
    its = {arch: {"ref": ref(letter), "digest": digest(letter)} for arch, letter in variants.items()}
    entry = {"ref": ref(at), "digest": digest(at), "variants": its}
    return {"images": {name: {"latest": entry, "0.27": entry}}, "modules": {name: [*rows]}}


BEFORE = outputs("a", {"amd64": "b", "arm64v8": "c"}, row(OLD, "amd64", "arm64v8"))
AFTER = outputs("d", {"amd64": "e", "arm64v8": "f"}, row(NEW, "amd64", "arm64v8"))


def preview(*images: tuple[str, str], before: Any = BEFORE, kind: str = PULLED) -> dict[str, Any]:
    """A preview with containers that change between two images; the state has the outputs `before`."""
    publisher = step("read", STACK_REFERENCE, "images", {"name": RELEASE_STACK}, {"name": RELEASE_STACK})
    publisher["oldState"]["outputs"] = {"name": RELEASE_STACK, "outputs": before}
    changed = [
        step("update", kind, f"node-{number}", {"image": was}, {"image": would}, ("image",))
        for number, (was, would) in enumerate(images)
    ]
    return complete(publisher, *changed)


def changed(found: Mapping[str, Any], after: Any = AFTER) -> Changes:
    def ask(stack: str) -> Any:
        assert stack == RELEASE_STACK
        return after

    return with_published_modules(read_changes(recounted(found)), found, ask)


@pytest.mark.parametrize("kind", [PULLED, CONTAINER, EXPORTER_CONTAINER])
@pytest.mark.parametrize(("was", "would"), [("a", "d"), ("b", "e")], ids=["lists", "variants"])
def test_modules_between_two_published_images_are_those_of_their_programs(
    kind: str, was: str, would: str
) -> None:
    found = changed(preview((ref(was), ref(would)), kind=kind))
    assert lines(found)[0] == (
        f"- {SKYCOIN}: {CRYPTO} 0.30.0 → 0.59.0 (skycoin); {TEXT} 0.1.0 is new (skycoin); "
        "stdlib 1.26.1 → 1.26.5 (skycoin)"
    )
    assert "by their SBOMs" in lines(found)[-1]
    assert "go.mod" not in lines(found)[-1]
    assert f"| {SKYCOIN} | {TEXT} | none | 0.1.0 | skycoin |" in page(found, "fleet")


def test_many_containers_of_one_image_are_one_line() -> None:
    pairs = [(ref("a"), ref("d")), (ref("b"), ref("e")), (ref("c"), ref("f"))] * 10
    assert len(changed(preview(*pairs)).inside) == 1


def test_each_program_and_each_architecture_has_its_own_difference() -> None:
    """One program loses a module that the other gains; no host has the other architecture."""
    cli = row({TEXT: "0.1.0"}, "amd64", program="skycoin-cli")
    after = outputs("d", {"amd64": "e", "arm64v8": "f"}, row(NEW, "amd64"), cli, row({}, "arm64v8"))
    before = outputs(
        "a",
        {"amd64": "b", "arm64v8": "c"},
        row({**OLD, TEXT: "0.2.0"}, "amd64"),
        row({}, "amd64", program="skycoin-cli"),
        row({"example.org/x": "1"}, "arm64v8"),
    )
    line = lines(changed(preview((ref("b"), ref("e")), before=before), after))[0]
    assert f"{TEXT} 0.1.0 is new (skycoin-cli); {TEXT} 0.2.0 → 0.1.0 (skycoin)" in line
    assert "example.org" not in line


def test_vulnerabilities_come_and_go_by_each_difference() -> None:
    known = by_module(
        [
            entry("GO-1", CRYPTO, {"introduced": "0"}, {"fixed": "0.45.0"}),
            entry("GO-2", TEXT, {"introduced": "0"}),
            entry("GO-3", "stdlib", {"introduced": "0"}),
        ]
    )
    gains, loses, *_ = lines(judged(changed(preview((ref("a"), ref("d")))), known, "1"))
    assert (
        gains == f"- {SKYCOIN} **gains** known vulnerabilities: GO-2 in {TEXT} 0.1.0 (skycoin): GO-2 at work"
    )
    assert loses == (
        f"- {SKYCOIN} loses known vulnerabilities: GO-1 in {CRYPTO} 0.30.0 (skycoin): GO-1 at work"
    )


def test_equal_modules_are_called_so() -> None:
    after = outputs("d", {"amd64": "e", "arm64v8": "f"}, row(OLD, "amd64", "arm64v8"))
    found = changed(preview((ref("a"), ref("d"))), after)
    assert lines(found) == [f"- {SKYCOIN}: {SAME_LINKED}"]


def unreadable(_: str) -> Any:
    raise UserError("no login")


@pytest.mark.parametrize("missing", ["before", "after", "unread", "unasked"])
def test_an_image_that_no_outputs_name_is_unknown(missing: str) -> None:
    other = ref("9")
    found = preview((other, ref("d")) if missing == "before" else (ref("a"), other))
    ask = {"unread": unreadable, "unasked": None}.get(missing, lambda _: AFTER)
    inside = lines(with_published_modules(read_changes(recounted(found)), found, ask))
    said = {"unread": UNREAD.format(RELEASE_STACK), "unasked": UNASKED.format(RELEASE_STACK)}
    reason = said.get(missing, UNNAMED.format("skycoin@999999999999"))
    assert inside == [f"- {SKYCOIN}: Go modules {reason}"]


def test_a_rolled_back_image_is_found_in_the_present_outputs_too() -> None:
    """A digest always means the same image, so the outputs of any time may name it."""
    found = changed(preview((ref("d"), ref("a"))))
    assert f"{CRYPTO} 0.59.0 → 0.30.0 (skycoin)" in lines(found)[0]


def test_variants_without_modules_are_reported_and_the_others_are_compared() -> None:
    after = outputs("d", {"amd64": "e", "arm64v8": "f"}, row(NEW, "amd64"))
    compared, unknown, _ = lines(changed(preview((ref("a"), ref("d"))), after))
    assert f"{CRYPTO} 0.30.0 → 0.59.0 (skycoin)" in compared
    assert unknown == f"- {SKYCOIN}: Go modules {UNRECORDED.format('arm64v8')}"
    earlier = {"images": BEFORE["images"]}
    only = lines(changed(preview((ref("b"), ref("e")), before=earlier)))
    assert only == [f"- {SKYCOIN}: Go modules {UNRECORDED.format('amd64')}"]


def test_two_architectures_can_not_be_compared() -> None:
    only = lines(changed(preview((ref("b"), ref("f")))))
    assert only == [f"- {SKYCOIN}: Go modules {OTHER_ARCH}"]


def sized(found: Any, **sizes: tuple[Any, Any, Any]) -> Any:
    """The outputs with (to download, on disk, layers) of some architectures."""
    keys = ("size", "unpacked", "layers")
    for published in found["images"]["skycoin"].values():
        for arch, its in sizes.items():
            published["variants"][arch] |= dict(zip(keys, its, strict=True))
    return found


SMALL, LARGE = (13_000_000, 37_000_000, 3), (14_100_000, 37_000_000, 4)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            {"amd64": SMALL, "arm64v8": SMALL},
            {"amd64": LARGE, "arm64v8": LARGE},
            ["amd64, arm64v8: 13.0 MB → 14.1 MB to download, 3 → 4 layers"],
        ),
        (
            {"amd64": SMALL, "arm64v8": SMALL},
            {"amd64": LARGE, "arm64v8": (13_000_000, 40_000_000, 3)},
            ["amd64: 13.0 MB → 14.1 MB to download, 3 → 4 layers; arm64v8: 37.0 MB → 40.0 MB on disk"],
        ),
        ({"amd64": SMALL}, {"amd64": SMALL}, []),
        ({"amd64": SMALL}, {"arm64v8": LARGE}, []),
        ({"amd64": ("x", None, True)}, {"amd64": LARGE}, []),
        ({}, {"amd64": LARGE}, []),
    ],
    ids=["all alike", "each", "the same", "never both", "odd", "unknown before"],
)
@pytest.mark.parametrize("modules", [(), (row(OLD, "amd64", "arm64v8"),)], ids=["not recorded", "recorded"])
def test_sizes_and_layers_of_two_published_images_are_compared(
    before: Any, after: Any, said: list[str], modules: Any
) -> None:
    """The page had none, although the outputs of the publisher have them."""
    images = {"amd64": "b", "arm64v8": "c"}, {"amd64": "e", "arm64v8": "f"}
    was, would = sized(outputs("a", images[0]), **before), sized(outputs("d", images[1], *modules), **after)
    first, *rest = lines(changed(preview((ref("a"), ref("d")), before=was), would))
    assert first.startswith(f"- {SKYCOIN}: Go modules unknown for ")
    assert rest == [f"- {SKYCOIN}: {text}" for text in said]


def test_sizes_are_those_of_the_architecture_that_a_container_runs() -> None:
    was, would = (
        sized(outputs("a", {"amd64": "b"}), amd64=SMALL),
        sized(outputs("d", {"amd64": "e"}), amd64=LARGE),
    )
    found = lines(changed(preview((ref("b"), ref("e")), (ref("a"), ref("d")), before=was), would))
    assert [line for line in found if "MB" in line] == [
        f"- {SKYCOIN}: amd64: 13.0 MB → 14.1 MB to download, 3 → 4 layers"
    ]


def test_an_image_without_go_has_no_line() -> None:
    proxy = outputs("d", {"amd64": "e"}, name="proxy")
    assert changed(preview((ref("9"), ref("d"))), proxy).inside == ()


@pytest.mark.parametrize(
    "odd", [[], {"images": 1}, {"images": {"skycoin": {"latest": {}}}}, {"images": {"skycoin": []}}]
)
def test_outputs_of_another_program_name_no_image(odd: Any) -> None:
    found = changed(preview((ref("a"), ref("d")), before=odd), odd)
    assert lines(found)[0].startswith(f"- {SKYCOIN}: Go modules unknown: ")


def test_an_image_of_the_stack_itself_is_found_in_its_own_outputs() -> None:
    found = preview((ref("b"), ref("a")))
    stack = step("same", STACK, "skycoin-local", {}, {})
    stack["oldState"]["outputs"] = BEFORE
    found["steps"][:2] = [stack]
    changes = read_changes(recounted(found))
    assert lines(with_published_modules(changes, found, None)) == [f"- skycoin: {SAME_LINKED}"]


def test_only_a_change_between_two_known_images_has_a_line() -> None:
    found = preview((ref("a"), "what would be built"), (ref("a"), ref("a")))
    found["steps"].append(step("create", PULLED, "new", None, {"image": ref("d")}))
    assert changed(found).inside == ()


def test_hostile_names_make_no_markdown() -> None:
    hostile = {"<b> @all\n# x [y](https://example.org)": "1"}
    after = outputs("d", {"amd64": "e"}, row(hostile, "amd64", program="| <i>"))
    text = page(changed(preview((ref("b"), ref("e"))), after), "fleet")
    assert "&lt;b> @\u2060all # x [y]\u2060(https://example.org) 1 is new (| &lt;i>)" in text
    assert "| \\| &lt;i> |" in text


def test_the_programs_own_preview_names_the_modules_of_the_stack_that_its_images_come_from() -> None:
    def run(published: Any) -> Engine:
        engine = Engine(stacks={RELEASE_STACK: published})
        return run_program(engine, {**stack_settings(FILES["fleet"])}, "fleet")

    variants = {"amd64": "b", "arm32v6": "c", "arm32v7": "4", "arm64v8": "5", "arm32v5": "6"}
    before = outputs("a", variants, row(OLD, *variants))
    later = dict(zip(variants, "12789", strict=True))
    after = outputs("d", later, row(NEW, *later))
    found = preview_of(run(before), run(after))
    assert f"{CRYPTO} 0.30.0 → 0.59.0 (skycoin)" in lines(changed(found, after))[0]
