"""Go modules on a review page: what would be linked, into which programs, with which vulnerabilities."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from catalogue.bases import OFFICIAL_BUILD_BASE, OFFICIAL_GO
from catalogue.go_modules import GO_MOD, INEXACT, required
from catalogue.images import PROJECT
from commands import known_vulnerabilities
from commands.known_vulnerabilities import (
    NOT_FETCHED,
    ODD,
    judged,
    lookup_note,
    with_vulnerabilities,
)
from components.contexts import recorded_files
from components.image import FILES
from display.markdown import plain
from local.machine.layout import Layout, read_layout
from local.machine.steps import SetupError
from local.machine.vulnerability_database import Database
from release.vulnerabilities import by_module
from review.causes import Checkout
from review.changes import Changes, read_changes
from review.first_screen import first_screen
from review.images import IMAGE
from review.inside import EARLIER, GO_UNKNOWN, OF_FOLDER, OF_GIT, SAVED, VERIFICATION
from review.inside_words import SAME
from review.markdown import page
from review.modules_by_files import LONGEST, ONE_SIDED, TOO_LONG, inside_by_files
from tests.unit.previews import complete, recounted
from tests.unit.test_review import IMAGE as BUILT
from tests.unit.test_review import step
from tests.unit.test_review_causes import child
from tests.unit.test_vulnerabilities import entry

NOW = required((PROJECT / "images" / "skycoin" / GO_MOD).read_text())
SKYCOIN = "github.com/skycoin/skycoin"
CRYPTO, CORS, GONE = "golang.org/x/crypto", "github.com/rs/cors", "example.org/gone"
FILES_NOW = recorded_files("./images/skycoin", "", {}, {})
BEFORE = {**{path: version for path, version in NOW.items() if path != CORS}, CRYPTO: "0.30.0", GONE: "1.2.0"}
LINKED = {"skycoin": {CRYPTO: "0.30.0", "stdlib": "1.26.1"}, "skycoin-cli": {"stdlib": "1.26.1"}}
CONTEXT: Mapping[str, Any] = {"location": "./images/skycoin", "named": {}}
HERE = Checkout(has_files=True)


def preview_of(
    required_before: Any = BEFORE,
    proofs: tuple[Any, ...] = (LINKED, LINKED),
    *,
    op: str = "update",
    context: Mapping[str, Any] = CONTEXT,
    build_from: tuple[str, str] = ("a", "a"),
    is_new: bool = False,
) -> dict[str, Any]:
    """A preview that builds skycoin for amd64, and for arm32v7 for the first time."""
    component = step("same", IMAGE, "skycoin", {}, {})
    component["oldState"]["outputs"] = {} if required_before is None else {"required": required_before}
    if is_new:
        component["op"] = "create"
        del component["oldState"]
    old, new = ({"context": context, "buildArgs": {"BUILD_FROM": base}} for base in build_from)
    verified = [step("update", VERIFICATION, f"skycoin-{number}", {}, {}) for number in range(len(proofs))]
    for one, modules in zip(verified, proofs, strict=True):
        one["oldState"]["outputs"] = {} if modules is None else {"report": {"modules": modules}}
    build = step(op, BUILT, "skycoin-amd64-image", None if op == "create" else old, new, ("contextHash",))
    fresh = step("create", BUILT, "skycoin-arm32v7-image", None, new)
    unproved = step("create", VERIFICATION, "skycoin-new", None, {})
    return {
        "steps": [
            component,
            *(child(component, resource) for resource in (fresh, build, unproved, *verified)),
        ]
    }


def of_source(location: str) -> dict[str, Any]:
    """Build context of an image with its source at this location."""
    return {**CONTEXT, "named": {"source": {"location": location}}}


def read(*arguments: Any, checkout: Checkout = HERE, **more: Any) -> Changes:
    return read_changes(recounted(preview_of(*arguments, **more)), checkout)


def lines(changes: Changes) -> list[str]:
    """Lines of the section “Inside images” on the first screen."""
    text = first_screen(changes, "mine").text
    return [
        line for line in text.partition("### Inside images\n\n")[2].partition("\n###")[0].splitlines() if line
    ]


def test_modules_are_named_with_the_programs_that_they_are_linked_into() -> None:
    assert lines(read())[0] == (
        f"- skycoin: {GONE} 1.2.0 is gone (in no program); {CORS} {NOW[CORS]} is new "
        f"(in which programs is unknown before the build); {CRYPTO} 0.30.0 → {NOW[CRYPTO]} (skycoin)"
    )


def test_a_cell_of_the_module_table_holds_only_its_value() -> None:
    text = page(read(), "mine")
    assert f"| skycoin | {CORS} | none | {NOW[CORS]} | unknown before the build |" in text
    assert f"| skycoin | {CRYPTO} | 0.30.0 | {NOW[CRYPTO]} | skycoin |" in text


def test_programs_are_unknown_if_a_variant_was_verified_without_modules() -> None:
    cases: tuple[tuple[Any, ...], ...] = ((LINKED, None), (), ({}, {}))
    for proofs in cases:
        assert (
            f"{CRYPTO} 0.30.0 → {NOW[CRYPTO]} (in which programs is unknown)"
            in lines(read(BEFORE, proofs))[0]
        )


def test_equal_modules_are_called_so_and_no_database_is_named() -> None:
    changes = read(NOW)
    assert lines(changes) == [f"- skycoin: {SAME}"]
    assert judged(changes, {}, "2026-11-05") == changes


def test_another_go_sum_with_equal_modules_is_reported() -> None:
    path = "images/skycoin/go.sum"
    for recorded, said in (("0" * 12, f"{SAME}, but another go.sum"), (FILES_NOW[path], SAME)):
        preview = preview_of(NOW)
        preview["steps"][0]["oldState"]["outputs"][FILES] = {path: recorded}
        assert lines(read_changes(recounted(preview), HERE)) == [f"- skycoin: {said}"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"required_before": None}, EARLIER),
        ({"required_before": {}}, EARLIER),
        ({"required_before": None, "op": "create"}, EARLIER),
        ({"checkout": Checkout()}, SAVED),
        ({"context": of_source("/nowhere")}, OF_FOLDER),
        ({"context": of_source("/nowhere"), "checkout": Checkout()}, SAVED),
        ({"context": of_source("https://example.org/skycoin.git#" + "1" * 40)}, OF_GIT),
    ],
    ids=["earlier", "of a source before", "a new architecture", "saved", "no folder", "saved source", "git"],
)
def test_unknown_go_modules_are_reported_and_not_guessed(more: dict[str, Any], said: str) -> None:
    changes = read(**more)
    assert lines(changes) == [f"- skycoin: Go modules {said}"]
    assert changes.inside[0].differences == ()


def test_a_replaced_module_is_not_called_known(tmp_path: Path) -> None:
    """A module replaced by a folder has no known version, so no vulnerability is gained or lost with it."""
    go_mod = f"require {CRYPTO} v1.0.0\nrequire {CORS} v9.9.8\nreplace {CRYPTO} => ../crypto\n"
    (tmp_path / GO_MOD).write_text(f"{go_mod}replace {CORS} => example.org/cors v1.0.0\n")
    changes = read({CRYPTO: "0.30.0"}, context={**CONTEXT, "location": str(tmp_path)})
    assert lines(changes)[0] == (
        "- skycoin: example.org/cors 1.0.0 is new (in which programs is unknown before the build); "
        f"{CRYPTO} 0.30.0 → unknown (skycoin); {CRYPTO}: version unknown, as {INEXACT}"
    )
    changes = judged(changes, by_module(KNOWN), "1")
    assert changes.vulnerabilities == ()
    assert "is gained or lost by the modules that are known to differ." in changes.looked_up
    same = read({CRYPTO: "not known"}, context={**CONTEXT, "location": str(tmp_path)})
    assert f"{CRYPTO}: version unknown, as {INEXACT}" in lines(same)[0]


def test_a_working_copys_own_go_mod_is_read(tmp_path: Path) -> None:
    """The page used to say that nothing is known before the build."""
    (tmp_path / GO_MOD).write_text(f"go 1.25\nrequire {CRYPTO} v99.0.0\n")
    assert lines(read({**NOW, SKYCOIN: "not known"}, context=of_source(str(tmp_path))))[0] == (
        f"- skycoin: {CRYPTO} {NOW[CRYPTO]} → 99.0.0 (skycoin); {SKYCOIN}: version unknown, as {INEXACT}"
    )


def test_an_image_without_go_modules_has_no_line() -> None:
    assert read(context={"location": "./images/busybox"}).inside == ()


@pytest.mark.parametrize("location", ["x" * 5000, "\0"])
def test_a_context_that_is_not_a_path_has_no_line(location: str) -> None:
    assert read(context={"location": location}, checkout=Checkout()).inside == ()


def test_all_modules_of_a_new_image_are_new() -> None:
    changes = read(None, (), op="create", is_new=True)
    assert {difference.before for difference in changes.inside[0].differences} == {""}
    assert len(changes.inside[0].differences) == len(NOW)
    assert lines(changes)[0].endswith(f" and {len(NOW) - 3} more; {GO_UNKNOWN}")
    assert f"<summary>Go modules: {len(NOW)}</summary>" in page(changes, "mine")


@pytest.mark.parametrize("order", [1, -1])
def test_a_new_architecture_brings_no_new_modules(order: int) -> None:
    """From files alone, all modules used to look new if the build came after that of another variant."""
    inputs = {"context": CONTEXT}
    variants = [
        step("same", BUILT, "skycoin-amd64-image", inputs, inputs),
        step("create", BUILT, "skycoin-arm32v7-image", None, inputs),
    ]
    text = "go 1.26\nrequire example.org/x v1.2.3\n"
    [file] = inside_by_files({"steps": variants[::order]}, lambda _: (text, text))
    assert (file.image, file.differences, file.unknown) == ("skycoin", (), "")
    assert inside_by_files({"steps": variants[:1]}, lambda _: (text, text)) == ()


SHORT, LONG = "go 1.26\n", f"go 1.26\n{'// ' * (LONGEST // 3)}\nrequire {CRYPTO} v1.0.0\n"


@pytest.mark.parametrize(
    ("before", "after", "unknown"),
    [
        (SHORT, LONG, TOO_LONG),
        (LONG, SHORT, TOO_LONG),
        # Before, there was no section “Inside images” if no image was rebuilt.
        (SHORT, "", ONE_SIDED),
        ("", SHORT, ONE_SIDED),
    ],
)
def test_another_go_mod_that_can_not_be_compared_has_unknown_modules(
    before: str, after: str, unknown: str
) -> None:
    """Before, only the changed side was cut: modules after the cut looked as if they were gone."""
    inputs = {"context": CONTEXT}
    unchanged = {"steps": [step("same", BUILT, "skycoin-amd64-image", inputs, inputs)]}
    [inside] = inside_by_files(unchanged, lambda _: (before, after))
    assert (inside.differences, inside.unknown) == ((), unknown)


def test_a_long_go_mod_is_reported_only_if_it_or_its_image_changes() -> None:
    inputs = {"context": CONTEXT}
    unchanged = {"steps": [step("same", BUILT, "skycoin-amd64-image", inputs, inputs)]}
    assert inside_by_files(unchanged, lambda _: (LONG, LONG)) == ()
    other = {**inputs, "buildArgs": {"A": "b"}}
    rebuilt = {"steps": [step("replace", BUILT, "skycoin-amd64-image", inputs, other)]}
    [inside] = inside_by_files(rebuilt, lambda _: (LONG, LONG))
    assert (inside.differences, inside.unknown) == ((), TOO_LONG)


@pytest.mark.parametrize("order", [1, -1])
def test_the_earlier_go_version_is_that_of_the_variant_that_changes(order: int) -> None:
    steps = preview_of(build_from=("a", "b"))["steps"]
    same = step("same", BUILT, "skycoin-arm64v8-image", {"context": CONTEXT}, {"context": CONTEXT})
    of_files = {"steps": [same, *steps][::order]}
    [by_files] = inside_by_files(of_files, lambda _: ("go 1.26\n", "go 1.26\n"))
    [by_state] = read_changes(complete(*steps[::order]), HERE).inside
    assert (by_files.of_go, by_state.of_go) == (GO_UNKNOWN, GO_UNKNOWN)


def test_another_go_version_is_a_difference_only_if_both_versions_are_known() -> None:
    other = ("a", OFFICIAL_BUILD_BASE)
    go = f"stdlib 1.26.1 → {OFFICIAL_GO} (skycoin, skycoin-cli)"
    assert lines(read(NOW, build_from=other))[0] == f"- skycoin: {go}"
    older = {"skycoin": {**LINKED["skycoin"], "stdlib": "1.26.0"}}
    for proofs, build_from in (
        ((None,), other),
        ((LINKED, None), other),
        ((older, LINKED), other),
        ((LINKED,), ("a", "b")),
    ):
        assert lines(read(NOW, proofs, build_from=build_from)) == [f"- skycoin: {SAME}; {GO_UNKNOWN}"]


def test_go_itself_is_listed_for_a_new_image_and_looked_up() -> None:
    """Before, the page of a first release said that no known vulnerability is gained."""
    new = read(None, (), op="create", build_from=("", OFFICIAL_BUILD_BASE), is_new=True)
    assert f"stdlib {OFFICIAL_GO} is new" in lines(new)[0]
    assert GO_UNKNOWN in lines(read(None, (), op="create", build_from=("", "b"), is_new=True))[0]


KNOWN = [
    entry("GO-1", CRYPTO, {"introduced": "0"}, {"fixed": "0.45.0"}),
    entry("GO-2", CRYPTO, {"introduced": "0"}),
    entry("GO-3", CORS, {"introduced": "0"}, {"fixed": "9.9.9"}),
    entry("GO-4", "example.org/other", {"introduced": "0"}),
]


def test_vulnerabilities_are_gained_and_lost_by_the_modules_that_differ() -> None:
    """GO-2 is in both versions, and the module of GO-4 in none."""
    changes = judged(read(), by_module(KNOWN), "2026-11-05")
    gains, loses, _, note = lines(changes)
    assert gains == (
        f"- skycoin **gains** known vulnerabilities: GO-3 in {CORS} {NOW[CORS]} (in which programs is "
        "unknown before the build, fixed in 9.9.9): GO-3 at work"
    )
    assert loses == f"- skycoin loses known vulnerabilities: GO-1 in {CRYPTO} 0.30.0 (skycoin): GO-1 at work"
    assert note.endswith(lookup_note("2026-11-05", changes.vulnerabilities))
    assert "knew on 2026-11-05, by versions of modules: a program might not call the vulnerable code." in note
    text = page(changes, "mine")
    assert f"| skycoin | gained | GO-3 | {CORS} {NOW[CORS]} | 9.9.9 | GO-3 at work |" in text
    assert f"| skycoin | gone | GO-1 | {CRYPTO} 0.30.0 | 0.45.0 | GO-1 at work |" in text
    assert "called" not in text


def test_words_of_a_database_and_names_of_an_image_make_no_markdown() -> None:
    hostile = {**KNOWN[0], "summary": "a\n# <b>x</b> [y](https://example.org) @all"}
    proofs = ({"<i>": {CRYPTO: "0.30.0"}},)
    shown = lines(judged(read(BEFORE, proofs), by_module([hostile]), "1"))
    assert "(&lt;i>): a # &lt;b>x&lt;/b> [y]\u2060(https://example.org) @\u2060all" in shown[0]
    assert f"{CRYPTO} 0.30.0 → {NOW[CRYPTO]} (&lt;i>)" in shown[1]


def test_a_modules_path_strikes_nothing_out(tmp_path: Path) -> None:
    """`~~` in two paths used to strike out the text between them; inside code, it has no effect."""
    (tmp_path / GO_MOD).write_text(
        f"require a.b/~~c v1.0.0\nrequire {CRYPTO} v1.0.0\nrequire x.y/z~~/d/e v1.0.0\n"
    )
    text = page(read({}, context={**CONTEXT, "location": str(tmp_path)}, op="create", is_new=True), "mine")
    assert "~" not in text
    assert text.count("a.b/&#126;&#126;c") == text.count("x.y/z&#126;&#126;/d/e") == 2
    assert plain("`~/a` ~b `c~") == "`~/a` &#126;b `c~"


def test_a_change_without_a_vulnerability_says_so_with_the_day() -> None:
    assert (
        "No known vulnerability is gained or lost. Vulnerabilities are those that Go's database knew on 1"
        in (lines(judged(read(), {}, "1"))[-1])
    )


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for vulnerability in KNOWN:
        (tmp_path / f"{vulnerability['id']}.json").write_text(json.dumps(vulnerability))

    found = Database(tmp_path, date(2026, 11, 5))
    monkeypatch.setattr(known_vulnerabilities, "fetched_database", lambda _: found)
    return tmp_path


def test_a_set_ups_database_is_read(database: Path) -> None:
    changes = read()
    assert with_vulnerabilities(changes, read_layout()) == judged(changes, by_module(KNOWN), "2026-11-05")


def test_no_database_is_read_if_no_module_differs(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_vulnerabilities, "fetched_database", refuse)
    changes = read(NOW)
    assert with_vulnerabilities(changes, read_layout()) == changes


def refuse(_: Layout) -> Database:
    raise SetupError("The module has <b>no</b> date: " + "x" * 1000 + "\n  - and a list.")


def absent(_: Layout) -> None:
    return None


@pytest.mark.parametrize("case", ["not fetched", "no date", "empty", "broken", "odd"])
def test_a_missing_database_is_reported_and_prevents_no_page(
    case: str, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if case == "not fetched":
        monkeypatch.setattr(known_vulnerabilities, "fetched_database", absent)
        said = NOT_FETCHED
    elif case == "no date":
        monkeypatch.setattr(known_vulnerabilities, "fetched_database", refuse)
        said = "The module has &lt;b>no&lt;/b> date: " + "x" * (300 - len("The module has <b>no</b> date: "))
    elif case == "empty":
        said = "the database has no entry"
        for file in database.iterdir():
            file.unlink()
    else:
        said = ODD
        (database / "GO-9.json").write_text("{" if case == "broken" else '{"affected": [{}]}')
    changes = read()
    found = with_vulnerabilities(changes, read_layout())
    assert found == replace(changes, looked_up=f"Known vulnerabilities were not looked up: {said}.")


def test_unknown_modules_are_not_called_free_of_vulnerabilities() -> None:
    changes = read(build_from=("a", "b"))
    assert "No known vulnerability is gained or lost by the modules that are known to differ." in (
        judged(changes, {}, "1").looked_up
    )
