"""Runs pulumi for the cases, and describes the machine."""

import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local.machine.steps import SetupError


def machine() -> str:
    """Description of this machine: its number of cores, and its architecture."""
    return f"{os.cpu_count()} cores, {platform.machine()}"


def pulumi(env: Mapping[str, str], folder: Path, *arguments: str) -> str:
    """Output of pulumi. Raises SetupError if it fails."""
    done = subprocess.run(
        ["pulumi", "-C", str(folder), *arguments, "--non-interactive"],
        env={**os.environ, **env},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        raise SetupError(f"`pulumi {' '.join(arguments)}` failed: {done.stdout[-2000:]}")
    return done.stdout
