"""Contents of files that tests search, with layers unpacked."""

import gzip
import io
from pathlib import Path


def unpacked(path: Path) -> bytes:
    """Content of a file, decompressed if it is a layer; an interrupted push leaves a part of one."""
    content = path.read_bytes()
    if not content.startswith(b"\x1f\x8b"):
        return content
    whole = io.BytesIO()
    with gzip.open(path) as layer:
        try:
            while part := layer.read1(1 << 20):
                whole.write(part)
        except EOFError:
            pass
    return whole.getvalue()
