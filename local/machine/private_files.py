"""Files of a set-up with secrets: readable by their owner only, and complete at every moment."""

import os
from pathlib import Path


def write_aside(path: Path, text: str) -> None:
    """Write a private file completely or not at all."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.rename(path)
