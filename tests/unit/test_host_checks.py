"""The table of host checks: each row is tried with facts of a host that has its problem."""

import os
import re
from dataclasses import replace
from typing import Any

import pytest

from clients.host_checks import (
    CHAIN,
    CHECKS,
    IMAGE,
    Check,
    Level,
    PlannedHost,
    Tenant,
    findings,
    remedy_of,
    runs_natively,
    unasked,
)
from clients.host_facts import Container, HostError, HostFacts, Listener, Obstacle
from local.machine.layout import PROJECT

FACTS = HostFacts(
    version="20.10.24",
    machine="aarch64",
    driver="overlay2",
    limits_memory=True,
    memory=3792,
    containers=(),
    bits=64,
    ahead=0.0,
    swap=99,
    free=20438,
    listeners=frozenset({Listener("0.0.0.0", 22, 0)}),
)
NODE = Tenant(
    key="skycoin:nodes.attic",
    containers=frozenset({"skycoin-attic", "skycoin-attic-previous", "skycoin-attic-exporter"}),
    ports={"rpc-port": ("127.0.0.1", 6420), "peer-port": ("0.0.0.0", 6000)},
    memory=768,
    chosen=True,
    wallet="skycoin-attic-wallet",
    chain=True,
    wait=300,
    starts=120,
)
HOST = PlannedHost(name="attic", engine="ssh://pi@attic.lan", platform="linux/arm64/v8", tenants=(NODE,))
OWN = Container(
    name="skycoin-attic",
    runs=True,
    returns=True,
    ports=frozenset({("127.0.0.1", 6420), ("0.0.0.0", 6000)}),
    writes=frozenset({"skycoin-attic-wallet"}),
)
DIAL = "failed to open the raw stream connection: dial unix /var/run/docker.sock"
"""Beginning of the error of `docker system dial-stdio` when it gets no connection."""
FOREIGN = Container(name="web", runs=True, returns=False)
DIND = Container(name="skycoin-workspace-cli", runs=False, returns=False, nested_engine=True)
PAGE = PROJECT / "docs" / "host-checks.md"


def found(planned: PlannedHost = HOST, **facts: Any) -> list[str]:
    return [finding.text for finding in findings(replace(FACTS, **facts), planned)]


def names(planned: PlannedHost = HOST, **facts: Any) -> list[str]:
    return [finding.check for finding in findings(replace(FACTS, **facts), planned)]


def wanting(**changes: Any) -> PlannedHost:
    return replace(HOST, tenants=(replace(NODE, **changes),))


def test_nothing_is_found_on_a_host_in_good_order() -> None:
    assert found() == []
    assert found(containers=(OWN,), listeners=frozenset({Listener("127.0.0.1", 6420, 0)})) == []


def test_a_host_that_tells_only_its_engines_facts_has_no_findings() -> None:
    assert found(bits=None, ahead=None, swap=None, free=None, listeners=None) == []


@pytest.mark.parametrize(
    ("check", "facts", "planned"),
    [
        ("old engine", {"version": "18.06.3-ce"}, HOST),
        ("list entry", {"version": "19.03.15"}, replace(HOST, platform=None)),
        ("storage that copies", {"driver": "vfs"}, HOST),
        ("storage that ends", {"driver": "devicemapper"}, HOST),
        ("architecture", {"machine": "armv7l", "bits": 32}, HOST),
        ("architecture", {"machine": "x86_64"}, HOST),
        ("32-bit system", {"bits": 32}, HOST),
        ("memory", {}, wanting(memory=999999)),
        ("memory limit without effect", {"memory": 1900}, wanting(memory=2048)),
        ("memory limit without effect", {"memory": 900}, wanting(memory=2048, chosen=False)),
        ("memory of all containers", {}, replace(HOST, tenants=(replace(NODE, memory=2048, ports={}),) * 2)),
        ("no memory cgroup", {"limits_memory": False}, HOST),
        ("no swap", {"memory": 925, "swap": 0}, HOST),
        ("full disk", {"free": IMAGE - 1}, HOST),
        ("room for the chain", {"free": IMAGE}, HOST),
        ("wrong clock", {"ahead": -1.7e9}, HOST),
        ("clock", {"ahead": 90.0}, HOST),
        ("port", {"listeners": frozenset({Listener("127.0.0.1", 6420, 1000)})}, HOST),
        ("wallet", {"containers": (replace(FOREIGN, writes=OWN.writes),)}, HOST),
        ("nested engine", {"containers": (DIND,)}, HOST),
        ("time to start", {}, wanting(wait=60)),
        ("memory of a password", {}, wanting(gui=True)),
    ],
)
def test_each_problem_is_one_finding_with_host_remedy_and_key(
    check: str, facts: dict[str, Any], planned: PlannedHost
) -> None:
    [one] = findings(replace(FACTS, **facts), planned)
    assert one.check == check
    assert one.level is CHECKS[check].level
    assert one.text.startswith("host attic ")
    assert re.search(r"\. [A-Z`].* \(skycoin:(hosts|nodes)\.attic(\.[a-z-]+)?\)\.$", one.text), one.text
    assert not re.search(r"[{}]", one.text.replace('{"storage-driver": "overlay2"}', "")), one.text


