"""One machine for the whole tier: set up once, used by every test, ended at the end."""

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.e2e.hosted import Hosted, start_hosted
from tests.e2e.machine import Machine, Result, end_machine, make_machine


def missing() -> str | None:
    """Why this machine can't run the tier, or None."""
    if shutil.which("dpkg-query") is None:
        return "it installs Debian packages, and this is no Debian"
    if os.geteuid() != 0:
        return "it starts engines and a builder of its own, which takes root"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tier aloud where it can't run; with CI=true that is a failure."""
    # It takes the machine away.
    items.sort(key=lambda item: item.path.name == "test_wipe.py")
    reason = missing()
    if reason is None:
        return
    if os.environ.get("CI") == "true":
        raise pytest.UsageError(f"CI=true, and the tier tests/e2e can't run here: {reason}")
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker(pytest.mark.skip(reason=f"tests/e2e: {reason}"))


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """A machine with nothing set up yet."""
    fresh = make_machine()
    yield fresh
    end_machine(fresh)


@pytest.fixture(scope="session")
def first_up(machine: Machine) -> Result:
    """The first `make up`."""
    result = machine.make("up")
    assert result.code == 0, result.text
    return result


@pytest.fixture(scope="session")
def up(machine: Machine, first_up: Result) -> Machine:
    """The machine, with the stack `local` up."""
    return machine


@pytest.fixture(scope="session")
def hosted(up: Machine) -> Hosted:
    """A second registry, behind a login and a faulty proxy."""
    return start_hosted(up)
