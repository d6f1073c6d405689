"""Build attributes of ARM programs (ARM IHI 0045, "Addenda to, and errata in, the ABI").

pyelftools reads them too, but never ends on some damaged ones.
"""

_VERSION = b"A"
_FILE = 1
_CPU_ARCH = 6
_TEXTS = (4, 5)
"""Tags with text as their value: CPU_raw_name, CPU_name; above 32 all odd ones."""
_COMPATIBILITY = 32
"""Tag with a number and a text as its value."""


def cpu_arch(section: bytes) -> int | None:
    """Tag_CPU_arch of the whole file; None if it has none.

    `section` is the content of `.ARM.attributes`. Raises ValueError if it is damaged.
    """
    if section[:1] != _VERSION:
        raise ValueError(f"build attributes of version {section[:1]!r}")
    at = 1
    while at + 4 < len(section):
        end = _end(section, at, at, len(section))
        vendor, _, part = section[at + 4 : end].partition(b"\0")
        if vendor == b"aeabi":
            return _of_file(part)
        at = end
    return None


def _of_file(part: bytes) -> int | None:
    if len(part) < 5 or part[0] != _FILE:
        return None
    at, end = 5, _end(part, 1, 0, len(part))
    while at < end:
        tag, at = _number(part, at, end)
        is_text = tag in _TEXTS or (tag > _COMPATIBILITY and tag % 2 == 1)
        if not is_text:
            value, at = _number(part, at, end)
            if tag == _CPU_ARCH:
                return value
        if is_text or tag == _COMPATIBILITY:
            at = part.find(b"\0", at, end) + 1
            if at == 0:
                raise ValueError("a text in the build attributes that does not end")
    return None


def _end(content: bytes, at: int, start: int, limit: int) -> int:
    """End of a part that begins at `start` and whose length in bytes is written at `at`."""
    size = int.from_bytes(content[at : at + 4], "little")
    if not 5 <= size <= limit - start:
        raise ValueError(f"a part of {size} bytes in {limit - start} of build attributes")
    return start + size


def _number(content: bytes, at: int, end: int) -> tuple[int, int]:
    """A ULEB128 number, and where it ends."""
    number = 0
    for shift in range(0, 64, 7):
        if at >= end:
            break
        byte = content[at]
        number, at = number | (byte & 0x7F) << shift, at + 1
        if byte < 0x80:
            return number, at
    raise ValueError("a number in the build attributes that does not end")