@pytest.mark.parametrize(("memory", "gui"), [(1200, True), (1199, False), (None, True)])
def test_a_node_with_enough_memory_for_a_password_or_without_a_web_interface_is_not_found(
    memory: int | None, gui: bool
) -> None:
    assert found(wanting(memory=memory, gui=gui)) == []


def test_every_check_of_the_table_has_a_case_here() -> None:
    marks = test_each_problem_is_one_finding_with_host_remedy_and_key.pytestmark
    tried = {case[0] for case in marks[0].args[1]}
    assert tried == {row.name for row in CHECKS.values() if row.look is not None}


@pytest.mark.parametrize("obstacle", list(Obstacle))
def test_a_host_that_cant_be_asked_is_one_finding_with_the_reason(obstacle: Obstacle) -> None:
    one = unasked(HostError(obstacle, "its own words"), HOST)
    assert "its own words" in one.text
    assert one.level is (
        Level.UNKNOWN
        if obstacle in (Obstacle.NO_ANSWER, Obstacle.NO_SHELL, Obstacle.OTHER_FORM)
        else Level.REFUSED
    )
    assert not re.search(r"[{}]", one.text)


def test_a_message_names_the_command_for_this_host() -> None:
    said = unasked(HostError(Obstacle.NO_ENGINE, "no such file"), replace(HOST, engine=None)).text
    assert "runs no Docker engine at unix:///var/run/docker.sock: no such file." in said
    said = unasked(HostError(Obstacle.LOGIN, "Permission denied (publickey)."), HOST).text
    assert "`ssh-copy-id pi@attic.lan`" in said
    alias = unasked(HostError(Obstacle.LOGIN, "Permission denied."), replace(HOST, engine="ssh://pi@Attic"))
    assert "`ssh-copy-id pi@Attic`" in alias.text
    said = unasked(HostError(Obstacle.HOST_KEY, "no key"), HOST).text
    assert "`ssh-keyscan attic.lan | ssh-keygen -lf -`" in said
    other = replace(HOST, engine="ssh://pi@attic.lan:2222")
    said = unasked(HostError(Obstacle.HOST_KEY, "no key"), other).text
    assert "`ssh-keyscan -p 2222 attic.lan |" in said


@pytest.mark.case(22)
@pytest.mark.parametrize(
    ("expected", "remedy"),
    [
        ("Host key verification failed.", "Compare what `ssh-keyscan attic.lan | "),
        ("pi@attic.lan: Permission denied (publickey).", "Copy one there with `ssh-copy-id pi@attic.lan`"),
        ("sh: 1: docker: not found", "Install it on the host"),
        ("bash: line 1: docker: command not found", "Install it on the host"),
        ("zsh:1: command not found: docker", "Install it on the host"),
        (f"{DIAL}: connect: permission denied", "On the host: `sudo usermod -aG docker USER`"),
        (f"{DIAL}: connect: connection refused", "Start it on the host"),
        (f"{DIAL}: connect: no such file or directory", "Start it on the host"),
        ("ssh: connect to host attic.lan port 22: Connection refused", "Check that it has power"),
        ("no answer in 20 s", "Check that it has power"),
    ],
)
def test_the_remedy_for_a_silent_engine_follows_from_its_error(expected: str, remedy: str) -> None:
    assert remedy_of(expected, "ssh://pi@attic.lan").startswith(remedy)


def test_the_remedy_for_a_silent_host_has_its_ssh_options() -> None:
    remedy = remedy_of("no answer in 20 s", "ssh://pi@attic.lan", ("-p", "2222"))
    assert "that `ssh -p 2222 ssh://pi@attic.lan docker version` reaches it" in remedy


@pytest.mark.case(25)
@pytest.mark.parametrize(
    ("address", "port", "taken"),
    [
        ("127.0.0.1", 6420, True),
        ("0.0.0.0", 6420, True),
        ("::", 6420, True),
        ("::1", 6420, False),
        ("192.168.1.5", 6420, False),
        ("192.168.1.5", 6000, True),
        ("127.0.0.1", 6421, False),
    ],
)
def test_a_port_is_in_use_if_two_addresses_cant_both_have_it(address: str, port: int, taken: bool) -> None:
    assert names(listeners=frozenset({Listener(address, port, 33)})) == ["port"] * taken


@pytest.mark.case(25)
def test_a_port_in_use_is_reported_with_its_holder_and_the_key_to_change() -> None:
    [said] = found(listeners=frozenset({Listener("127.0.0.1", 6420, 33)}))
    assert said == (
        "host attic has port 6420 taken by a program of the user with the id 33. Stop it, or choose "
        "another port; if another node frees the port in the same change, first run an `up` of that node "
        "alone (skycoin:nodes.attic.rpc-port)."
    )
    held = replace(FOREIGN, ports=frozenset({("", 6000)}))
    [said] = found(containers=(OWN, held))
    assert "has port 6000 taken by the container web." in said
    assert said.endswith("(skycoin:nodes.attic.peer-port).")


