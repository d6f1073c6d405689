"""The lock files: what they promise to those who install from them, checked without asking an index."""

import functools
import importlib.metadata
import itertools
import re
from dataclasses import dataclass

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.unit.projects import PROJECT

LOCKS = ("requirements", "requirements-ecr", "requirements-dev")
"""Each one contains the one before it."""
ALL = (*LOCKS, "requirements-go")


@dataclass(frozen=True)
class Locked:
    """A package in a lock."""

    requirement: Requirement
    hashes: frozenset[str]

    @property
    def version(self) -> str:
        [pin] = self.requirement.specifier
        assert pin.operator == "=="
        return pin.version

    @property
    def applies(self) -> bool:
        """True for this platform and Python."""
        return self.requirement.marker is None or self.requirement.marker.evaluate()


def _lines(name: str) -> list[str]:
    """Lines of a requirements file, without comments and with continued lines joined."""
    text = (PROJECT / name).read_text().replace("\\\n", " ")
    return [line.strip() for line in re.sub(r"(?m)(^|\s)#.*$", "", text).splitlines() if line.strip()]


@functools.cache
def _lock(name: str) -> dict[str, Locked]:
    locked: dict[str, Locked] = {}
    for line in _lines(f"{name}.txt"):
        if line.startswith("-"):
            continue
        words, *hashes = line.split(" --hash=")
        requirement = Requirement(words.strip())
        package = canonicalize_name(requirement.name)
        assert package not in locked, f"{package} is there twice"
        locked[package] = Locked(requirement, frozenset(digest.strip() for digest in hashes))
    return locked


def _direct(name: str) -> dict[str, Requirement]:
    """Direct requirements by name, from the file that people edit."""
    asked = [Requirement(line) for line in _lines(f"{name}.in") if not line.startswith("-")]
    return {canonicalize_name(requirement.name): requirement for requirement in asked}


def _needed(asked: list[Requirement]) -> set[str]:
    """Names of these packages and of all their dependencies here, by what is installed."""
    found: set[tuple[str, str]] = set()
    left = [
        (canonicalize_name(requirement.name), extra)
        for requirement in asked
        for extra in ("", *requirement.extras)
    ]
    while left:
        name, extra = left.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        for line in importlib.metadata.requires(name) or []:
            one = Requirement(line)
            if one.marker is None or one.marker.evaluate({"extra": extra}):
                left += [(canonicalize_name(one.name), wanted) for wanted in ("", *one.extras)]
    return {name for name, _ in found}


@pytest.mark.parametrize("name", ALL)
def test_every_package_is_pinned_with_hashes(name: str) -> None:
    assert _lock(name)
    for package, locked in _lock(name).items():
        assert locked.version, package
        assert locked.hashes, package
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in locked.hashes), package


@pytest.mark.parametrize("name", ALL)
def test_a_lock_allows_only_wheels_and_names_no_index(name: str) -> None:
    """Plain `pip install -r` and Pulumi's own installation thus take no source distribution either."""
    assert [line for line in _lines(f"{name}.txt") if line.startswith("-")] == ["--only-binary :all:"]
    assert "://" not in (PROJECT / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", ALL)
def test_a_lock_has_the_versions_that_are_asked_for(name: str) -> None:
    asked = _direct(name)
    assert asked
    for package, requirement in asked.items():
        assert str(requirement.specifier) == f"=={_lock(name)[package].version}", package


@pytest.mark.parametrize(("smaller", "larger"), list(itertools.pairwise(LOCKS)))
def test_each_lock_holds_the_one_before_it(smaller: str, larger: str) -> None:
    assert _lock(smaller).items() < _lock(larger).items()


@pytest.mark.parametrize("name", ["requirements", "requirements-ecr"])
def test_the_imported_packages_are_exactly_those_of_the_lock(name: str) -> None:
    """The lock has no tool of the tests, and no other package that nothing needs."""
    asked = list(_direct("requirements").values())
    if name == "requirements-ecr":
        asked += _direct(name).values()
    assert {package for package, locked in _lock(name).items() if locked.applies} == _needed(asked)


def test_make_up_installs_no_packages_of_the_tests() -> None:
    tools = {"pytest", "moto", "mypy", "ruff", "boto3", "uv"}
    assert tools <= _direct("requirements-dev").keys()
    assert not _direct("requirements-dev").keys() & _lock("requirements").keys()
    assert "pulumi-aws" not in _lock("requirements"), "Pulumi would install its plugin"
