"""Findings about a node's host, for its preflight: errors stop it, everything else is reported once per run.

The checks are those of `skyinfra fleet check` (clients/host_checks.py).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from catalogue.boards import SERVER
from catalogue.naming import containers_of_node
from clients.host_checks import Finding, Level, PlannedHost, Tenant, findings, unasked
from clients.host_facts import FreshFacts, HostError, HostFacts, Obstacle
from providers.kind import ProviderError, Values
from providers.log import Warn
from providers.skycoin.node_urn import node_name

Ask: TypeAlias = Callable[[str | None, Sequence[str]], HostFacts]
PEER_PORT = "peer-port"
"""Key of the peer port. Only a node on a public network has one, and it keeps the complete chain."""


class HostFindings:
    """Findings about the hosts of one run. Each host is asked at most once a minute, for all its nodes."""

    def __init__(self, warn: Warn, ask: Ask | None = None) -> None:
        self._warn = warn
        self._ask = ask or FreshFacts()
        self._said: set[str] = set()

    def foresee(self, inputs: Values, former: str | None) -> HostFacts | None:
        """Facts for a preview; None if the host can't be asked, which is reported but is not an error.

        Raises ProviderError with everything that `up` would refuse.
        """
        planned = planned_host(inputs, former)
        try:
            facts = self._ask(planned.engine, planned.ssh_options)
        except HostError as error:
            self._say(f"{unasked(error, planned).text} What `up` would find there is unknown.")
            return None
        self._judge(findings(facts, planned))
        return facts

    def refuse(self, inputs: Values, former: str | None) -> None:
        """Raise ProviderError with all errors that stop a change of the node; else report the findings."""
        planned = planned_host(inputs, former)
        try:
            facts = self._ask(planned.engine, planned.ssh_options)
        except HostError as error:
            finding = unasked(error, planned)
            if error.obstacle is not Obstacle.NO_SHELL:
                raise ProviderError(finding.text) from error
            self._say(finding.text)
        else:
            self._judge(findings(facts, planned))

    def remark(self, inputs: Values) -> None:
        """Report the findings about a host at a refresh; ignore a host that can't be asked."""
        planned = planned_host(inputs, None)
        try:
            facts = self._ask(planned.engine, planned.ssh_options)
        except HostError:
            return
        for finding in findings(facts, planned):
            self._say(finding.text)

    def _judge(self, reported: Sequence[Finding]) -> None:
        refused = [finding.text for finding in reported if finding.level is Level.REFUSED]
        if refused:
            raise ProviderError("\n".join(refused))
        for finding in reported:
            self._say(finding.text)

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._warn(text)


def planned_host(inputs: Values, former: str | None) -> PlannedHost:
    """Host of a preflight, with its node; `former` names the container recorded in the state."""
    names = {name for name in (inputs.get("container"), former) if name}
    memory = inputs.get("memory")
    ports = dict(_ports(inputs.get("ports") or {}))
    tenant = Tenant(
        key=f"skycoin:nodes.{node_name()}",
        containers=frozenset(part for name in names for part in containers_of_node(name)),
        ports=ports,
        memory=memory or SERVER.memory,
        chosen=memory is not None,
        wallet=inputs["wallet"],
        chain=PEER_PORT in ports,
        gui=bool(inputs.get("gui")),
    )
    return PlannedHost(
        name=inputs["host"],
        engine=inputs.get("engine"),
        ssh_options=tuple(inputs.get("sshOptions") or ()),
        platform=inputs.get("platform"),
        emulation=inputs.get("emulation") == "allowed",
        tenants=(tenant,),
    )


def _ports(ports: Values) -> Iterator[tuple[str, tuple[str, int]]]:
    """Convert {key: `ADDRESS:PORT`} to pairs (key, (address, port))."""
    for key, value in ports.items():
        ip, _, port = value.rpartition(":")
        yield key, (ip, int(port))
