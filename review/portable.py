"""Text made independent of one machine: without stack traces, and with shortened local paths."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from display.markdown import TILDE

PROJECT = Path(__file__).resolve().parent.parent
EVERYWHERE = ("/etc/", "/dev/", "/proc/", "/sys/", "/run/", "/var/run/", "/usr/", "/var/lib/docker")
"""Prefixes of paths that mean the same on every machine."""
KEPT = (*EVERYWHERE, f"{PROJECT}/")

_TRACEBACK = "Traceback (most recent call last):"
_FRAME = re.compile(r'^  File "(?P<file>.+)", line (?P<line>\d+)')
_GOROUTINE = re.compile(r"^(goroutine \d+ \[.*\]:|\[signal .*\])$")
_BETWEEN = ("During handling of the above exception", "The above exception was the direct cause")
_JAVASCRIPT = re.compile(r"^\s+at .*:\d+:\d+\)?$")
_PATH = re.compile(
    rf"(?:(?<=unix://)|(?<=file://)|(?<![\w.~/…])(?<!{TILDE}))/(?:[^\s/:'\"`|()<>,;]+/)+[^\s/:'\"`|()<>,;]*"
)


def without_places(text: str) -> str:
    """Shorten paths: the project's become relative to it, a machine's other paths keep only the last part.

    Different paths stay different: they keep as many parts as that takes.
    """
    foreign = {path.rstrip("/") for path in _PATH.findall(text) if not path.startswith(KEPT)}
    ends = Counter(end for path in foreign for end in _ends(path))
    return _PATH.sub(lambda match: _place(match[0], ends), text)


def _place(path: str, ends: Mapping[str, int]) -> str:
    """Shorten one path; `ends` counts the paths that have an end in common."""
    if path.startswith(EVERYWHERE):
        return path
    if path.startswith(f"{PROJECT}/"):
        return path.removeprefix(f"{PROJECT}/")
    possible = [*_ends(path.rstrip("/"))]
    return f"…/{next((end for end in possible if ends[end] == 1), possible[-1])}"


def _ends(path: str) -> Iterator[str]:
    """Yield the ends of a path, the shortest first, up to the whole path without its first slash."""
    parts = path.strip("/").split("/")
    for number in range(1, len(parts) + 1):
        yield "/".join(parts[-number:])


def without_trace(message: str) -> str:
    """Replace each stack trace by its error, and the place in the project that raised it."""
    return "\n".join(_lines(message.splitlines())).strip()


def _lines(lines: list[str]) -> Iterator[str]:
    """Yield the lines that are not part of a trace.

    A Python trace ends before its error, which is the first unindented line. A Go trace follows its error,
    and ends with an empty line.
    """
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
    """Describe the place in a line of a trace; empty if it has none, or one in a library."""
    frame = _FRAME.match(line)
    if frame is None or "site-packages" in frame["file"]:
        return ""
    parts = Path(frame["file"]).parts[-2:]
    return f" ({'/'.join(parts)}, line {frame['line']})"
