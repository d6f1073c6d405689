"""Order of versions by semver.org; a node compares its own version and its database's in the same way."""

import re
from typing import TypeAlias

_VERSION = re.compile(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")
Precedence: TypeAlias = tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]


def is_newer(version: str, than: str) -> bool:
    """True if `version` is later than `than`; False if either is not a version."""
    are_versions = all(_VERSION.fullmatch(text) for text in (version, than))
    return are_versions and precedence(version) > precedence(than)


def precedence(version: str) -> Precedence:
    """Sort key of a version (https://semver.org, 11); missing parts count as 0.

    Raises ValueError if a part is not a number.
    """
    core, _, early = version.partition("+")[0].partition("-")
    numbers = tuple(int(number) for number in core.split("."))
    words = early.split(".") if early else []
    ranks = [(not word.isdigit(), int(word) if word.isdigit() else 0, word) for word in words]
    return numbers + (0,) * (3 - len(numbers)), not early, tuple(ranks)
