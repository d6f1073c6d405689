"""Known vulnerabilities by version, and the command that lists them."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from catalogue.bases import OFFICIAL_GO
from catalogue.go_modules import NOT_KNOWN, STANDARD_LIBRARY, Finding, required
from commands.release import audit as release_audit
from commands.release.audit import COMPILERS
from local.machine.tools import GO_VERSION
from local.machine.vulnerability_database import Database
from release.accepted import ACCEPTED, read_accepted
from release.vulnerabilities import by_module, entries, findings, precedence
from tests.unit.command_line import Skyinfra
from tests.unit.projects import PROJECT

GO_MOD = """\
module example.org/images/one

go 1.26.0

require example.org/alone v1.2.3
require example.org/replaced v0.1.0

require (
	example.org/block/v2 v2.0.0-20240101000000-aaaaaaaaaaaa
	github.com/docker/docker v28.5.2+incompatible // indirect
)

tool example.org/alone/cmd/one

exclude (
	example.org/alone v1.9.0
)

replace (
	example.org/replaced v0.1.0 => example.org/fork v1.2.4
)
"""


def entry(identity: str, module: str, *events: dict[str, str], **more: Any) -> dict[str, Any]:
    ranges = [{"type": "SEMVER", "events": list(events)}]
    affected = [{"package": {"name": module, "ecosystem": "Go"}, "ranges": ranges}]
    return {"id": identity, "summary": f"{identity} at work", "affected": affected, **more}


def test_a_go_mod_requires_modules_in_blocks_and_alone() -> None:
    assert required(GO_MOD) == {
        "example.org/alone": "1.2.3",
        "example.org/fork": "1.2.4",
        "example.org/block/v2": "2.0.0-20240101000000-aaaaaaaaaaaa",
        "github.com/docker/docker": "28.5.2+incompatible",
    }


@pytest.mark.parametrize("version", ["1.2.3", "0.0.0-20240101000000-aaaaaaaaaaaa", "28.5.2+incompatible"])
@pytest.mark.parametrize("end", ["", "\n", " // indirect\n"])
def test_a_version_of_a_go_mod_is_one_that_can_be_compared(version: str, end: str) -> None:
    assert required(f"require example.org/one v{version}{end}") == {"example.org/one": version}
    for other in ("latest", f"{version.partition('.')[0]}.x", "1.2.3beta", "1.2", ""):
        assert required(f"require example.org/one v{other}{end}") == {"example.org/one": NOT_KNOWN}


@pytest.mark.parametrize("image", ["skycoin", "exporter", "registry"])
def test_the_modules_of_each_image_are_found(image: str) -> None:
    text = (PROJECT / "images" / image / "go.mod").read_text()
    lines = [line for line in text.splitlines() if " v" in line and not line.startswith("module")]
    assert len(required(text)) == len(lines) > 5


def test_versions_are_ordered_as_semantic_versions_are() -> None:
    ordered = [
        "0",
        "0.0.0-20200101",
        "0.0.0",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-rc.1",
    ]
    ordered += ["1.0.0", "1.2.0", "1.10.0", "1.26.9", "1.26.10", "1.27.0-0", "1.27.0", "28.5.2+incompatible"]
    assert sorted(set(ordered), key=precedence) == ordered
    assert precedence("1.2") == precedence("1.2.0") == precedence("1.2.0+build")


@pytest.mark.parametrize(
    ("version", "events", "fixed"),
    [
        ("1.2.2", [{"introduced": "0"}, {"fixed": "1.2.3"}], "1.2.3"),
        ("1.2.3", [{"introduced": "0"}, {"fixed": "1.2.3"}], None),
        ("1.2.3", [{"introduced": "1.2.4"}], None),
        ("1.2.3", [{"introduced": "1.2.3"}], ""),
        (
            "1.3.0",
            [{"introduced": "0"}, {"fixed": "1.2.3"}, {"introduced": "1.3.0-0"}, {"fixed": "1.3.1"}],
            "1.3.1",
        ),
        (
            "1.2.9",
            [{"introduced": "0"}, {"fixed": "1.2.3"}, {"introduced": "1.3.0-0"}, {"fixed": "1.3.1"}],
            None,
        ),
        # A fix by a pseudo-version comes after "0", and before each release.
        ("0.59.0", [{"introduced": "0"}, {"fixed": "0.0.0-20190320223903-b7391e95e576"}], None),
        ("0.0.0-20180101", [{"introduced": "0"}, {"fixed": "0.0.0-20190320"}], "0.0.0-20190320"),
    ],
)
def test_a_version_is_affected_from_the_introduction_of_a_vulnerability_to_its_fix(
    version: str, events: list[dict[str, str]], fixed: str | None
) -> None:
    found = findings(by_module([entry("GO-1", "example.org/one", *events)]), {"example.org/one": version})
    assert [finding.fixed for finding in found] == ([] if fixed is None else [fixed])


def test_a_withdrawn_entry_and_one_of_another_module_are_ignored(tmp_path: Path) -> None:
    everything = {"introduced": "0"}
    for record in (
        entry("GO-1", "example.org/one", everything),
        entry("GO-2", "example.org/one", everything, withdrawn="2026-01-01T00:00:00Z"),
        entry("GO-3", "example.org/one/v2", everything),
    ):
        (tmp_path / f"{record['id']}.json").write_text(json.dumps(record))
    found = findings(by_module(entries(tmp_path)), {"example.org/one": "1.0.0"})
    assert found == [
        Finding(module="example.org/one", version="1.0.0", identity="GO-1", fixed="", summary="GO-1 at work")
    ]


def test_every_accepted_vulnerability_has_a_reason_and_a_date() -> None:
    for finding in read_accepted(ACCEPTED):
        assert finding.identity.startswith("GO-")
        assert len(finding.reason) > 20
        assert date(2026, 11, 1) < finding.date


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database that each test fills, and a project with one image and one tool."""
    folder = tmp_path / "osv"
    folder.mkdir()
    for module in ("images/one", "local/tools/two"):
        (tmp_path / module).mkdir(parents=True)
        (tmp_path / module / "go.mod").write_text(GO_MOD)
    monkeypatch.setattr(release_audit, "PROJECT", tmp_path)
    monkeypatch.setattr(release_audit, "ACCEPTED", tmp_path / "accepted.toml")
    (tmp_path / "accepted.toml").write_text("")
    monkeypatch.setattr(release_audit, "find_go", lambda _: "go")
    found = Database(folder, date(2026, 11, 5))
    monkeypatch.setattr(release_audit, "ensure_database", lambda *_: found)
    return folder


