"""The order of versions, by semver.org: a node compares its own with the one in its database so. Pure."""

import re
from typing import TypeAlias

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
_Rank: TypeAlias = tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]


def is_newer(one: str, other: str) -> bool:
    """True for a version after another one; False where either is no version."""
    ranks = _rank(one), _rank(other)
    return ranks[0] is not None and ranks[1] is not None and ranks[0] > ranks[1]


def _rank(version: str) -> _Rank | None:
    match = _VERSION.fullmatch(version)
    if match is None:
        return None
    *numbers, early = match.groups()
    words = early.split(".") if early else []
    ranks = [(not word.isdigit(), int(word) if word.isdigit() else 0, word) for word in words]
    return tuple(map(int, numbers)), early is None, tuple(ranks)
