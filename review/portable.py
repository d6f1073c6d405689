"""Text without what belongs to one machine: stack traces, and paths of folders that only it has."""

import re
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
EVERYWHERE = ("/etc/", "/dev/", "/proc/", "/sys/", "/run/", "/var/run/", "/usr/", "/var/lib/docker")
"""Beginnings of paths that mean the same on every machine."""

_TRACEBACK = "Traceback (most recent call last):"
_FRAME = re.compile(r'^  File "(?P<file>.+)", line (?P<line>\d+)')
_GOROUTINE = re.compile(r"^(goroutine \d+ \[.*\]:|\[signal .*\])$")
_BETWEEN = ("During handling of the above exception", "The above exception was the direct cause")
_JAVASCRIPT = re.compile(r"^\s+at .*:\d+:\d+\)?$")
_PATH = re.compile(
    r"(?:(?<=unix://)|(?<=file://)|(?<![\w.~/…]))/(?:[^\s/:'\"`|()<>,;]+/)+[^\s/:'\"`|()<>,;]*"
)


def without_places(text: str) -> str:
    """A text with the project's paths relative to it; of others, a machine's own, only the last part."""
    return _PATH.sub(lambda found: _place(found[0]), text)


def _place(path: str) -> str:
    if path.startswith(EVERYWHERE):
        return path
    if path.startswith(f"{PROJECT}/"):
        return path.removeprefix(f"{PROJECT}/")
    return f"…/{path.rstrip('/').rpartition('/')[2]}"


def without_trace(message: str) -> str:
    """A message with the error of each stack trace, and where in the project it was raised."""
    return "\n".join(_lines(message.splitlines())).strip()


def _lines(lines: list[str]) -> Iterator[str]:
    """Python's trace ends with the error, which is not indented; Go's follows it, up to an empty line."""
    python = go = False
    where = ""
    for line in lines:
        if _GOROUTINE.match(line):
            go = True
        elif line == _TRACEBACK:
            python, where = True, ""
        elif go and not line:
            go = False
        elif python and (line.startswith(" ") or not line):
            where = _raised(line) or where
        elif not (go or line.startswith(_BETWEEN) or _JAVASCRIPT.match(line)):
            yield f"{line}{where}" if python else line
            python = False


def _raised(line: str) -> str:
    """The place in a line of a trace, as words; empty where it has none, or one of a library's files."""
    frame = _FRAME.match(line)
    if frame is None or "site-packages" in frame["file"]:
        return ""
    parts = Path(frame["file"]).parts[-2:]
    return f" ({'/'.join(parts)}, line {frame['line']})"
