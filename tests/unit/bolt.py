"""Files of Bolt v1.3.1, the node's database: as much of the format as the search for the version needs."""

import struct
from collections.abc import Sequence

MAGIC, BRANCH, LEAF, META = 0xED0CDAED, 1, 2, 4


def page(number: int, kind: int, elements: Sequence[tuple[bytes, bytes, int]]) -> bytes:
    """A page of (key, value, flags); in a branch, the value is the number of the page that a key leads to."""
    head, body = b"", b""
    for index, (key, value, flags) in enumerate(elements):
        away = 16 * (len(elements) - index) + len(body)
        if kind == BRANCH:
            head += struct.pack("<IIQ", away, len(key), int.from_bytes(value, "little"))
            body += key
        else:
            head += struct.pack("<IIII", flags, away, len(key), len(value))
            body += key + value
    return struct.pack("<QHHI", number, kind, len(elements), 0) + head + body


def bucket(root: int, inline: bytes = b"") -> bytes:
    """Value of a bucket: the number of its root page, or 0 and that page inline."""
    return struct.pack("<QQ", root, 0) + inline


def meta(size: int, number: int, root: int, transaction: int, magic: int = MAGIC) -> bytes:
    """One of the two meta pages."""
    words = struct.pack("<IIIIQQQQQQ", magic, 2, size, 0, root, 0, 2, 9, transaction, 0)
    return struct.pack("<QHHI", number, META, 0, 0) + words


def file(size: int, *pages: bytes) -> bytes:
    """A file of these pages, each padded to `size`."""
    return b"".join(page.ljust(size, b"\0") for page in pages)


def stamped(version: str) -> bytes:
    """Value of the bucket db_meta, as v0.27.1 writes it."""
    return bucket(0, page(0, LEAF, [(b"version", version.encode(), 0)]))


def root(number: int, version: str) -> bytes:
    """A leaf page with buckets, one of which holds the version."""
    return page(number, LEAF, [(b"blocks", bucket(7), 1), (b"db_meta", stamped(version), 1), (b"z", b"1", 0)])


def database(version: str, size: int = 4096) -> bytes:
    """A database that a node of this version has opened."""
    return file(size, meta(size, 0, 3, 4), meta(size, 1, 3, 3), b"", root(3, version))
