"""Previews of stacks by their files alone: the checked-out program under mocks, in a separate process."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping

from commands.review.previews import Previewed
from display.progress import working
from local.machine.layout import PROJECT

SECONDS = 120
"""Time limit of the program in seconds: a file from elsewhere could keep it busy."""


def previews_by_files(base: Mapping[str, str], texts: Mapping[str, str]) -> dict[str, Previewed]:
    """Preview stacks with changed texts in one process, or a new one after a stack that ends or blocks it."""
    waiting, previews = dict(texts), dict[str, Previewed]()
    while waiting:
        with working(
            f"preview of {_named(waiting)}, by {'its' if len(waiting) == 1 else 'their'} files alone"
        ):
            lines, problem = _run(json.dumps({"base": dict(base), "heads": waiting}))
        for stack, line in zip([*waiting], lines, strict=False):
            failure = json.loads(line).get("failed", "")
            previews[stack] = Previewed(text=line.encode(), failed=bool(failure), message=failure)
            del waiting[stack]
        if waiting:  # the first of these ended the process, or kept it busy
            stack = next(iter(waiting))
            previews[stack] = Previewed(text=b"", failed=True, message=problem)
            del waiting[stack]
    return previews


def _named(stacks: Collection[str]) -> str:
    return f"the stack{'s' * (len(stacks) > 1)} {', '.join(stacks)}"


def _run(given: str) -> tuple[list[str], str]:
    """Run the program; return one line per previewed stack, and the reason to give for a missing one."""
    with tempfile.TemporaryDirectory() as home:
        env = {"PATH": os.environ.get("PATH", ""), "HOME": home, "LANG": "C.UTF-8"}
        try:
            done = subprocess.run(
                [sys.executable, "-m", "mocks"],
                input=given.encode(),
                env=env,
                cwd=PROJECT,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            problem = f"The program did not end within {SECONDS} s with this file."
            return _lines(error.stdout), problem
    problem = done.stderr.decode(errors="replace").strip() or "The program ended without a message."
    return _lines(done.stdout), problem


def _lines(output: bytes | None) -> list[str]:
    """Complete lines of an output; an unfinished last line is dropped."""
    return (output or b"").decode().split("\n")[:-1]
