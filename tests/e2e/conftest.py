"""One machine for the whole tier: set up once, used by every test, ended at the end."""

from collections.abc import Iterator

import pytest

from tests.e2e.machine import Machine, Result, end_machine, make_machine


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
