"""`skyinfra` in the tests' own process: a command line → its exit code and output."""

import io
from dataclasses import dataclass

import pytest

from commands import __main__ as program


@dataclass(frozen=True, slots=True)
class Ran:
    """Result of a command."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Skyinfra:
    """Runner of commands; it leaves the signal handlers of the tests' process as they are."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, given: str | bytes = "") -> Ran:
        self.monkeypatch.setattr(program, "interrupt_on_all", lambda: None)
        raw = given if isinstance(given, bytes) else given.encode()
        self.monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
        self.capsys.readouterr()
        code = program.main(arguments)
        return Ran(code, *self.capsys.readouterr())