def put(database: Path, one: dict[str, Any]) -> None:
    (database / f"{one['id']}.json").write_text(json.dumps(one))


KNOWN = "vulnerabilities as known on 2026-11-05, by versions of modules."


def test_an_audit_without_findings_passes_and_names_the_databases_day(
    skyinfra: Skyinfra, database: Path
) -> None:
    put(database, entry("GO-1", "example.org/alone", {"introduced": "0"}, {"fixed": "1.2.3"}))
    ran = skyinfra("release", "audit")
    assert (ran.code, ran.err) == (0, "")
    said, last = ran.out.splitlines()
    assert said == "No shipped image has a known vulnerability that is not accepted."
    assert last.endswith(KNOWN)


@pytest.mark.case(48)
def test_an_audit_fails_with_a_table_of_the_unaccepted_findings(skyinfra: Skyinfra, database: Path) -> None:
    put(database, entry("GO-1", "example.org/alone", {"introduced": "0"}, {"fixed": "1.3.0"}))
    put(database, entry("GO-2", STANDARD_LIBRARY, {"introduced": "0"}))
    ran = skyinfra("release", "audit")
    assert ran.code == 1
    rows = [line.split() for line in ran.out.splitlines()]
    assert rows[1] == ["one", "example.org/alone", "1.2.3", "1.3.0", "GO-1", "GO-1", "at", "work"]
    assert [row[:3] for row in rows[2:4]] == [["one", "stdlib", go] for go in sorted(COMPILERS)]
    assert "3 known vulnerabilities in the shipped images. Take fixed versions into" in ran.err


def test_a_replaced_module_is_looked_up_under_the_name_and_version_in_its_place(
    skyinfra: Skyinfra, database: Path
) -> None:
    """Before, the replaced module was looked up instead of its replacement."""
    put(database, entry("GO-1", "example.org/replaced", {"introduced": "0"}))
    put(database, entry("GO-2", "example.org/fork", {"introduced": "0"}))
    ran = skyinfra("release", "audit")
    assert ran.code == 1
    assert "error: 1 known vulnerability in the shipped images. Take" in ran.err
    assert [row.split()[:5] for row in ran.out.splitlines() if "GO-" in row] == [
        ["one", "example.org/fork", "1.2.4", "–", "GO-2"]
    ]


