"""Ask all hosts of a fleet, ten at a time; a host that does not answer does not delay the others."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from clients.ssh import LOGINS
from fleet.asking import HostConnection, StatusError
from fleet.nodes import FleetNode, State, Status

LIMIT = 25.0
"""Seconds for a host; its ssh gives up after 20 (clients/ssh.py)."""
_POLL = 0.01


class StatusSource(Protocol):
    """Connection to one host."""

    def statuses(self, nodes: Sequence[FleetNode]) -> list[Status]:
        """Ask the host for the status of its nodes. Raises StatusError."""

    def close(self) -> None:
        """Close the connection."""


@dataclass(eq=False)
class _Host:
    nodes: list[FleetNode]
    asking: StatusSource
    limit: float
    found: list[Status] = field(default_factory=list)
    is_silent: bool = False
    """True after a time limit or an error; the next poll does not wait for this host."""
    began: float = 0.0
    thread: threading.Thread | None = None

    @property
    def is_at_work(self) -> bool:
        return self.thread is not None and self.thread.is_alive()

    @property
    def is_within_limit(self) -> bool:
        return self.is_at_work and time.monotonic() - self.began < self.limit

    def begin(self) -> None:
        """Start asking, unless the last request is still running."""
        if not self.is_at_work:
            self.began = time.monotonic()
            # A daemon thread, so that a hanging host doesn't keep the command from ending.
            self.thread = threading.Thread(target=self._ask, daemon=True)
            self.thread.start()

    def _ask(self) -> None:
        try:
            self.found, self.is_silent = self.asking.statuses(self.nodes), False
        except StatusError as error:
            self.give_up(str(error))
        except Exception as error:
            self.give_up(f"internal error (a bug in skyinfra): {error!r}")

    def give_up(self, reason: str) -> None:
        self.found = [Status(node=node, state=State.NO_ANSWER, reason=reason) for node in self.nodes]
        self.is_silent = True


class Hosts:
    """Hosts of a fleet's nodes; their connections stay open between polls."""

    def __init__(
        self,
        nodes: Iterable[FleetNode],
        ask: Callable[[str | None, Sequence[str]], StatusSource] = HostConnection,
        limit: float = LIMIT,
    ) -> None:
        self._hosts: dict[tuple[str | None, ...], _Host] = {}
        self._order = list(nodes)
        for node in self._order:
            engine, ssh_options = node.deployed.engine, node.deployed.ssh_options
            key = (engine, *ssh_options)
            if key not in self._hosts:
                self._hosts[key] = _Host(nodes=[], asking=ask(engine, ssh_options), limit=limit)
            self._hosts[key].nodes.append(node)

    def look(self) -> list[Status]:
        """Ask for the status of each node, in the given order.

        A host that did not answer last time is asked again, but not waited for.
        """
        waiting = sorted(self._hosts.values(), key=lambda host: host.is_silent)
        asked: list[_Host] = []
        while waiting or any(host.is_within_limit and not host.is_silent for host in asked):
            while waiting and sum(host.is_within_limit for host in asked) < LOGINS:
                asked.append(waiting.pop(0))
                asked[-1].begin()
            time.sleep(_POLL)
        for host in asked:
            if host.is_at_work and not host.is_silent:
                host.give_up(f"no answer within {host.limit:.0f} s")
        by_node = {id(status.node): status for host in asked for status in host.found}
        return [by_node[id(node)] for node in self._order]

    def close(self) -> None:
        """Close the connections of hosts that are no longer being asked."""
        for host in self._hosts.values():
            if not host.is_at_work:
                host.asking.close()
