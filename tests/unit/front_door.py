"""`skyinfra` in the tests' own process: a command line → exit code and what was printed."""

import io
from dataclasses import dataclass

import pytest

from commands import __main__ as front_door


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Skyinfra:
    """Runs commands; signals of the tests' process stay as they are."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, given: str | bytes = "") -> Ran:
        self.monkeypatch.setattr(front_door, "interrupt_on_all", lambda: None)
        raw = given if isinstance(given, bytes) else given.encode()
        self.monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
        self.capsys.readouterr()
        code = front_door.main(arguments)
        return Ran(code, *self.capsys.readouterr())
