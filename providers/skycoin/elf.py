"""Check of a program's ELF file against the platform of the image that contains it.

Go's ARM programs carry no build attributes (catalogue/arch.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import IO, TYPE_CHECKING

from catalogue.arch import ARCHES, Abi
from providers.skycoin.arm_attributes import cpu_arch

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

MAGIC = b"\x7fELF"
_HARD_FLOAT = 0x400
_STT_GNU_IFUNC = "STT_LOOS"
"""pyelftools' name for 10, which GNU uses for functions that are chosen at run time."""
_MOST_ATTRIBUTES = 1 << 16
"""Maximum number of bytes of build attributes to read; Debian's programs have some fifty."""


ABIS: Mapping[str, Abi] = MappingProxyType({arch.platform: arch.abi for arch in ARCHES.values()})
"""ABI by OCI platform."""
_IFUNC_LIBRARIES = frozenset[str]().union(*(abi.ifunc_libraries for abi in ABIS.values()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """Facts from a program's ELF file."""

    machine: str
    bits: int
    hard_float: bool
    cpu: int | None
    interpreter: str | None
    """Dynamic linker that the program requests; None if it is statically linked."""
    ifunc_library: str | None
    """Name (DT_SONAME) of the file, if a platform lists it and it has indirect functions; else None."""


def read_program(file: IO[bytes]) -> Program:
    """Read an ELF file. Raises ValueError if it is damaged."""
    # These imports take a sixth of the plugin's start, and most runs verify no image.
    from elftools.common.exceptions import ELFError  # noqa: PLC0415
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415
    from elftools.elf.segments import InterpSegment  # noqa: PLC0415

    try:
        elf = ELFFile(file)
        cpu, attributes = None, elf.get_section_by_name(".ARM.attributes")
        if attributes is not None:
            file.seek(attributes["sh_offset"])
            cpu = cpu_arch(file.read(min(attributes["sh_size"], _MOST_ATTRIBUTES)))
        segments = (segment for segment in elf.iter_segments() if isinstance(segment, InterpSegment))
        return Program(
            machine=elf["e_machine"],
            bits=elf.elfclass,
            hard_float=elf["e_machine"] == "EM_ARM" and bool(elf["e_flags"] & _HARD_FLOAT),
            cpu=cpu,
            interpreter=next((segment.get_interp_name() for segment in segments), None),
            ifunc_library=None if cpu is None else _ifunc_library(elf),
        )
    except (ELFError, OverflowError, OSError, ValueError) as error:  # a damaged file may contain any offset
        raise ValueError(f"not an ELF file: {error}") from None


def _ifunc_library(elf: "ELFFile") -> str | None:
    from elftools.elf.dynamic import DynamicSection  # noqa: PLC0415
    from elftools.elf.sections import SymbolTableSection  # noqa: PLC0415

    dynamic, symbols = elf.get_section_by_name(".dynamic"), elf.get_section_by_name(".dynsym")
    if not isinstance(dynamic, DynamicSection) or not isinstance(symbols, SymbolTableSection):
        return None
    names = [tag.soname for tag in dynamic.iter_tags("DT_SONAME")]  # type: ignore[attr-defined]
    if not names or names[0] not in _IFUNC_LIBRARIES:  # reading thousands of symbols takes time
        return None
    types = (symbol["st_info"]["type"] for symbol in symbols.iter_symbols())
    return names[0] if _STT_GNU_IFUNC in types else None


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
    of_another_cpu = program.cpu is not None and abi.cpus is not None and program.cpu not in abi.cpus
    if of_another_cpu and program.ifunc_library not in abi.ifunc_libraries:
        allowed = ", ".join(map(str, sorted(abi.cpus or ())))
        return f"is for Tag_CPU_arch {program.cpu}; {platform} takes {allowed}"
    return None
