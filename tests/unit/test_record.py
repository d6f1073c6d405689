"""The release record, from the outputs that the real program exports."""

import json

import pytest

from catalogue.arch import ARCHES
from catalogue.bases import official_busybox
from catalogue.stack_outputs import Report, StackOutputs
from mocks.engine import REPORT
from release.record import RecordError, ReleaseRecord, markdown, release_record
from tests.unit.command_line import Skyinfra
from tests.unit.projects import FILES, stack_settings, up, up_with


@pytest.fixture(scope="module")
def outputs() -> StackOutputs:
    return up("release").exports()


def test_a_record_has_tags_digests_source_bases_and_sizes(outputs: StackOutputs) -> None:
    record = release_record(outputs, "skycoin")
    assert record["source"] == {
        "version": "0.27.1",
        "commit": "13141d81aaa5fa3c653522f6d462dfc851c962f2",
        "branch": "master",
        "date": "2020-11-23T01:01:48Z",
    }
    assert list(record["tags"]) == list(outputs["images"]["skycoin"])
    for tag, entry in record["tags"].items():
        published = outputs["images"]["skycoin"][tag]
        assert entry == {"digest": published["digest"], "registries": {"hub": published["ref"]}}
    assert list(record["variants"]) == list(ARCHES)
    for arch, variant in record["variants"].items():
        assert variant["base"] == official_busybox(arch)
        assert (variant["platform"], variant["size"]) == (ARCHES[arch].platform, 13_000_000)


def test_the_markdown_page_has_the_same_facts(outputs: StackOutputs) -> None:
    record = release_record(outputs, "skycoin")
    page = markdown(record)
    assert page.startswith("# skycoin 0.27.1\n\nFrom commit `13141d81")
    for arch, variant in record["variants"].items():
        digest, base = variant["digest"], variant["base"]
        row = f"| {arch} | {variant['platform']} | 13.0 MB | 37.0 MB | `{digest}` | `{base}` |"
        assert row in page.splitlines()
    for tag, entry in record["tags"].items():
        assert f"| `{tag}` | `{entry['digest']}` | hub |" in page.splitlines()


def test_the_record_says_what_was_verified_and_where_the_sboms_are(outputs: StackOutputs) -> None:
    record = release_record(outputs, "skycoin")
    assert all(variant["verified"] == REPORT for variant in record["variants"].values())
    page = markdown(record).splitlines()
    platform = "linux/arm/v5 in configuration and programs"
    programs = "3 × X86_64, 64 bit, static"
    assert f"| arm32v5 | {platform} | 9 as wanted | {programs} | 1.0 MB, 12.0 MB |" in page
    assert "| arm32v5 | `/usr/share/sbom/skycoin.cdx.json` | 33 | `sha256:5b` |" in page


def test_the_record_has_the_debian_packages_of_the_images(outputs: StackOutputs) -> None:
    """Only their number and the SBOM's digest were in it."""
    record = release_record(outputs, "skycoin")
    record["variants"]["arm32v5"]["verified"] = {**REPORT, "packages": {"busybox": "1:1.37.0-7"}}
    assert record["variants"]["amd64"]["verified"]["packages"] == REPORT["packages"]
    folded = markdown(record).partition("<details><summary>2 Debian packages</summary>\n\n")[2]
    others = ", ".join(arch for arch in record["variants"] if arch != "arm32v5")
    assert folded.partition("\n\n</details>")[0].splitlines() == [
        "| package | version | variants |",
        "| --- | --- | --- |",
        f"| busybox | 1:1.35.0-4+b7 | {others} |",
        "| busybox | 1:1.37.0-7 | arm32v5 |",
        f"| ca-certificates | 20230311+deb12u1 | {others} |",
    ]


def test_an_image_without_sboms_or_programs_has_no_table_of_them(outputs: StackOutputs) -> None:
    bare: Report = {"labels": 0, "programs": {}, "sboms": {}, "layers": []}
    page = markdown(release_record({**outputs, "verification": {"skycoin": {"amd64": bare}}}, "skycoin"))
    assert "| amd64 | linux/amd64 in configuration and programs | 0 as wanted | none |  |" in page
    assert "SBOM" not in page
    assert "<details>" not in page, "nor one of packages"


def test_outputs_of_an_earlier_program_give_a_record_without_a_verification(outputs: StackOutputs) -> None:
    earlier = outputs.copy()
    del earlier["verification"]
    assert "Read back" not in markdown(release_record(earlier, "skycoin"))


def test_unknown_fields_of_a_source_are_left_out(outputs: StackOutputs) -> None:
    record = release_record(outputs, "skycoin")
    bare: ReleaseRecord = {
        **record,
        "source": {"version": "0.27.1", "commit": "unknown", "branch": "", "date": ""},
    }
    assert "\nFrom commit `unknown`.\n" in markdown(bare)


def test_a_registry_that_was_left_out_is_reported() -> None:
    registries = {"hub": {"kind": "oci", "address": "docker.io"}, "own": {"kind": "oci", "address": "a.b"}}
    image = {**stack_settings(FILES["release"])["images"]["skycoin"], "registries": ["hub", "own"]}
    engine = up_with("release", registries=registries, images={"skycoin": image})
    record = release_record(engine.exports(), "skycoin")
    latest = record["tags"]["latest"]
    latest["registries"] = {**latest["registries"], "own": ""}
    assert "hub, own (skipped: optional registry failed) |" in markdown(record)


def test_a_missing_image_is_reported_with_those_that_the_stack_has(outputs: StackOutputs) -> None:
    with pytest.raises(RecordError, match="'monero' is not published by this stack; it has skycoin"):
        release_record(outputs, "monero")


@pytest.mark.parametrize("format_", ["markdown", "json"])
def test_the_command_reads_what_pulumi_prints(
    outputs: StackOutputs, format_: str, skyinfra: Skyinfra
) -> None:
    given = json.dumps(outputs)
    ran = skyinfra("release", "record", "skycoin", "--format", format_, "--outputs", "-", given=given)
    record = release_record(outputs, "skycoin")
    assert ran.code == 0
    assert ran.out.strip() == (
        markdown(record).strip() if format_ == "markdown" else json.dumps(record, indent=2)
    )


def test_the_command_says_what_a_stack_without_the_image_has(
    outputs: StackOutputs, skyinfra: Skyinfra
) -> None:
    ran = skyinfra("release", "record", "monero", "--outputs", "-", given=json.dumps(outputs))
    assert (ran.code, ran.out) == (1, "")
    assert "it has skycoin" in ran.err


@pytest.mark.parametrize("text", ["", "[]", "5", '{"images": 5}', '{"images": {"skycoin": []}}'])
def test_the_command_bears_a_pulumi_that_failed(text: str, skyinfra: Skyinfra) -> None:
    """A failed `pulumi stack output --json` leaves nothing, or something else, in the pipe."""
    ran = skyinfra("release", "record", "--outputs", "-", given=text)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: ")
    assert "outputs" in ran.err