def test_a_module_that_a_folder_replaces_is_named_as_not_looked_up(
    skyinfra: Skyinfra, database: Path
) -> None:
    more = "require example.org/folder v0.1.0\nreplace example.org/folder => ../folder\n"
    (database.parent / "images/one/go.mod").write_text(GO_MOD + more)
    put(database, entry("GO-1", "example.org/folder", {"introduced": "0"}))
    ran = skyinfra("release", "audit")
    assert ran.code == 0
    assert ran.out.splitlines()[1] == (
        "not looked up: example.org/folder in images/one. Its version is unknown, as the module is replaced "
        "by a folder, or its version is excluded or not exact."
    )


def test_a_go_mod_with_a_comment_that_is_not_utf_8_is_looked_up(skyinfra: Skyinfra, database: Path) -> None:
    """Before, it was an internal error that did not name the file."""
    (database.parent / "images/one/go.mod").write_bytes(b"// caf\xe9\n" + GO_MOD.encode())
    put(database, entry("GO-1", "example.org/alone", {"introduced": "0"}))
    assert "1 known vulnerability in the shipped images" in skyinfra("release", "audit").err


def test_each_go_that_may_have_compiled_an_image_is_looked_up(skyinfra: Skyinfra, database: Path) -> None:
    """Official bases bring their own, older Go."""
    put(database, entry("GO-2", STANDARD_LIBRARY, {"introduced": "0"}, {"fixed": GO_VERSION}))
    ran = skyinfra("release", "audit")
    assert ran.code == 1
    assert ran.out.splitlines()[1].split()[:4] == ["one", "stdlib", OFFICIAL_GO, GO_VERSION]
    assert f"Go {OFFICIAL_GO} and {GO_VERSION}; vulnerabilities as known" in ran.out


def test_an_empty_vulnerability_database_is_an_error(skyinfra: Skyinfra, database: Path) -> None:
    ran = skyinfra("release", "audit")
    assert ran.code == 1
    assert "has no entry: nothing was looked up" in ran.err


def test_an_accepted_finding_passes_with_its_reason_and_one_that_is_gone_is_reported(
    skyinfra: Skyinfra, database: Path
) -> None:
    put(database, entry("GO-1", "example.org/alone", {"introduced": "0"}))
    accepted = (
        '[[accepted]]\nid = "{}"\nmodule = "example.org/alone"\nprograms = ["{}"]\n'
        'reason = "Nobody calls it."\ndate = 2026-11-27\n'
    )
    (database.parent / "accepted.toml").write_text(
        accepted.format("GO-1", "one") + accepted.format("GO-9", "one")
    )
    ran = skyinfra("release", "audit")
    assert (ran.code, ran.err) == (0, "")
    assert "accepted on 2026-11-27: GO-1 in example.org/alone. Nobody calls it." in ran.out
    assert "accepted, and gone: GO-9 in example.org/alone. Remove it from accepted.toml." in ran.out


def test_a_vulnerability_accepted_in_one_program_is_not_accepted_in_another(
    skyinfra: Skyinfra, database: Path
) -> None:
    put(database, entry("GO-1", "example.org/alone", {"introduced": "0"}))
    accepted = 'id = "GO-1"\nmodule = "example.org/alone"\nreason = "Nobody calls it."\ndate = 2026-11-27\n'
    (database.parent / "accepted.toml").write_text(f'[[accepted]]\nprograms = ["two"]\n{accepted}')
    assert skyinfra("release", "audit").code == 1


