"""Steps of a set-up: each says what it does, what it found and how long it took; long ones show progress."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from display.errors import UserError

HEARTBEAT = 15.0
"""Seconds between two signs of life of a running command."""


class SetupError(UserError):
    """A set-up step can't go on; the message says what was found and what to do."""


class Step:
    """What a step tells while it runs; `found` becomes its closing line."""

    def __init__(self) -> None:
        self.found = "done"


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Print the title, run the body, print what it found and the seconds it took."""
    print(f"• {title}", flush=True)
    began = time.monotonic()
    this = Step()
    yield this
    print(f"    {this.found} ({time.monotonic() - began:.1f} s)", flush=True)


def as_root(argv: Sequence[str]) -> list[str]:
    """The command with root's rights: as it is for root, by sudo (said aloud) for others."""
    if os.geteuid() == 0:
        return list(argv)
    if shutil.which("sudo") is None:
        raise SetupError(
            f"`{' '.join(argv[:3])} …` needs root, and there is no sudo. Run make as root, or install sudo."
        )
    print(f"    as root: sudo {' '.join(argv)}", flush=True)
    # Quoted variables survive: Debian's sudo drops the environment.
    return ["sudo", "--preserve-env=SSL_CERT_FILE,DEBIAN_FRONTEND", *argv]


def run(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    doing: str = "",
) -> None:
    """Run a command into a log file, with a sign of life every 15 s.

    Raises SetupError with the command, its exit code and the end of its log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with log.open("ab") as out:
        process = subprocess.Popen(
            list(argv),
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
            cwd=cwd,
        )
        try:
            while True:
                try:
                    code = process.wait(timeout=HEARTBEAT)
                    break
                except subprocess.TimeoutExpired:
                    passed = time.monotonic() - began
                    print(f"    … {doing or argv[0]}: {passed:.0f} s", flush=True)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise SetupError(f"`{' '.join(argv)}` ended with exit code {code}.\n{tail}\nThe whole log: {log}")


def output(argv: Sequence[str], *, env: Mapping[str, str] | None = None, timeout: float = 60) -> str | None:
    """What a short command prints, or None where it fails, hangs or does not exist."""
    try:
        done = subprocess.run(
            list(argv),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def fail(error: UserError) -> int:
    """Print the error as the last thing on the screen; 1, the exit code."""
    sys.stdout.flush()
    print(f"\nerror: {error}", file=sys.stderr)
    return 1
