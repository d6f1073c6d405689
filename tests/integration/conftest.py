"""Fixtures of the integration tier, taken from the unit tier."""

from tests.unit.conftest import (
    _environment_of_nobody,
    engine,
    layout,
    set_up,
    skyinfra,
)

__all__ = ["_environment_of_nobody", "engine", "layout", "set_up", "skyinfra"]
