"""A node's preflight with facts of its host: refused before any change, and shown by previews."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from clients.host_checks import PlannedHost
from clients.host_facts import Container, FreshFacts, HostError, HostFacts, Listener, Obstacle
from mocks.engine import PREFLIGHT
from providers.kind import UNKNOWN, URN, ProviderError, Values
from providers.skycoin.host_findings import HostFindings, planned_host
from providers.skycoin.preflight import Preflight
from tests.unit.projects import up
from tests.unit.test_host_checks import DIND, FACTS
from tests.unit.wallet_engine import INPUTS, WALLET, WalletEngine

WANTED: Values = {**INPUTS, "ports": {"rpc-port": "127.0.0.1:6420"}}
TAKEN = frozenset({Listener("127.0.0.1", 6420, 33)})
STATE: Values = {**WANTED, "runs": "native", "engineVersion": "20.10.24 on aarch64"}
NO_ROUTE = HostError(Obstacle.NO_ANSWER, "no route to host")


@dataclass
class Hosts:
    """Hosts that all give one answer, and the messages about them."""

    answer: HostFacts | HostError = FACTS
    asked: int = 0
    said: list[str] = field(default_factory=list)

    def ask(self, engine: str | None, options: Sequence[str]) -> HostFacts:
        self.asked += 1
        if isinstance(self.answer, HostError):
            raise self.answer
        return self.answer

    def preflight(self, engine: WalletEngine) -> Preflight:
        return Preflight(HostFindings(self.said.append, self.ask), lambda _: engine)


@pytest.fixture
def engine(tmp_path: Path) -> WalletEngine:
    URN.set("urn:pulumi:fleet::skycoin::skycoin:index:Node$skycoin:index:Preflight::one-preflight")
    (tmp_path / "volumes").mkdir()
    return WalletEngine(tmp_path / "volumes")


@pytest.mark.case(25)
def test_a_port_in_use_is_refused_before_anything_is_created_or_run(engine: WalletEngine) -> None:
    """Before, the conflict was found when the new node started, and the old one was already stopped."""
    hosts = Hosts(replace(FACTS, listeners=TAKEN))
    with pytest.raises(ProviderError) as refused:
        hosts.preflight(engine).create(WANTED)
    assert str(refused.value) == (
        "host attic has port 6420 taken by a program of the user with the id 33. Stop it, or choose "
        "another port; if another node frees the port in the same change, first run an `up` of that node "
        "alone (skycoin:nodes.one.rpc-port)."
    )
    assert not engine.volumes
    assert not engine.asked
    with pytest.raises(ProviderError, match="port 6420 taken"):
        hosts.preflight(engine).update("attic", STATE, {**WANTED, "image": "registry/skycoin@sha256:2"})
    assert not engine.asked


def test_a_nested_engine_is_refused_before_anything_is_created_or_run(engine: WalletEngine) -> None:
    """Whoever is in that engine owns the host. A node that is there and unchanged stays; a refresh warns."""
    hosts = Hosts(replace(FACTS, containers=(DIND,)))
    with pytest.raises(
        ProviderError, match="host attic has the workspace skycoin-workspace-cli with a nested "
    ):
        hosts.preflight(engine).create(WANTED)
    with pytest.raises(ProviderError, match=r"take over the host, .+ \(skycoin:nodes\.one\.host\)\.$"):
        hosts.preflight(engine).update("attic", STATE, {**WANTED, "image": "registry/skycoin@sha256:2"})
    with pytest.raises(ProviderError, match="has the workspace"):
        hosts.preflight(engine).planned(WANTED, STATE)
    assert (engine.volumes, engine.asked, hosts.said) == (set(), [], [])
    HostFindings(hosts.said.append, hosts.ask).remark(WANTED)
    assert "has the workspace skycoin-workspace-cli" in hosts.said[0]


@pytest.mark.case(25)
def test_a_preview_refuses_what_up_would(engine: WalletEngine) -> None:
    hosts = Hosts(replace(FACTS, listeners=TAKEN))
    for olds in (None, STATE):
        with pytest.raises(ProviderError, match="port 6420 taken"):
            hosts.preflight(engine).planned(WANTED, olds)


@pytest.mark.case(25)
def test_the_old_container_of_a_renamed_node_may_hold_its_port(engine: WalletEngine) -> None:
    former = Container(name="skycoin-former", runs=True, returns=True, ports=frozenset({("127.0.0.1", 6420)}))
    hosts = Hosts(replace(FACTS, listeners=TAKEN, containers=(former,)))
    olds = {**STATE, "container": "skycoin-former"}
    assert hosts.preflight(engine).planned(WANTED, olds)["runs"] == "native"
    with pytest.raises(ProviderError, match="port 6420 taken by the container skycoin-former"):
        hosts.preflight(engine).planned(WANTED, None)


@pytest.mark.case(23)
def test_a_wrong_arch_is_refused_by_the_preview_of_a_host_that_answers(engine: WalletEngine) -> None:
    """Before, preview and review reported such a node as native."""
    hosts = Hosts(replace(FACTS, machine="armv7l"))
    with pytest.raises(ProviderError, match=r"attic is armv7l and does not run linux/arm64/v8 natively"):
        hosts.preflight(engine).planned(WANTED, None)
    allowed = {**WANTED, "emulation": "allowed"}
    assert hosts.preflight(engine).planned(allowed, None)["runs"] == "emulated"


@pytest.mark.case(22)
def test_a_host_that_does_not_answer_is_unknown_in_a_preview_and_no_error(engine: WalletEngine) -> None:
    """Before, the preview looked as if the host had answered."""
    hosts = Hosts(NO_ROUTE)
    planned = hosts.preflight(engine).planned(WANTED, STATE)
    assert planned["runs"] == UNKNOWN
    [message] = hosts.said
    assert message.startswith("host attic does not answer at ssh://pi@attic.lan: no route to host.")
    assert message.endswith("(skycoin:hosts.attic.engine). What `up` would find there is unknown.")


@pytest.mark.case(22)
def test_up_refuses_a_host_that_cant_be_asked_without_asking_again(engine: WalletEngine) -> None:
    """A dead host costs its time limit once; connecting to its engine would take as long again."""
    hosts = Hosts(NO_ROUTE)
    with pytest.raises(ProviderError, match="host attic does not answer"):
        hosts.preflight(engine).create(WANTED)
    with pytest.raises(ProviderError, match="host attic does not answer"):
        hosts.preflight(engine).update("attic", STATE, WANTED)
    assert not engine.asked


def test_all_findings_that_refuse_are_reported_at_once(engine: WalletEngine) -> None:
    hosts = Hosts(replace(FACTS, listeners=TAKEN, ahead=-1e9, free=1))
    with pytest.raises(ProviderError) as refused:
        hosts.preflight(engine).planned(WANTED, None)
    assert len(str(refused.value).splitlines()) == 3


def test_a_host_is_asked_once_for_all_of_its_nodes(engine: WalletEngine) -> None:
    hosts = Hosts()
    findings = HostFindings(hosts.said.append, FreshFacts(hosts.ask))
    for name in ("one", "two", "three"):
        findings.foresee({**WANTED, "container": name}, None)
    assert hosts.asked == 1


def test_a_memory_limit_above_the_hosts_memory_is_refused_unless_it_is_the_default(
    engine: WalletEngine,
) -> None:
    hosts = Hosts(replace(FACTS, memory=23456))
    with pytest.raises(ProviderError, match=r"has 23456 MiB of memory, but the node's limit is 999999"):
        hosts.preflight(engine).planned({**WANTED, "memory": 999999}, None)
    hosts.answer = replace(FACTS, memory=1500)
    assert hosts.preflight(engine).planned(WANTED, None)["runs"] == "native"
    assert "the node's limit of 2048 MiB never applies" in hosts.said[0]


def test_a_preflight_of_a_state_from_before_wants_no_ports(engine: WalletEngine) -> None:
    planned: PlannedHost = planned_host({"host": "here", "wallet": WALLET}, None)
    [node] = planned.tenants
    assert (node.ports, node.chosen, node.memory, planned.engine) == ({}, False, 2048, None)


def test_the_program_passes_ports_and_memory_to_the_checks_of_a_preflight() -> None:
    engine = up("fleet")
    inputs = engine.one(PREFLIGHT, "attic-preflight").inputs
    assert inputs["ports"] == {"rpc-port": "127.0.0.1:6420", "peer-port": "0.0.0.0:6000"}
    assert inputs["memory"] == 768
    assert {*inputs} <= {*Preflight.inputs, "runs"}
    assert "memory" not in up("local").one(PREFLIGHT, "node-1-preflight").inputs
