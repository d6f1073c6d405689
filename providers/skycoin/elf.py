"""Checks a program's ELF header against the platform of the image that contains it.

Go's ARM programs carry no build attributes (catalogue/arch.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import IO

from catalogue.arch import ARCHES, Abi

MAGIC = b"\x7fELF"
_HARD_FLOAT = 0x400


ABIS: Mapping[str, Abi] = MappingProxyType({arch.platform: arch.abi for arch in ARCHES.values()})
"""ABI by OCI platform."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """Facts from a program's ELF header."""

    machine: str
    bits: int
    hard_float: bool
    cpu: int | None
    interpreter: str | None
    """Dynamic linker that the program requests; None if it is statically linked."""


def read_program(file: IO[bytes]) -> Program:
    """Read an ELF file. Raises ValueError if it is damaged."""
    # These take a sixth of the plugin's start, and most runs verify no image.
    from elftools.common.exceptions import ELFError  # noqa: PLC0415
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415
    from elftools.elf.sections import ARMAttributesSection  # noqa: PLC0415
    from elftools.elf.segments import InterpSegment  # noqa: PLC0415

    try:
        elf = ELFFile(file)
        cpu, section = None, elf.get_section_by_name(".ARM.attributes")
        if isinstance(section, ARMAttributesSection):
            parts = (part for vendor in section.subsections for part in vendor.subsubsections)
            attributes = (attribute for part in parts for attribute in part.attributes)
            cpu = next((attribute.value for attribute in attributes if attribute.tag == "TAG_CPU_ARCH"), None)
        segments = (segment for segment in elf.iter_segments() if isinstance(segment, InterpSegment))
        return Program(
            machine=elf["e_machine"],
            bits=elf.elfclass,
            hard_float=elf["e_machine"] == "EM_ARM" and bool(elf["e_flags"] & _HARD_FLOAT),
            cpu=cpu,
            interpreter=next((segment.get_interp_name() for segment in segments), None),
        )
    except (ELFError, OverflowError, OSError, ValueError) as error:  # a damaged file may contain any offset
        raise ValueError(f"not an ELF file: {error}") from None


def kind_of(program: Program) -> str:
    """Describe a program: `ARM, 32 bit, soft float, static`."""
    floats = {True: "hard float", False: "soft float"}[program.hard_float]
    parts = [
        program.machine.removeprefix("EM_"),
        f"{program.bits} bit",
        *([floats] if program.machine == "EM_ARM" else []),
        "dynamic" if program.interpreter else "static",
    ]
    return ", ".join(parts)


def abi_fault(program: Program, platform: str) -> str | None:
    """Reason why a program can't be in an image for this platform; None if it can."""
    abi = ABIS[platform]
    if (program.machine, program.bits) != (abi.machine, abi.bits):
        return f"is {program.machine}, {program.bits} bit; {platform} takes {abi.machine}, {abi.bits} bit"
    like_a_base = abi.hard_float_base and program.interpreter is None and program.cpu is not None
    if program.hard_float and not abi.hard_float and not like_a_base:
        return f"passes floats in registers (hard-float ABI); {platform} takes the soft-float ABI"
    if program.cpu is not None and abi.cpus is not None and program.cpu not in abi.cpus:
        allowed = ", ".join(map(str, sorted(abi.cpus)))
        return f"is for Tag_CPU_arch {program.cpu}; {platform} takes {allowed}"
    return None