@pytest.mark.case(25)
def test_a_nodes_own_container_holds_its_ports_only_while_it_runs() -> None:
    """A port that another program took while the node was stopped is not the node's."""
    listeners = frozenset({Listener("127.0.0.1", 6420, 0)})
    for name in ("skycoin-attic", "skycoin-attic-previous"):
        assert found(containers=(replace(OWN, name=name),), listeners=listeners) == []
    assert names(containers=(replace(OWN, runs=False),), listeners=listeners) == ["port"]


def test_a_stopped_container_holds_no_port_and_a_wallet_only_where_it_returns() -> None:
    stopped = replace(FOREIGN, runs=False, ports=OWN.ports, writes=OWN.writes)
    assert names(containers=(stopped,)) == []
    assert names(containers=(replace(stopped, returns=True),)) == ["wallet"]


def test_a_nested_engine_is_refused_on_a_host_with_a_running_stopped_or_planned_node() -> None:
    """Before, nodes of another stack on that engine were not noticed."""
    [said] = found(containers=(DIND,))
    assert said == (
        "host attic has the workspace skycoin-workspace-cli with a nested Docker engine: anyone in it "
        "can take over the host, with the wallets of its nodes. Open it on another machine (`./skyinfra "
        "workspace open NAME --dind --engine ssh://USER@HOST`), or without `--dind`, or remove it: `docker "
        "container rm --force skycoin-workspace-cli` there (volumes stay) (skycoin:nodes.attic.host)."
    )
    assert found(wanting(wallet=None), containers=(DIND,)) == [], "a hosted registry has no wallet"


def test_an_emulated_variant_or_none_at_all_fits_every_machine() -> None:
    for planned in (replace(HOST, emulation=True), replace(HOST, platform=None)):
        assert found(planned, machine="x86_64") == []


def test_a_default_limit_is_never_refused_and_a_chosen_one_only_beyond_the_boards_whole_memory() -> None:
    """A kernel sees less than the board has: 427 MiB of 512 MB."""
    assert names(wanting(memory=2048, chosen=False), memory=427, swap=9) == ["memory limit without effect"]
    assert names(wanting(memory=512), memory=427, swap=9) == ["memory limit without effect"]
    assert names(wanting(memory=768), memory=427, swap=9) == ["memory"]


def test_an_existing_node_needs_no_further_space_for_its_chain() -> None:
    assert names(containers=(OWN,), free=IMAGE) == []
    assert names(wanting(chain=False), free=IMAGE) == []
    two = replace(HOST, tenants=(NODE, replace(NODE, containers=frozenset({"skycoin-two"}), ports={})))
    assert names(two, free=IMAGE + CHAIN + 1) == ["room for the chain"]
    assert names(two, free=IMAGE + 2 * CHAIN) == []


def test_a_build_of_docker_without_a_version_counts_as_new() -> None:
    for version in ("dev", "0.0.0-20260101", "library-import"):
        assert found(replace(HOST, platform=None), version=version) == []


def test_findings_that_refuse_come_first() -> None:
    assert names(driver="vfs", ahead=-1e9) == ["wrong clock", "storage that copies"]


def test_runs_natively_leaves_an_undeclared_variant_to_the_engine() -> None:
    assert runs_natively("riscv64", None)
    assert not runs_natively("riscv64", "linux/amd64")


def page() -> str:
    class Upper(dict[str, str]):
        def __missing__(self, key: str) -> str:
            return key.upper()

    words = Upper(tenant="skycoin:nodes.NODE", which="rpc-port", docker="docker -H ENGINE")

    def shown(text: str) -> str:
        return text.replace("{wallet!r}", "{wallet}").format_map(words).replace("|", "\\|")

    def row(one: Check) -> str:
        cells = (one.name, one.level, shown(one.problem), shown(one.remedy), f"`{shown(one.key)}`", one.tried)
        return f"| {' | '.join(cells)} |"

    lines = [
        "# Checks of a host",
        "",
        "`./skyinfra fleet check` asks all hosts of a stack, ten at a time, each with one command over ssh",
        "(an engine on this machine without ssh), and changes nothing. `up` makes the same checks before it",
        "creates or changes a node, except `memory of all containers` and `time to start`: if one is",
        "refused, it stops before anything is changed there. A preview reports them for the nodes that it",
        "would create or change, and does not fail if a host does not answer. `make up` and the review page",
        "check the hosts of all nodes, because they refresh. A host needs only ssh, a POSIX shell and",
        "docker. `UPDATE_SNAPSHOTS=1 make unit` generates this page from `clients/host_checks.py`.",
        "",
        "| check | result | the host … | remedy | key | tried on |",
        "|---|---|---|---|---|---|",
        *map(row, CHECKS.values()),
    ]
    return "\n".join(lines) + "\n"


def test_the_page_of_host_checks_is_the_table() -> None:
    if os.environ.get("UPDATE_SNAPSHOTS"):
        PAGE.write_text(page())
    assert PAGE.read_text() == page()
