"""The image skywire: the arguments of its build, and the content of its files."""

import json
import os
import re

import pytest

from catalogue.arch import ARCHES, Arch
from catalogue.images import CATALOGUE, PROJECT
from mocks.engine import BUILD
from settings.reading import SettingsError, parse
from tests.unit.engine import Engine
from tests.unit.projects import run_program
from tests.unit.yaml_like import SKYWIRE, changed

FOLDER = PROJECT / "images" / "skywire"
GATE = PROJECT / "images" / "go-module" / "abi-gate"


def test_each_variant_gets_the_compiler_of_its_arch() -> None:
    """The former build hooks used the hard-float compiler for ARM v5, v6 and v7 alike."""
    engine = run_program(Engine(), changed({"images.skywire": {**SKYWIRE, "arches": list(ARCHES)}}))
    given = {arch: engine.one(BUILD, f"skywire-{arch}-image").inputs["buildArgs"] for arch in ARCHES}
    assert {arch: (args["CC"], args["GOARM"]) for arch, args in given.items()} == {
        "amd64": ("x86_64-linux-gnu-gcc", ""),
        "arm32v5": ("arm-linux-gnueabi-gcc", "5"),
        "arm32v6": ("arm-linux-gnueabi-gcc", "6"),
        "arm32v7": ("arm-linux-gnueabihf-gcc", "7"),
        "arm64v8": ("aarch64-linux-gnu-gcc", ""),
    }


def test_sources_are_a_commit_of_git_and_the_version_reaches_the_linker() -> None:
    engine = run_program(Engine(), changed({"images.skywire": SKYWIRE}))
    build = engine.one(BUILD, "skywire-arm32v6-image").inputs
    source = f"https://github.com/skycoin/skywire.git#{'1' * 40}"
    assert build["context"]["named"]["source"] == {"location": source}
    assert build["dockerfile"] == {"location": "./images/skywire/Dockerfile"}
    assert build["tags"] == ["registry.localhost:5443/skycoin/skywire"]
    assert f"-X main.Version=1.3.29 -X main.Commit={'1' * 40}" in build["buildArgs"]["LDFLAGS"]
    assert build["labels"]["org.opencontainers.image.title"] == "Skywire visor"


def test_a_module_is_not_a_source_of_it() -> None:
    source = {"module": "github.com/skycoin/skywire", "version": "v1.3.29", "commit": "1" * 40}
    with pytest.raises(SettingsError) as caught:
        parse(changed({"images.skywire": {**SKYWIRE, "source": source}}))
    assert caught.value.faults == [
        "skycoin:images.skywire.source: module is not a source of skywire; allowed: git or path"
    ]


def test_a_compiler_given_by_hand_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        parse(changed({"images.skywire": {**SKYWIRE, "build-args": {"CC": "gcc"}}}))
    assert "build-args.CC: is set by the program" in caught.value.faults[0]


def test_the_toolchain_has_the_compilers_of_the_arch_table() -> None:
    text = (FOLDER / "install-compiler").read_text()
    found = dict(re.findall(r"^ +(\S+-gcc)\) port=(\w+) ;;", text, re.M))
    assert found == {arch.cc: arch.debian_port for arch in ARCHES.values()}
    [refusal] = re.findall(r"allowed are (.*?gcc)\"$", text, re.S | re.M)
    assert re.findall(r"[\w-]+-gcc", refusal) == list(found), "the sentence names those that there are"


def test_arguments_come_after_the_sources_that_they_must_not_fetch_again() -> None:
    """In the former Dockerfiles, the arguments came first, so every commit compiled everything."""
    text = (FOLDER / "Dockerfile").read_text()
    sources = text.index("COPY --from=source")
    for argument in ("GOARCH", "GOARM", "LINK", "LDFLAGS"):
        assert text.index(f"ARG {argument}") > sources, argument


def _gate_row(arch: Arch) -> str:
    abi = arch.abi
    optional = {
        "hard_float": abi.hard_float or None,
        "cpus": abi.cpus and sorted(abi.cpus),
        "hard_float_base": abi.hard_float_base or None,
        "ifunc_libraries": sorted(abi.ifunc_libraries),
        "goarm": int(arch.goarm) if arch.goarm else None,
    }
    row = {"machine": abi.machine, "bits": abi.bits, **{key: cell for key, cell in optional.items() if cell}}
    return f"  {json.dumps(arch.platform)}: {json.dumps(row)}"


def test_the_gates_table_is_made_from_that_of_the_architectures() -> None:
    """The gate refuses a wrong file during the build, the verification after the push."""
    text = "{\n" + ",\n".join(map(_gate_row, ARCHES.values())) + "\n}\n"
    file = GATE / "abis.json"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.write_text(text)
    assert file.read_text() == text


@pytest.mark.parametrize("dockerfile", sorted({entry.dockerfile for entry in CATALOGUE.values()}))
def test_every_image_with_a_program_passes_the_gate(dockerfile: str) -> None:
    text = (PROJECT / dockerfile).read_text()
    assert re.search(
        r"--mount=type=bind,from=base,target=/base --network=none \\\n +abi-gate -wait 1s -platform", text
    )
    assert "FROM ${IMAGE_FROM} AS base" in text
    assert text.rindex("FROM base") > text.index("abi-gate -wait 1s -platform")


@pytest.mark.parametrize("name", ["skycoin", "skywire"])
def test_no_image_declares_a_volume(name: str) -> None:
    """An unmounted VOLUME becomes an anonymous one; the former build hooks declared it before its chown."""
    assert not re.search("^VOLUME", (PROJECT / "images" / name / "Dockerfile").read_text(), re.M)
