"""The machine of the end-to-end tests, for what takes too long for `make test`."""

import pytest

from tests.e2e.conftest import first_up, hosted, machine, missing, up

__all__ = ["first_up", "hosted", "machine", "up"]


def pytest_collection_modifyitems() -> None:
    """Who asks for this tier by name wants to know that it can't run here."""
    if (reason := missing()) is not None:
        raise pytest.UsageError(f"the tier tests/soak can't run here: {reason}")
