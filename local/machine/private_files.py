"""Files of a set-up with secrets: readable by their owner only, and complete at every moment."""

import os
import re
from pathlib import Path


def write_aside(path: Path, content: str | bytes) -> None:
    """Write a private file completely or not at all."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.touch(mode=0o600)
    try:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
        partial.rename(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def is_partial(name: str, path: Path) -> bool:
    """True for the file that a killed `write_aside` left instead of `path`."""
    return re.fullmatch(rf"{re.escape(path.name)}\.\d+", name) is not None
