"""All rules of a review: the project's promises, and the user's own rules (own_rules.py)."""

import contextlib
import re
import runpy
import sys
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from display.errors import UserError
from review.promises import PROMISES
from review.rules import Rule

OWN = Path(__file__).with_name("own_rules.py")
"""File of the user's own rules; it is Python, so it can raise any error."""
NAME = "OWN_RULES"
ALLOWED = (
    f"The file may hold any Python that ends without an error and sets {NAME} to a list of Rule, each with a "
    "unique name (docs/review.md, “Rules”)."
)
REMEDY = "Correct it, or undo the change: `git diff {0}` shows it, `git checkout {0}` reverts it."


class RulesError(UserError):
    """The file own_rules.py can't be used; the message gives the line and the reason."""


def rulebook() -> tuple[Rule, ...]:
    """Read all rules. Raises RulesError if own_rules.py can't be used."""
    own_rules: Any = _own().get(NAME)
    problem = _problem(own_rules)
    if problem:
        raise _error(f"{NAME} {problem}", _line_of_assignment())
    return (*PROMISES, *own_rules)


def _own() -> dict[str, Any]:
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output is for a page, or for a plugin's port
            return runpy.run_path(str(OWN))
    except (Exception, SystemExit) as raised:
        raise _error(_describe(raised), _line(raised)) from None


def _problem(value: Any) -> str:
    """Error in a value of OWN_RULES, as the end of a sentence; empty if there is none."""
    if value is None:
        return "is not set"
    if not isinstance(value, list | tuple):
        return f"is of the type {type(value).__name__}"
    for number, rule in enumerate(value, start=1):
        if not isinstance(rule, Rule):
            return f"has an entry {number} of the type {type(rule).__name__}, not Rule"
        if not isinstance(rule.name, str):
            return f"has a rule {number} whose name is of the type {type(rule.name).__name__}"
        if not callable(rule.breaches):
            return f"has the rule {rule.name!r}, whose `breaches` is not a function"
    counts = Counter(rule.name for rule in (*PROMISES, *value))
    return next((f"has the name {name!r} of another rule" for name, count in counts.items() if count > 1), "")


def _describe(raised: BaseException) -> str:
    # The text of a syntax error would repeat the place.
    message = raised.msg if isinstance(raised, SyntaxError) and raised.filename == str(OWN) else str(raised)
    return " ".join(f"{type(raised).__name__}: {message}".removesuffix(": ").split())


def _line(raised: BaseException) -> int | None:
    """Line of own_rules.py that raised an error, or called or imported the code that did."""
    if isinstance(raised, SyntaxError) and raised.filename == str(OWN):
        return raised.lineno
    frames = traceback.walk_tb(raised.__traceback__)
    lines = [line for frame, line in frames if frame.f_code.co_filename == str(OWN)]
    return lines[-1] if lines else None


def _line_of_assignment() -> int | None:
    lines = enumerate(OWN.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
    return next((number for number, line in lines if re.match(rf"{NAME}\b", line)), None)


def _error(why: str, line: int | None) -> RulesError:
    file = "/".join(OWN.parts[-2:])
    place = f"{file}, line {line}" if line else file
    return RulesError(f"{place}: {why}. {ALLOWED} {REMEDY.format(file)}")
