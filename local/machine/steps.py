"""Steps of a set-up, each with a title, a result and its duration; long ones show progress."""

import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from display.errors import UserError

_T = TypeVar("_T")
HEARTBEAT = 14.0
"""Seconds between two signs of life of a running command; with the delay to print, at most 15."""


class SetupError(UserError):
    """A step of a set-up, or a change of its stacks, can't continue; the message says why and what to do."""


class BusyError(SetupError):
    """Another command or pulumi is changing the set-up or a stack; it may end a moment later."""


class Step:
    """Report of a running step; `found` becomes its last line."""

    def __init__(self) -> None:
        self.found = "done"


_UNDER_WAY: list[str] = []
"""Titles of the steps that are under way, the outermost first."""


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Print the title, run the body, print its result and duration; indented within another step."""
    indent = "    " * len(_UNDER_WAY)
    print(f"{indent}• {title}", flush=True)
    began = time.monotonic()
    this = Step()
    _UNDER_WAY.append(title)
    try:
        yield this
    finally:
        _UNDER_WAY.pop()
    print(f"{indent}    {this.found} ({time.monotonic() - began:.1f} s)", flush=True)


def as_root(argv: Sequence[str]) -> list[str]:
    """Command with root's privileges: unchanged for root, otherwise through sudo, and printed.

    Raises SetupError if there is no sudo.
    """
    if os.geteuid() == 0:
        return list(argv)
    if shutil.which("sudo") is None:
        raise SetupError(
            f"`{' '.join(argv[:3])} …` needs root, and there is no sudo. Run make as root, or install sudo."
        )
    print(f"    as root: sudo {' '.join(argv)}", flush=True)
    # Debian's sudo clears the environment; these two variables are needed.
    return ["sudo", "--preserve-env=SSL_CERT_FILE,DEBIAN_FRONTEND", *argv]


def run(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    doing: str = "",
) -> None:
    """Run a command with its output in a log file and a sign of life every 15 s.

    If it fails, raises SetupError with the command, its exit code and the end of its log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
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
            code = waited(lambda patience: process.wait(timeout=patience), doing or argv[0])
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise SetupError(f"`{' '.join(argv)}` ended with exit code {code}.\n{tail}\nThe whole log: {log}")


def waited(wait: Callable[[float], _T], doing: str, limit: float = math.inf) -> _T:
    """Call `wait` with a number of seconds until it returns, with regular signs of life; return its result.

    `wait` raises TimeoutExpired after that time, and this function after `limit` seconds.
    """
    began = time.monotonic()
    while True:
        passed = time.monotonic() - began
        try:
            return wait(min(HEARTBEAT, limit - passed))
        except subprocess.TimeoutExpired:
            passed = time.monotonic() - began
            if passed >= limit:
                raise
            print(f"    … {doing}: {passed:.0f} s", flush=True)


def output(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, timeout: float = 60, doing: str = ""
) -> str | None:
    """Output of a short command, or None if it fails, hangs or does not exist."""
    try:
        with subprocess.Popen(
            list(argv),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **(env or {})},
        ) as process:
            try:
                printed = waited(
                    lambda patience: process.communicate(timeout=patience), doing or argv[0], timeout
                )
            except BaseException:
                process.kill()
                raise
    except (OSError, subprocess.SubprocessError):
        return None
    return printed[0].strip() if process.returncode == 0 else None


def fail(error: UserError) -> int:
    """Print the error last on the screen; return exit code 1."""
    sys.stdout.flush()
    print(f"\nerror: {error}", file=sys.stderr)
    return 1
