"""Small hand-made ELF files: a header, an interpreter, the ARM build attributes."""

import struct

MACHINES = {"EM_X86_64": 62, "EM_ARM": 40, "EM_AARCH64": 183}
HARD_FLOAT = 0x05000400
SOFT_FLOAT = 0x05000200


def elf(machine: str, *, flags: int = 0, interpreter: str = "", cpu: int | None = None) -> bytes:
    """A little-endian executable for this machine; 32-bit on ARM."""
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
    sections, names_at = b"", 0
    if cpu is not None:
        sections, body, names_at = _attributes(header + len(programs), body, cpu)
    count = len(sections) // 40
    at_sections = header + len(programs) + len(body) if count else 0
    ident = b"\x7fELF" + bytes([1 if narrow else 2, 1, 1]) + bytes(9)
    widths = "<2H5I6H" if narrow else "<2HI3QI6H"
    fields = (2, MACHINES[machine], 1, 0, header if programs else 0, at_sections, flags)
    sizes = (header, program, 1 if programs else 0, 40 if narrow else 64, count, names_at)
    return ident + struct.pack(widths, *fields, *sizes) + programs + body + sections


def _attributes(start: int, body: bytes, cpu: int) -> tuple[bytes, bytes, int]:
    """Sections, body and index of the name table for Tag_CPU_arch alone in .ARM.attributes (ARM IHI 0045)."""
    values = bytes([6, cpu])
    part = b"\x01" + struct.pack("<I", 5 + len(values)) + values
    vendor = struct.pack("<I", 4 + 6 + len(part)) + b"aeabi\0" + part
    content = b"A" + vendor
    names = b"\0.ARM.attributes\0.shstrtab\0"
    at = start + len(body)
    sections = (
        bytes(40)
        + struct.pack("<10I", 1, 0x70000003, 0, 0, at, len(content), 0, 0, 1, 0)
        + struct.pack("<10I", 17, 3, 0, 0, at + len(content), len(names), 0, 0, 1, 0)
    )
    return sections, body + content + names, 2
