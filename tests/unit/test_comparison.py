"""Comparison of a release record with an earlier one."""

import copy
import json
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest

from catalogue.arch import ARCHES
from catalogue.go_modules import Program
from commands import known_vulnerabilities
from commands.known_vulnerabilities import ODD
from local.machine.vulnerability_database import Database
from mocks.engine import MODULES
from release.comparison import (
    NO_RECORD,
    Differences,
    ModuleDifference,
    checked_record,
    compared,
    markdown,
    vulnerability_differences,
)
from release.record import RecordError, ReleaseRecord, release_record
from release.vulnerabilities import by_module
from tests.unit.command_line import Skyinfra
from tests.unit.projects import up
from tests.unit.test_vulnerabilities import entry

CRYPTO, GONE = "golang.org/x/crypto", "example.org/gone"
NOW = MODULES["skycoin"][CRYPTO]
KNOWN = [
    entry("GO-1", CRYPTO, {"introduced": "0"}, {"fixed": "0.45.0"}),
    entry("GO-2", CRYPTO, {"introduced": "0.50.0"}),
    entry("GO-3", "example.org/other", {"introduced": "0"}),
]


@pytest.fixture(scope="module")
def now() -> ReleaseRecord:
    return release_record(up("release").exports(), "skycoin")


@pytest.fixture
def before(now: ReleaseRecord) -> ReleaseRecord:
    """An earlier release: other modules on amd64 and arm64v8, other layers on amd64, no arm32v5."""
    record: Any = copy.deepcopy(now)
    record["source"]["version"] = "0.27.0"
    del record["variants"]["arm32v5"]
    modules = {**MODULES["skycoin"], CRYPTO: "0.30.0", GONE: "1.0.0"}
    record["programs"] = [
        {"program": "skycoin", "variants": ["amd64", "arm64v8"], "modules": modules},
        {"program": "skycoin", "variants": ["arm32v6"], "modules": MODULES["skycoin"]},
    ]
    amd64 = record["variants"]["amd64"]
    amd64["size"] = 15_000_000
    amd64["verified"]["packages"] = {"busybox": "1:1.35.0-4+b6", "zlib1g": "1:1.2.13"}
    del record["variants"]["arm64v8"]["verified"]["packages"]
    amd64["verified"]["layers"][1] = {"digest": "sha256:0", "size": 14_000_000}
    return cast("ReleaseRecord", record)


def row(module: str, before: str, after: str) -> ModuleDifference:
    variants = ["amd64", "arm64v8"]
    return {"program": "skycoin", "module": module, "before": before, "after": after, "variants": variants}


def page_of(differences: Differences) -> str:
    return markdown({**differences, "vulnerabilities": [], "looked_up": ""})


def test_a_record_has_the_modules_of_each_program(now: ReleaseRecord) -> None:
    assert now["programs"] == [
        {"program": "skycoin", "variants": list(ARCHES), "modules": MODULES["skycoin"]}
    ]


def test_modules_and_sizes_are_compared_if_both_records_have_them(
    now: ReleaseRecord, before: ReleaseRecord
) -> None:
    same = {"before": 13_000_000, "after": 13_000_000, "layers": 2, "new_layers": 0, "new_size": 0}
    amd64 = {**same, "before": 15_000_000, "new_layers": 1, "new_size": 12_000_000}
    assert compared(before, now) == {
        "version": "0.27.0",
        "modules": [row(GONE, "1.0.0", ""), row(CRYPTO, "0.30.0", NOW)],
        "variants_without_modules": ["arm32v7"],
        "packages": [
            {
                "package": "busybox",
                "before": "1:1.35.0-4+b6",
                "after": "1:1.35.0-4+b7",
                "variants": ["amd64"],
            },
            {"package": "ca-certificates", "before": "", "after": "20230311+deb12u1", "variants": ["amd64"]},
            {"package": "zlib1g", "before": "1:1.2.13", "after": "", "variants": ["amd64"]},
        ],
        "sizes": {"amd64": amd64, "arm32v6": same, "arm32v7": same, "arm64v8": same},
    }


def test_all_modules_of_a_new_or_removed_program_are_new_or_removed(now: ReleaseRecord) -> None:
    more = copy.deepcopy(now)
    cli: Program = {"program": "cli", "variants": ["amd64"], "modules": {GONE: "1.0.0"}}
    more["programs"] = [*more["programs"], cli]
    one = {**row(GONE, "", "1.0.0"), "program": "cli", "variants": ["amd64"]}
    assert compared(now, more)["modules"] == [one]
    assert compared(more, now)["modules"] == [{**one, "before": "1.0.0", "after": ""}]


