"""The stack `local` with hosts and nodes besides, for as long as some tests take."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.e2e.machine import Machine


def with_entries(config: dict[str, Any], **sections: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with more entries in sections of it, such as `hosts`."""
    added = {f"skycoin:{name}": {**config[f"skycoin:{name}"], **more} for name, more in sections.items()}
    return {**config, **added}


@contextmanager
def added(
    machine: Machine, settings: Mapping[str, Any] | None = None, **sections: Mapping[str, Any]
) -> Iterator[None]:
    """Add entries to sections of the stack and bring it up; afterwards all is as it was."""
    before = machine.settings()
    machine.change({**with_entries(before, **sections), **(settings or {})})
    result = machine.make("up")
    assert result.code == 0, result.text
    yield
    for name in sections["nodes"]:
        retired = machine.make("retire", f"NODE={name}")
        assert retired.code == 0, retired.text
    machine.change(before)
    result = machine.make("up")
    assert result.code == 0, result.text
