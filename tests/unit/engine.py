"""The stand-in engine, with the invariants of every program that these tests run."""

from collections.abc import Callable
from dataclasses import dataclass

from mocks import engine
from tests.unit.invariants import check_invariants


@dataclass(eq=False)
class Engine(engine.Engine):
    """An engine that checks the invariants after each run, so that no test can forget to."""

    def run(self, program: Callable[[], object], *, stack: str = "test") -> None:
        super().run(program, stack=stack)
        check_invariants(self)