def test_vulnerabilities_are_those_of_the_modules_that_differ() -> None:
    found = list(
        vulnerability_differences([row(GONE, "1.0.0", ""), row(CRYPTO, "0.30.0", NOW)], by_module(KNOWN))
    )
    assert [
        (change["identity"], change["gained"], change["version"], change["fixed"]) for change in found
    ] == [
        ("GO-2", True, NOW, ""),
        ("GO-1", False, "0.30.0", "0.45.0"),
    ]
    assert {(change["program"], *change["variants"]) for change in found} == {("skycoin", "amd64", "arm64v8")}


def test_equal_records_and_records_without_modules_are_distinguished(now: ReleaseRecord) -> None:
    same = "No program has changed Go modules."
    assert same in page_of(compared(now, now))
    earlier = copy.deepcopy(now)
    del earlier["programs"]
    page = page_of(compared(earlier, now))
    assert same not in page
    names = ", ".join(ARCHES)
    assert f"Go modules are not in both records, and were not compared: {names}." in page


@pytest.mark.parametrize("lost", ["layers", "verified", "all"])
def test_new_layers_are_unknown_if_an_earlier_record_has_none(now: ReleaseRecord, lost: str) -> None:
    before: Any = copy.deepcopy(now)
    amd64 = before["variants"]["amd64"]
    if lost == "layers":
        del amd64["verified"]["layers"]
    elif lost == "verified":
        amd64["verified"] = {}
    else:
        del amd64["verified"]
    sizes = compared(checked_record(before, "skycoin"), now)["sizes"]
    known = {"before": 13_000_000, "after": 13_000_000, "layers": 2}
    assert sizes["amd64"] == {**known, "new_layers": None, "new_size": None}
    assert compared(now, before)["sizes"]["amd64"]["layers"] is None
    page = page_of(
        {"version": "1", "modules": [], "variants_without_modules": [], "packages": [], "sizes": sizes}
    )
    assert "| amd64 | 13.0 MB | 13.0 MB | unknown | unknown |" in page.splitlines()


def test_the_version_of_an_earlier_record_makes_no_markdown(now: ReleaseRecord) -> None:
    found = compared(now, now)
    found["version"] = "1\n# <b> @all"
    assert page_of(found).splitlines()[0] == "## Since 1 # &lt;b> @\u2060all"


WRONG: dict[str, tuple[tuple[str | int, ...], Any]] = {
    "a line break in its version": (("source", "version"), "1\n2"),
    "an escape sequence": (("source", "branch"), "\x1b[2J"),
    "a control character in a list": (("programs", 0, "variants"), ["amd64", "\r"]),
    "a number as its version": (("source", "version"), 5),
    "a word as a module's version": (("programs", 0, "modules", CRYPTO), "latest"),
    "a part of a module's version that is a word": (("programs", 0, "modules", CRYPTO), "1.2.x"),
    "a number as a module's version": (("programs", 0, "modules", CRYPTO), 5),
    "a word as variants": (("programs", 0, "variants"), "amd64"),
    "a word as a size": (("variants", "amd64", "size"), "big"),
    "no size": (("variants", "amd64", "size"), None),
    "a layer without a size": (("variants", "amd64", "verified", "layers", 0, "size"), None),
    "a number as a package's version": (("variants", "amd64", "verified", "packages", "busybox"), 5),
    "an escape sequence as a package": (("variants", "amd64", "verified", "packages"), {"\x1b[2J": "1"}),
    "a list as packages": (("variants", "amd64", "verified", "packages"), ["busybox"]),
    "a list as a digest": (("variants", "amd64", "verified", "layers", 0, "digest"), []),
}


@pytest.mark.parametrize(("place", "value"), WRONG.values(), ids=WRONG)
def test_a_record_with_a_part_of_another_form_is_refused(
    place: tuple[str | int, ...], value: Any, before: ReleaseRecord
) -> None:
    part: Any = before
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    with pytest.raises(RecordError, match="this is not a release record"):
        checked_record(before, "skycoin")


@pytest.mark.parametrize("found", [[], 5, {}, {"image": "skycoin", "source": {}, "tags": {}}])
def test_a_file_that_is_not_a_record_is_refused(found: Any) -> None:
    with pytest.raises(RecordError, match="this is not a release record"):
        checked_record(found, "skycoin")


