"""Files of a set-up that hold secrets: of their owner alone, and whole at every moment."""

import os
from pathlib import Path


def write_aside(path: Path, text: str) -> None:
    """Write a private file whole or not at all: an interrupted run leaves no half one."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.rename(path)
