"""What a test searches files for: their content, and what a layer unpacks to."""

import gzip
import io
from pathlib import Path


def unpacked(path: Path) -> bytes:
    """Content of a file, decompressed if it is a layer; of a layer that an interrupted push cut off, what is
    there."""
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
