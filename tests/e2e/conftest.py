"""One machine for all tests of a worker: set up once, used by every test, ended at the end."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.hosted import Hosted, start_hosted
from tests.e2e.lanes import first_in_line, give_builder_cache
from tests.e2e.machine import HOME, Machine, Result, end_machine, make_machine


def missing() -> str | None:
    """Why this machine can't run the tier, or None."""
    if shutil.which("dpkg-query") is None:
        return "it installs Debian packages, and this is no Debian"
    if os.geteuid() != 0:
        return "it starts engines and a builder of its own, which takes root"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tier with a message if it can't run; with CI=true that is a failure."""
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
    """Place of a test's file: images are made first, while another lane runs tests that need none of them."""
    users = {item.path for item in items if "machine" in getattr(item, "fixturenames", ())}

    def turn(item: pytest.Item) -> int:
        if item.path.name == "test_up.py":
            return 0
        # The last one takes the machine away.
        return 3 if item.path.name == "test_wipe.py" else 2 if item.path in users else 1

    return turn


UP: list[tuple[Machine, dict[str, Any]]] = []
"""The worker's machine once it is up, with its first settings."""


@pytest.fixture(scope="module", autouse=True)
def _settings_put_back() -> Iterator[None]:
    """Leave the next module none of the settings of one whose set-up failed."""
    began = [machine.settings() for machine, _ in UP]
    yield
    for machine, first in UP:
        before = began[0] if began else first
        if machine.stack_file.exists() and machine.settings() != before:
            machine.change(before)
            machine.make("up")  # the first `up` of the next module would replace what it looks at


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """A machine with nothing set up yet."""
    fresh = make_machine()
    yield fresh
    end_machine(fresh)


@pytest.fixture(scope="session")
def first_up(machine: Machine) -> Result:
    """The first `make up`."""
    with first_in_line(HOME):
        # Without a cache it compiles for minutes, next to the other worker.
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
