"""The table of architectures, cell by cell: a wrong cell builds an image that doesn't start."""

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.arch import ARCHES, Abi, in_table_order, native
from catalogue.bases import official_busybox
from catalogue.boards import SERVER
from catalogue.images import PROJECT
from catalogue.naming import split_pinned

TABLE = {
    "amd64": ("linux/amd64", "amd64", "", "amd64", "x86_64-linux-gnu-gcc"),
    "arm32v5": ("linux/arm/v5", "arm", "5", "armel", "arm-linux-gnueabi-gcc"),
    "arm32v6": ("linux/arm/v6", "arm", "6", "armel", "arm-linux-gnueabi-gcc"),
    "arm32v7": ("linux/arm/v7", "arm", "7", "armhf", "arm-linux-gnueabihf-gcc"),
    "arm64v8": ("linux/arm64/v8", "arm64", "", "arm64", "aarch64-linux-gnu-gcc"),
}
ABIS = {
    "amd64": Abi(machine="EM_X86_64", bits=64),
    "arm32v5": Abi(
        machine="EM_ARM",
        bits=32,
        cpus=frozenset({0, 1, 2, 3, 4, 5}),
        ifunc_libraries=frozenset({"libatomic.so.1"}),
    ),
    "arm32v6": Abi(
        machine="EM_ARM",
        bits=32,
        hard_float_base=True,
        cpus=frozenset({0, 1, 2, 3, 4, 5, 6, 7, 9}),
        ifunc_libraries=frozenset({"libatomic.so.1"}),
    ),
    "arm32v7": Abi(machine="EM_ARM", bits=32, hard_float=True, cpus=frozenset(range(11))),
    "arm64v8": Abi(machine="EM_AARCH64", bits=64),
}
NOT_OURS = ["arm32v8", "arm32v9", "arm", "arm64", "armhf", "i386", "linux/arm/v7", "AMD64", "amd64 ", ""]


def test_every_architecture_is_in_the_tests_table() -> None:
    assert list(ARCHES) == list(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_each_row_has_the_common_names_of_its_architecture(name: str) -> None:
    arch = ARCHES[name]
    assert (arch.platform, arch.goarch, arch.goarm, arch.debian_port, arch.cc) == TABLE[name]
    assert arch.name == name
    assert arch.abi == ABIS[name]


@pytest.mark.parametrize(
    ("machine", "name"),
    [("x86_64", "amd64"), ("aarch64", "arm64v8"), ("armv7l", "arm32v7"), ("armv6l", "arm32v6")],
)
def test_a_machine_is_of_the_newest_architecture_that_it_runs(machine: str, name: str) -> None:
    assert native(machine) is ARCHES[name]


def test_a_machine_that_runs_no_row_has_no_architecture() -> None:
    assert native("riscv64") is None


def test_licences_are_collected_for_every_architecture() -> None:
    """Modules that only one architecture links have their licence too."""
    script = (PROJECT / "images" / "go-module" / "collect-licences").read_text()
    loop = re.search(r"^for arch in (.*); do$", script, re.M)
    assert loop is not None
    assert set(loop[1].split()) == {arch.goarch for arch in ARCHES.values()}


@pytest.mark.parametrize("name", TABLE)
def test_goarm_is_set_exactly_where_goarch_is_arm(name: str) -> None:
    """Go ignores GOARM=7 with GOARCH=arm64, and takes GOARCH=arm without GOARM for v7."""
    arch = ARCHES[name]
    assert (arch.goarch == "arm") == bool(arch.goarm)
    assert arch.platform.endswith(f"/v{arch.goarm}") or not arch.goarm


@pytest.mark.parametrize("name", ["arm32v5", "arm32v6"])
def test_armel_serves_variants_that_armhf_cannot(name: str) -> None:
    """Debian's armhf needs ARMv7: on a Raspberry Pi Zero its programs die with an illegal instruction."""
    assert ARCHES[name].debian_port == "armel"
    assert "gnueabihf" not in ARCHES[name].cc


@pytest.mark.parametrize("name", NOT_OURS)
def test_other_names_are_not_rows(name: str) -> None:
    assert name not in ARCHES


def test_arm32v6_is_not_arm32v7() -> None:
    v6, v7 = ARCHES["arm32v6"], ARCHES["arm32v7"]
    assert all(getattr(v6, cell) != getattr(v7, cell) for cell in ("platform", "goarm", "debian_port", "cc"))


def test_no_two_rows_share_a_platform() -> None:
    assert len({arch.platform for arch in ARCHES.values()}) == len(ARCHES)


def test_a_row_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ARCHES["amd64"].platform = "linux/386"  # type: ignore[misc]  # the test expects the error
    with pytest.raises(TypeError):
        ARCHES["i386"] = ARCHES["amd64"]  # type: ignore[index]  # the test expects the error


@given(st.sets(st.sampled_from(sorted(TABLE))))
def test_the_order_is_the_tables_whatever_was_asked_for(names: set[str]) -> None:
    assert [arch.name for arch in in_table_order(names)] == [name for name in TABLE if name in names]


def test_an_unknown_name_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(KeyError) as caught:
        in_table_order({"amd64", "arm32v9", "arm32v8"})
    assert caught.value.args == ("arm32v8, arm32v9: not among amd64, arm32v5, arm32v6, arm32v7, arm64v8",)


@pytest.mark.parametrize("name", TABLE)
def test_every_row_has_an_official_base_of_its_own(name: str) -> None:
    repository, digest = split_pinned(official_busybox(name))
    assert repository == "docker.io/library/busybox"
    assert digest not in {split_pinned(official_busybox(other))[1] for other in TABLE if other != name}


def test_a_host_without_a_board_declares_no_architecture() -> None:
    assert SERVER.arch == ""