GOOD = """\
[[accepted]]
id = "GO-1"
module = "example.org/alone"
programs = ["one"]
reason = "Nobody calls it."
date = 2026-11-27
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + '[[accepted]\nid = "GO-2"\n', " is not valid TOML: Expected ']]' at the end of an array "),
        (GOOD + "# \xff\n", " is not valid TOML: 'utf-8' codec can't decode byte 0xff"),
        (GOOD.replace("accepted", "acepted"), ": unknown key 'acepted'. "),
        ("accepted = 1\n", ": `accepted` is not a list of entries. "),
        ("accepted = [1]\n", ": entry 1 is not a table. "),
        (f"\n{GOOD}\n{GOOD.replace('reason', 'reasons')}", ":9: entry 2 has no `reason`. "),
        (f'{GOOD}until = "later"\n', ":1: entry 1 has the unknown key 'until'. "),
        (GOOD.replace('["one"]', '"one"'), ":1: entry 1 has a wrong `programs`: 'one'. "),
        (GOOD.replace('["one"]', "[]"), ":1: entry 1 has a wrong `programs`: []. "),
        (GOOD.replace("2026-11-27", '"2026-11-27"'), ":1: entry 1 has a wrong `date`: '2026-11-27'. "),
        (GOOD.replace("2026-11-27", "2026-11-27T10:00:00"), ":1: entry 1 has a wrong `date`: "),
        (GOOD.replace('"Nobody calls it."', '" "'), ":1: entry 1 has a wrong `reason`: ' '. "),
        (GOOD.replace('"GO-1"', "1"), ":1: entry 1 has a wrong `id`: 1. "),
    ],
)
def test_a_mistake_in_the_file_of_accepted_vulnerabilities_is_named_with_its_place(
    skyinfra: Skyinfra, database: Path, text: str, said: str
) -> None:
    """Before, it was an internal error, or the wrong entry was read as another one."""
    put(database, entry("GO-1", "example.org/alone", {"introduced": "0"}))
    file = database.parent / "accepted.toml"
    file.write_text(text, encoding="latin-1")
    ran = skyinfra("release", "audit")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"error: {file}{said}")
    assert ran.err.endswith("and `date`, as 2026-11-27 without quotes.\n")


def test_programs_below_an_images_folder_are_looked_up_and_can_be_accepted(
    skyinfra: Skyinfra, database: Path
) -> None:
    """The debugger and linters in workspaces, of images/skycoindev-cli/tools, were not looked up."""
    below = database.parent / "images" / "one" / "tools"
    below.mkdir()
    (below / "go.mod").write_text("module example.org/x\nrequire example.org/linter v1.0.0\n")
    put(database, entry("GO-1", "example.org/linter", {"introduced": "0"}))
    ran = skyinfra("release", "audit")
    assert ran.code == 1
    assert [row.split()[:3] for row in ran.out.splitlines() if "GO-1" in row] == [
        ["one/tools", "example.org/linter", "1.0.0"]
    ]
    (database.parent / "accepted.toml").write_text(
        '[[accepted]]\nid = "GO-1"\nmodule = "example.org/linter"\nprograms = ["one/tools"]\n'
        'reason = "Nobody calls it."\ndate = 2026-11-27\n'
    )
    assert skyinfra("release", "audit").code == 0


def test_programs_that_only_build_images_are_tools_and_not_shipped(
    skyinfra: Skyinfra, database: Path
) -> None:
    builds = database.parent / "images" / "go-module" / "sbom"
    builds.mkdir(parents=True)
    (builds / "go.mod").write_text("module example.org/x\nrequire example.org/lists v1.0.0\n")
    put(database, entry("GO-1", "example.org/lists", {"introduced": "0"}))
    ran = skyinfra("release", "audit", "--tools")
    assert ran.code == 0
    said, *_, last = ran.out.splitlines()
    assert said == "No shipped image has a known vulnerability that is not accepted."
    assert last.split()[:3] == ["go-module/sbom", "example.org/lists", "1.0.0"]


def test_every_go_mod_of_an_image_is_looked_up() -> None:
    shipped = set(release_audit._go_mods_of_images(shipped=True))
    building = set(release_audit._go_mods_of_images(shipped=False))
    assert shipped == {"exporter", "registry", "skycoin", "skycoindev-cli/tools"}
    assert building == {"go-module/abi-gate", "go-module/sbom"}
    assert len(shipped | building) == len([*(PROJECT / "images").rglob("go.mod")])


def test_the_database_can_be_fetched_without_a_judgement(skyinfra: Skyinfra, database: Path) -> None:
    put(database, entry("GO-1", "example.org/alone", {"introduced": "0"}))
    ran = skyinfra("release", "audit", "--fetch-only")
    assert (ran.code, ran.out) == (0, f"The database of 2026-11-05 is in {database}.\n")


def test_tools_are_listed_when_asked_for_and_fail_nothing(skyinfra: Skyinfra, database: Path) -> None:
    put(database, entry("GO-1", "github.com/docker/docker", {"introduced": "0"}))
    (database.parent / "images/one/go.mod").write_text("module example.org/one\n")
    assert "two" not in skyinfra("release", "audit").out
    ran = skyinfra("release", "audit", "--tools")
    assert ran.code == 0
    assert ran.out.splitlines()[-1].split()[:3] == ["two", "github.com/docker/docker", "28.5.2+incompatible"]