def test_the_record_of_another_image_is_refused(now: ReleaseRecord) -> None:
    with pytest.raises(RecordError, match="this is the record of image 'skycoin', not of 'skywire'"):
        checked_record(now, "skywire")


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Outputs of a stack; the database of vulnerabilities has the entries of KNOWN."""
    folder = tmp_path / "osv"
    folder.mkdir()
    for vulnerability in KNOWN:
        (folder / f"{vulnerability['id']}.json").write_text(json.dumps(vulnerability))
    found = Database(folder, date(2026, 11, 5))
    monkeypatch.setattr(known_vulnerabilities, "fetched_database", lambda _: found)
    return json.dumps(up("release").exports())


def test_the_command_shows_modules_gained_and_lost_since_an_earlier_record(
    skyinfra: Skyinfra, outputs: str, before: ReleaseRecord, tmp_path: Path
) -> None:
    file = tmp_path / "record.json"
    file.write_text(json.dumps(before))
    command = ("release", "record", "--outputs", "-", "--since", str(file))
    ran = skyinfra(*command, given=outputs)
    assert ran.code == 0, ran.err
    lines = ran.out.partition("## Since 0.27.0\n")[2].splitlines()
    for line in (
        f"| skycoin | {CRYPTO} | 0.30.0 | {NOW} | amd64, arm64v8 |",
        f"| skycoin | {GONE} | 1.0.0 | none | amd64, arm64v8 |",
        f"| skycoin | gained | GO-2 | {CRYPTO} {NOW} | none | GO-2 at work | amd64, arm64v8 |",
        f"| skycoin | gone | GO-1 | {CRYPTO} 0.30.0 | 0.45.0 | GO-1 at work | amd64, arm64v8 |",
        "Go modules are not in both records, and were not compared: arm32v7.",
        "| amd64 | 15.0 MB | 13.0 MB | 1 of 2 | 12.0 MB |",
        "| busybox | 1:1.35.0-4+b6 | 1:1.35.0-4+b7 | amd64 |",
        "| zlib1g | 1:1.2.13 | none | amd64 |",
    ):
        assert line in lines
    assert any("that Go's database knew on 2026-11-05" in line for line in lines)
    as_json = json.loads(skyinfra(*command, "--format", "json", given=outputs).out)
    assert [vulnerability["identity"] for vulnerability in as_json["since"]["vulnerabilities"]] == [
        "GO-2",
        "GO-1",
    ]


def test_the_command_says_that_no_database_could_be_read(
    skyinfra: Skyinfra, outputs: str, before: ReleaseRecord, tmp_path: Path
) -> None:
    for path in (tmp_path / "osv").iterdir():
        path.unlink()
    file = tmp_path / "record.json"
    file.write_text(json.dumps(before))
    ran = skyinfra("release", "record", "--outputs", "-", "--since", str(file), given=outputs)
    assert ran.code == 0
    assert "Known vulnerabilities were not looked up: the database has no entry." in ran.out


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "[" * 100_000,
        '{"image": "skycoin", "source": 1, "tags": 1, "variants": 1}',
        '{"image": "skycoin", "source": {"version": "1"}, "tags": {}, '
        '"variants": {"amd64": {"size": 1, "verified": {"packages": []}}}}',
    ],
)
def test_the_command_refuses_a_file_that_is_not_a_record(
    text: str, skyinfra: Skyinfra, outputs: str, tmp_path: Path
) -> None:
    file = tmp_path / "record.json"
    file.write_text(text)
    ran = skyinfra("release", "record", "--outputs", "-", "--since", str(file), given=outputs)
    assert (ran.code, ran.out) == (1, "")
    assert NO_RECORD in ran.err


def test_a_variant_that_was_not_compared_is_not_called_free_of_changes(
    skyinfra: Skyinfra, outputs: str, before: ReleaseRecord, tmp_path: Path
) -> None:
    for vulnerability in KNOWN[:2]:
        (tmp_path / "osv" / f"{vulnerability['id']}.json").unlink()
    file = tmp_path / "record.json"
    file.write_text(json.dumps(before))
    ran = skyinfra("release", "record", "--outputs", "-", "--since", str(file), given=outputs)
    assert "No known vulnerability is gained or lost by the modules that are known to differ. " in ran.out


@pytest.mark.parametrize("text", ["{", "[]", '{"id": "GO-9"}', '{"id": "GO-9", "affected": [{}]}'])
def test_a_malformed_entry_of_the_database_stops_no_record(
    text: str, skyinfra: Skyinfra, outputs: str, before: ReleaseRecord, tmp_path: Path
) -> None:
    (tmp_path / "osv" / "GO-9.json").write_text(text)
    file = tmp_path / "record.json"
    file.write_text(json.dumps(before))
    ran = skyinfra("release", "record", "--outputs", "-", "--since", str(file), given=outputs)
    assert ran.code == 0
    assert f"Known vulnerabilities were not looked up: {ODD}." in ran.out
