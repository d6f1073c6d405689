"""Table of the architectures that Skycoin's images are built for.

Names and platforms follow docker-library's bashbrew (`architecture/oci-platform.go`). The ABIs' sources: the
ELF header's e_machine and e_flags (gabi, "ELF Header"; ARM IHI 0044, "e_flags"), and the build attribute
Tag_CPU_arch (ARM IHI 0045).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True, slots=True)
class Abi:
    """ABI that the programs of one platform may have."""

    machine: str
    bits: int
    hard_float: bool = False
    """True if floating-point registers may carry arguments."""
    hard_float_base: bool = False
    """The same, but only in a static program that names its CPU, as programs of a base image do."""
    cpus: frozenset[int] | None = None
    """Allowed values of Tag_CPU_arch; None if the architecture has no such attribute."""
    ifunc_libraries: frozenset[str] = frozenset()
    """Shared libraries (DT_SONAME) that may have another Tag_CPU_arch, if they choose functions by the
    processor at run time (STT_GNU_IFUNC): the attribute names the newest processor that they have code for.
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class Arch:
    """One architecture: its names in Docker Hub, OCI, Go and Debian, and its ABI."""

    name: str
    """Docker Hub's name, e.g. `arm32v7`: the suffix of a variant's tag."""
    platform: str
    """OCI platform to build for, e.g. `linux/arm/v7`."""
    goarch: str
    goarm: str
    """Go's GOARM; empty if GOARCH is not arm."""
    debian_port: str
    """Debian port whose packages run on it. armel (v5) serves v6 too, because armhf needs v7."""
    cc: str
    """Debian's C compiler for this variant. Its name is the same on amd64 and arm64, cross or native."""
    abi: Abi
    """ABI of its programs. The gate of builds has it in `abis.json`, which is made from this table."""


_ARMEL_IFUNC = frozenset({"libatomic.so.1"})
"""Debian's OpenSSL for armel needs it. GCC builds it so wherever Linux lacks 64-bit atomic operations
(libatomic/configure.tgt, `arm*-*-linux*`)."""

ARCHES: Mapping[str, Arch] = MappingProxyType(
    {
        arch.name: arch
        for arch in (
            Arch(
                name="amd64",
                platform="linux/amd64",
                goarch="amd64",
                goarm="",
                debian_port="amd64",
                cc="x86_64-linux-gnu-gcc",
                abi=Abi(machine="EM_X86_64", bits=64),
            ),
            Arch(
                name="arm32v5",
                platform="linux/arm/v5",
                goarch="arm",
                goarm="5",
                debian_port="armel",
                cc="arm-linux-gnueabi-gcc",
                # Up to v5TEJ.
                abi=Abi(machine="EM_ARM", bits=32, cpus=frozenset(range(6)), ifunc_libraries=_ARMEL_IFUNC),
            ),
            Arch(
                name="arm32v6",
                platform="linux/arm/v6",
                goarch="arm",
                goarm="6",
                debian_port="armel",
                cc="arm-linux-gnueabi-gcc",
                # v6, v6KZ, v6K; v6T2 (8) has Thumb-2, which the ARM1176 of a Raspberry Pi 1 lacks.
                # The official busybox for v6 is Alpine's build, for this CPU and its floating-point unit.
                abi=Abi(
                    machine="EM_ARM",
                    bits=32,
                    hard_float_base=True,
                    cpus=frozenset((*range(8), 9)),
                    ifunc_libraries=_ARMEL_IFUNC,
                ),
            ),
            Arch(
                name="arm32v7",
                platform="linux/arm/v7",
                goarch="arm",
                goarm="7",
                debian_port="armhf",
                cc="arm-linux-gnueabihf-gcc",
                abi=Abi(machine="EM_ARM", bits=32, hard_float=True, cpus=frozenset(range(11))),
            ),
            Arch(
                name="arm64v8",
                platform="linux/arm64/v8",
                goarch="arm64",
                goarm="",
                debian_port="arm64",
                cc="aarch64-linux-gnu-gcc",
                abi=Abi(machine="EM_AARCH64", bits=64),
            ),
        )
    }
)
"""All architectures by name, in the order of the entries of a manifest list."""


RUNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "x86_64": ("linux/amd64",),
        "aarch64": ("linux/arm64/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"),
        "armv7l": ("linux/arm/v7", "linux/arm/v6", "linux/arm/v5"),
        "armv6l": ("linux/arm/v6", "linux/arm/v5"),
    }
)
"""`uname -m` of an engine → platforms that its processor runs. ARM processors run older variants too."""


def native(machine: str) -> Arch | None:
    """Newest architecture that a machine runs, by its `uname -m`; None if it runs none."""
    platform = next(iter(RUNS.get(machine, ())), None)
    return next((arch for arch in ARCHES.values() if arch.platform == platform), None)


def normalized(platform: str) -> str:
    """Normalize the spelling of a platform: arm64 without a variant is v8 (containerd/platforms)."""
    return "linux/arm64" if platform == "linux/arm64/v8" else platform


def in_table_order(names: set[str]) -> list[Arch]:
    """Architectures with these names, in the table's order. Raises KeyError for an unknown name."""
    unknown = names - ARCHES.keys()
    if unknown:
        raise KeyError(f"{', '.join(sorted(unknown))}: not among {', '.join(ARCHES)}")
    return [arch for arch in ARCHES.values() if arch.name in names]
