"""A fault at one call to the simulated engine of a node, and all ways in which an operation can then end."""

import contextlib
from collections.abc import Callable, Iterator

from clients.errors import ServiceError
from providers.kind import ProviderError, Values
from providers.skycoin.node_container import NodeContainer
from tests.unit.node_engine import Fault, Killed, NodeEngine, Resource
from tests.unit.test_handover import deployed

ENDINGS = (ProviderError, ServiceError, OSError, Killed)
"""Every way in which an operation can fail: with an error, or with the end of its process."""


def without_state(engine: NodeEngine, warn: Callable[[str], None] = lambda _: None) -> Resource:
    """A node of which Pulumi's state knows nothing."""
    return Resource(NodeContainer(lambda _: None, warn, lambda _: engine))


def after_fault(engine: NodeEngine, at: int, fault: Fault, wanted: Values, *, replace: bool) -> Resource:
    """A deployed node after an `up` with a fault at call number `at`."""
    resource = deployed(engine)
    engine.arm(at, fault)
    with contextlib.suppress(*ENDINGS):
        resource.up(wanted, replace=replace)
    return resource


def call_numbers() -> Iterator[int]:
    """Numbers of calls, from 1; a loop over them breaks once an operation makes fewer."""
    return iter(range(1, 100))
