"""The stand-in engine, with what holds for every run of every program here."""

from collections.abc import Callable
from dataclasses import dataclass

from mocks import engine
from tests.unit.invariants import check_invariants


@dataclass(eq=False)
class Engine(engine.Engine):
    """Checks the invariants after each run, so that no test can forget them."""

    def run(self, program: Callable[[], object], *, stack: str = "test") -> None:
        super().run(program, stack=stack)
        check_invariants(self)
