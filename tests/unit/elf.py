"""Small hand-made ELF files: a header, an interpreter, the ARM build attributes, a library's name."""

import struct
from dataclasses import dataclass

MACHINES = {"EM_X86_64": 62, "EM_ARM": 40, "EM_AARCH64": 183}
HARD_FLOAT = 0x05000400
SOFT_FLOAT = 0x05000200
FUNC, IFUNC = 2, 10
"""Types of symbols: STT_FUNC, STT_GNU_IFUNC."""
_STRTAB, _DYNAMIC, _DYNSYM, _ARM_ATTRIBUTES = 3, 6, 11, 0x70000003
_DT_STRTAB, _DT_SONAME = 5, 14


@dataclass(frozen=True)
class Section:
    name: str
    type: int
    content: bytes
    link: int = 0
    """Index of the section with its names."""
    entry: int = 0
    """Bytes of an entry."""


def elf(
    machine: str,
    *,
    flags: int = 0,
    interpreter: str = "",
    cpu: int | None = None,
    library: tuple[str, int] | None = None,
) -> bytes:
    """A little-endian file for this machine, 32-bit on ARM. `library`: name and type of its symbol."""
    narrow = machine == "EM_ARM"
    header, program = (52, 32) if narrow else (64, 56)
    body, programs = b"", b""
    if interpreter:
        text = interpreter.encode() + b"\0"
        at = header + program
        programs = (
            struct.pack("<8I", 3, at, 0, 0, len(text), len(text), 4, 1)
            if narrow
            else struct.pack("<2I6Q", 3, 4, at, 0, 0, len(text), len(text), 1)
        )
        body = text
    parts = [*([_attributes(cpu)] if cpu is not None else []), *(_library(*library) if library else [])]
    table, body = _table(parts, header + len(programs), body)
    count = len(table) // 40
    ident = b"\x7fELF" + bytes([1 if narrow else 2, 1, 1]) + bytes(9)
    widths = "<2H5I6H" if narrow else "<2HI3QI6H"
    at_table = header + len(programs) + len(body) if count else 0
    fields = (2, MACHINES[machine], 1, 0, header if programs else 0, at_table, flags)
    sizes = (header, program, 1 if programs else 0, 40 if narrow else 64, count, max(count - 1, 0))
    return ident + struct.pack(widths, *fields, *sizes) + programs + body + table


def _attributes(cpu: int) -> Section:
    """Tag_CPU_arch alone (ARM IHI 0045)."""
    values = bytes([6, cpu])
    part = b"\x01" + struct.pack("<I", 5 + len(values)) + values
    vendor = struct.pack("<I", 4 + 6 + len(part)) + b"aeabi\0" + part
    return Section(".ARM.attributes", _ARM_ATTRIBUTES, b"A" + vendor)


def _library(name: str, symbol: int) -> list[Section]:
    """DT_SONAME, and one symbol of this type. They follow .ARM.attributes, so their names are section 4."""
    names = b"\0" + name.encode() + b"\0"
    dynamic = struct.pack("<6I", _DT_SONAME, 1, _DT_STRTAB, 0, 0, 0)
    symbols = bytes(16) + struct.pack("<3I2BH", 1, 0x1000, 4, 1 << 4 | symbol, 0, 1)
    return [
        Section(".dynamic", _DYNAMIC, dynamic, link=4, entry=8),
        Section(".dynsym", _DYNSYM, symbols, link=4, entry=16),
        Section(".dynstr", _STRTAB, names),
    ]


def _table(parts: list[Section], start: int, body: bytes) -> tuple[bytes, bytes]:
    """The table of a 32-bit file's sections, the last of which has their names; and the body with them."""
    if not parts:
        return b"", body
    names = b"\0" + b"".join(part.name.encode() + b"\0" for part in parts) + b".shstrtab\0"
    table = bytes(40)
    for part in [*parts, Section(".shstrtab", _STRTAB, names)]:
        at, name = start + len(body), names.index(b"\0" + part.name.encode() + b"\0") + 1
        size = len(part.content)
        table += struct.pack("<10I", name, part.type, 0, 0, at, size, part.link, 0, 1, part.entry)
        body += part.content
    return table, body
