"""`skyinfra fleet check`: check all hosts of a stack, ten at a time, and show them as one table."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from clients.host_checks import Finding, Level, PlannedHost, findings, unasked
from clients.host_facts import FreshFacts, HostError, HostFacts
from clients.ssh import LOGINS
from display.columns import columns
from display.units import size

HEADS = ("HOST", "STATE", "DOCKER", "MACHINE", "MEMORY", "SWAP", "DISK FREE", "CLOCK")
OK = "ok"

Ask: TypeAlias = Callable[[str | None, Sequence[str]], HostFacts]


@dataclass(frozen=True, kw_only=True, slots=True)
class HostCheck:
    """Result of the checks for one host."""

    planned: PlannedHost
    facts: HostFacts | None
    """Facts of the host; None if it can't be asked."""
    findings: list[Finding]

    @property
    def state(self) -> str:
        """Worst level of its findings, or `ok`."""
        levels = {finding.level for finding in self.findings}
        return next((level.value for level in _WORST if level in levels), OK)


_WORST = (Level.REFUSED, Level.UNKNOWN, Level.WARNED)


def check(hosts: Sequence[PlannedHost], ask: Ask | None = None) -> list[HostCheck]:
    """Check every host, in the given order.

    A host that does not answer is skipped after 25 s, and does not delay the others.
    """
    asking = ask or FreshFacts()
    with ThreadPoolExecutor(LOGINS) as pool:
        return list(pool.map(lambda planned: _checked(planned, asking), hosts))


def _checked(planned: PlannedHost, ask: Ask) -> HostCheck:
    try:
        facts = ask(planned.engine, planned.ssh_options)
    except HostError as error:
        return HostCheck(planned=planned, facts=None, findings=[unasked(error, planned)])
    return HostCheck(planned=planned, facts=facts, findings=findings(facts, planned))


def worst(checked: Sequence[HostCheck]) -> str:
    """Worst state of all hosts."""
    states = {host.state for host in checked}
    return next((level.value for level in _WORST if level.value in states), OK)


def table(checked: Sequence[HostCheck]) -> str:
    """Table with one line per host, then one per finding."""
    text = columns([HEADS, *(_row(host) for host in checked)])
    lines = [f"{finding.level}: {finding.text}" for host in checked for finding in host.findings]
    return "\n".join([text, *(["", *lines] if lines else [])])


def as_json(checked: Sequence[HostCheck]) -> dict[str, Any]:
    """{host: {state, engine, facts, findings}}; facts are null for a host that can't be asked."""
    return {
        host.planned.name: {
            "state": host.state,
            "engine": host.planned.engine,
            "facts": None if host.facts is None else _summary(host.facts),
            "findings": [asdict(finding) for finding in host.findings],
        }
        for host in checked
    }


def _summary(facts: HostFacts) -> dict[str, Any]:
    return {
        "docker": facts.version,
        "machine": facts.machine,
        "bits": facts.bits,
        "storage_driver": facts.driver,
        "limits_memory": facts.limits_memory,
        "memory_mib": facts.memory,
        "swap_mib": facts.swap,
        "free_mib": facts.free,
        "clock_ahead_seconds": facts.ahead,
    }


def _row(host: HostCheck) -> Sequence[str]:
    facts = host.facts
    if facts is None:
        return (host.planned.name, host.state, *["?"] * (len(HEADS) - 2))
    machine = facts.machine if facts.bits in (None, 64) else f"{facts.machine}, {facts.bits} bit"
    sizes = (_size(amount) for amount in (facts.memory, facts.swap, facts.free))
    return (host.planned.name, host.state, facts.version, machine, *sizes, _clock(facts.ahead))


def _size(mebibytes: int | None) -> str:
    return "?" if mebibytes is None else size(mebibytes << 20)


def _clock(ahead: float | None) -> str:
    if ahead is None:
        return "?"
    if abs(ahead) < 1:
        return "right"
    days, seconds = divmod(round(abs(ahead)), 86400)
    return f"{f'{days} days' if days else f'{seconds} s'} {'ahead' if ahead > 0 else 'behind'}"
