"""One machine for all tests of a worker: set up once, used by every test, stopped at the end."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.hosted import Hosted, start_hosted
from tests.e2e.lanes import first_in_line, give_builder_cache
from tests.e2e.machine import HOME, Machine, Result, end_machine, make_machine


def missing() -> str | None:
    """Reason why this machine can't run the end-to-end tests, or None."""
    if shutil.which("dpkg-query") is None:
        return "it installs Debian packages, and this is not Debian"
    if os.geteuid() != 0:
        return "it starts engines and a builder of its own, which requires root"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests; if end-to-end ones can't run here, skip them with a message, or fail if CI=true."""
    items.sort(key=_turn(items))
    reason = missing()
    if reason is None:
        return
    if os.environ.get("CI") == "true":
        raise pytest.UsageError(f"CI=true, and the tier tests/e2e can't run here: {reason}")
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker(pytest.mark.skip(reason=f"tests/e2e: {reason}"))


def _turn(items: list[pytest.Item]) -> Callable[[pytest.Item], int]:
    """Order of a test's file: test_up.py builds images, while another lane runs tests that need none."""
    users = {item.path for item in items if "machine" in getattr(item, "fixturenames", ())}

    def turn(item: pytest.Item) -> int:
        if item.path.name == "test_up.py":
            return 0
        # test_wipe.py removes the machine, so it comes last.
        return 3 if item.path.name == "test_wipe.py" else 2 if item.path in users else 1

    return turn


UP: list[tuple[Machine, dict[str, Any]]] = []
"""The worker's machine and its first settings, once it is up."""


@pytest.fixture(scope="module", autouse=True)
def _settings_put_back() -> Iterator[None]:
    """Restore the settings after each module: one whose fixtures failed may have left its own."""
    began = [machine.settings() for machine, _ in UP]
    yield
    for machine, first in UP:
        before = began[0] if began else first
        if machine.stack_file.exists() and machine.settings() != before:
            machine.change(before)
            machine.make("up")  # otherwise, the next module's first `up` would replace what it inspects


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """A machine with nothing set up yet."""
    fresh = make_machine()
    yield fresh
    end_machine(fresh)


@pytest.fixture(scope="session")
def first_up(machine: Machine) -> Result:
    """Result of the first `make up`."""
    with first_in_line(HOME):
        # Without a cache this compiles for minutes, alongside the other workers.
        result = machine.make("up", timeout=3000)
        assert result.code == 0, result.text
        give_builder_cache(machine.layout, HOME)
    UP.append((machine, machine.settings()))
    return result


@pytest.fixture(scope="session")
def up(machine: Machine, first_up: Result) -> Machine:
    """The machine, with the stack `local` up."""
    return machine


@pytest.fixture(scope="session")
def hosted(up: Machine) -> Hosted:
    """A second registry, behind a login and a faulty proxy."""
    return start_hosted(up)
