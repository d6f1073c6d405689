"""Bases of images: the official busybox, or bases that the stack builds, with either value of `bases`."""

import re

import pytest

from catalogue.arch import ARCHES
from catalogue.bases import OFFICIAL_GO, Base, official_busybox
from local.machine.layout import PROJECT
from local.machine.tools import GO_VERSION
from mocks.engine import BUILD, VERIFICATION
from settings.names import built_bases, repositories_of
from settings.reading import SettingsError, parse
from tests.unit.engine import Engine
from tests.unit.projects import run_program
from tests.unit.yaml_like import DIGEST, EXPORTER, SKYWIRE, changed

DEBIAN = {"bases": "debian", "build-base": f"registry.localhost:5443/base/build@{DIGEST}"}


def test_busybox_is_the_default_base() -> None:
    assert parse(changed({})).images["skycoin"].base is Base.BUSYBOX
    build = run_program(Engine(), changed({})).one(BUILD, "skycoin-amd64-image").inputs
    assert build["buildArgs"]["IMAGE_FROM"] == official_busybox("amd64")
    assert build["labels"]["org.opencontainers.image.base.name"] == "busybox (official)"


@pytest.mark.parametrize("mode", [{}, DEBIAN])
def test_a_glibc_base_is_built_wherever_the_bases_come_from(mode: dict[str, str]) -> None:
    """No official glibc image without a package manager has a recorded digest."""
    engine = run_program(Engine(), changed({"images.skycoin.base": "glibc", **mode}))
    assert [image.name for image in engine.all_of(BUILD)] == [
        "glibc-amd64-image",
        "glibc-arm32v7-image",
        "skycoin-amd64-image",
        "skycoin-arm32v7-image",
    ]
    for arch in ("amd64", "arm32v7"):
        glibc, skycoin = (engine.one(BUILD, f"{image}-{arch}-image").inputs for image in ("glibc", "skycoin"))
        digest = engine.digest(f"glibc-{arch}-image")
        assert glibc["tags"] == ["registry.localhost:5443/base/glibc"]
        assert glibc["buildArgs"]["IMAGE_FROM"] == "scratch"
        assert glibc["buildArgs"]["SHELL"] == "true", "entry points are scripts"
        assert glibc["buildArgs"]["DEBIAN_PORT"] == ARCHES[arch].debian_port
        assert glibc["context"]["named"]["go-module"] == {"location": "./images/go-module"}
        assert skycoin["buildArgs"]["IMAGE_FROM"] == f"registry.localhost:5443/base/glibc@{digest}"
        assert skycoin["labels"]["org.opencontainers.image.base.name"] == "glibc (debian)"
        assert skycoin["labels"]["org.opencontainers.image.base.digest"] == digest
        assert (
            engine.one(VERIFICATION, f"glibc-{arch}-verification").inputs["platform"] == glibc["platforms"][0]
        )


def test_each_base_is_built_for_the_architectures_of_its_own_images() -> None:
    settings = changed(
        {**DEBIAN, "images.skywire": {**SKYWIRE, "base": "glibc"}, "images.exporter": EXPORTER}
    )
    assert built_bases(parse(settings)) == {
        Base.BUSYBOX: ["amd64", "arm32v7"],
        Base.GLIBC: ["amd64", "arm32v6"],
    }
    bases = run_program(Engine(), settings).exports()["provenance"]
    assert "/base/glibc@" in bases["skywire"]["bases"]["arm32v6"]
    assert "/base/busybox@" in bases["skycoin"]["bases"]["arm32v7"]


def test_a_base_has_a_repository_in_the_registry_where_the_first_image_is_built() -> None:
    settings = parse(changed({"images.skycoin.base": "glibc"}))
    assert repositories_of("local", settings) == {"skycoin/skycoin": ["0.27"], "base/glibc": ["bookworm"]}


def test_an_unknown_base_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        parse(changed({"images.skycoin.base": "debian"}))
    assert caught.value.faults == ['skycoin:images.skycoin.base: "debian": must be one of busybox, glibc']


@pytest.mark.parametrize(
    ("page", "versions"),
    [
        ("SECURITY.md", {OFFICIAL_GO}),
        ("CONTRIBUTING.md", {OFFICIAL_GO}),
        ("docs/settings.md", {OFFICIAL_GO, GO_VERSION}),
    ],
)
def test_documents_name_the_go_that_compiles(page: str, versions: set[str]) -> None:
    assert {*re.findall(r"\bGo (1\.\d+\.\d+)", (PROJECT / page).read_text())} == versions
