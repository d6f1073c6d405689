"""`skyinfra fleet status`: what hosts are asked, how their answers are judged, and what is shown."""

import itertools
import json
import textwrap
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError, DockerException
from requests.exceptions import ConnectionError as Lost
from requests.exceptions import ReadTimeout

from catalogue import exit_codes
from clients.errors import ServiceError
from clients.ssh import LOGINS
from display.errors import UserError
from display.units import since, size
from fleet import report
from fleet.answers import AnswerError, chain_and_disk
from fleet.asking import HostConnection, StatusError, statuses
from fleet.hosts import Hosts
from fleet.nodes import OK, Backup, Chain, Disk, FleetNode, Images, State, Status
from tests.unit.command_line import Skyinfra
from tests.unit.fleet_engine import DF, IMAGE, Box, FleetEngine, answers, health, node, printed, progress
from tests.unit.image_store import ImageStore
from tests.unit.test_wallets import NODE, URN, child

AT = datetime(2026, 11, 26, 9, 15, tzinfo=UTC)
YOUNG = "2026-11-26T09:14:00Z"
ENDED = "2026-11-26T09:05:00Z"


def seen(box: Box, given: FleetNode | None = None) -> Status:
    """Status of one node on a host."""
    one = given or node()
    [status] = statuses(FleetEngine({str(one.deployed.container): box}), [one], pause=0)
    return status


# Answers of a node.


@pytest.mark.parametrize(
    ("heights", "highest"),
    [((), None), ((7,), 7), ((7, 9), 7), ((7, 10**9), 7), ((5, 8, 10**9), 8)],
)
def test_a_single_peer_is_not_believed(heights: Sequence[int], highest: int | None) -> None:
    """Otherwise, a peer that reports any number would make a healthy node look stuck."""
    chain, _ = chain_and_disk(answers(7, *heights))
    assert isinstance(chain, Chain)
    assert chain.highest == highest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "it printed nothing"),
        ("OCI runtime exec failed: no such file: sh", "OCI runtime exec failed: no such file: sh"),
        (
            printed("wget: can't connect to remote host: Connection refused", "", DF),
            "/api/v1/health answers: wget: can't connect to remote host: Connection refused",
        ),
        (
            printed(health(), "wget: server returned error: HTTP/1.1 403 Forbidden", DF),
            "/api/v1/blockchain/progress answers: wget: server returned error: HTTP/1.1 403 Forbidden",
        ),
        (printed("", "", DF), "/api/v1/health answers: nothing in 8 s"),
        (printed("[]", "{}", DF), "not answer in the form"),
        (printed("{}", progress(), DF), "not answer in the form"),
        (printed(health(), "{}", DF), "not answer in the form"),
        (
            printed(health().replace("1795684436", "99999999999999999"), progress(), DF),
            "not answer in the form",
        ),
        (printed(health().replace('"seq": 180000', '"seq": null'), progress(), DF), "not answer in the form"),
        (printed(health()[:90], progress(), DF), "/api/v1/health answers: "),
    ],
)
def test_an_answer_of_another_form_is_reported_and_never_guessed(text: str, expected: str) -> None:
    chain, _ = chain_and_disk(text)
    assert isinstance(chain, AnswerError)
    assert expected in str(chain)
    assert "\n" not in str(chain)


@pytest.mark.parametrize("line", ["", "df: /data: can't find mount point", "overlay a b c d /data"])
def test_a_disk_answer_that_can_not_be_parsed_is_unknown(line: str) -> None:
    chain, disk = chain_and_disk(printed(health(), progress(), line))
    assert isinstance(chain, Chain)
    assert disk is None


# The state in the table.

BEHIND = answers(57694, 180000, 180000)


@pytest.mark.parametrize(
    ("box", "state", "reason"),
    [
        (Box(), State.SYNCED, ""),
        (Box(says=[answers(180000, 179000, 180000)]), State.SYNCED, ""),
        (Box(says=[answers(0)], command=["-disable-networking"]), State.OFFLINE, ""),
        (Box(says=[answers(0)], started=YOUNG), State.STARTING, ""),
        (Box(says=[answers(0)]), State.NO_PEERS, "it has no peer"),
        (Box(says=[BEHIND], started=YOUNG), State.SYNCING, ""),
        (Box(says=[BEHIND], log=b"CRITICAL [daemon]: Added new block seq=57694\n"), State.SYNCING, ""),
        (Box(says=[BEHIND, answers(57695, 180000)]), State.SYNCING, ""),
        (Box(says=[BEHIND]), State.STUCK, "it has block 57694 of 180000 and added none in 5 min"),
        (Box(says=[BEHIND, "gone"]), State.STUCK, "it has block 57694 of 180000"),
        (Box(says=["wget: refused"], health="starting"), State.STARTING, ""),
        (Box(says=["wget: refused"], health="unhealthy"), State.UNHEALTHY, "wget: refused"),
        (Box(health="unhealthy"), State.UNHEALTHY, "its health check fails"),
        (Box(health=""), State.SYNCED, ""),
        (Box(status="exited", exit_code=137, finished=ENDED), State.STOPPED, "it ended with exit code 137"),
        (Box(status="created"), State.STOPPED, "its container is created"),
        (Box(status="paused"), State.STOPPED, "its container is paused"),
        (
            Box(status="restarting", exit_code=1),
            State.RESTARTING,
            "it keeps exiting, with exit code 1",
        ),
    ],
)
def test_a_nodes_state_follows_from_its_own_and_its_engines_answers(
    box: Box, state: State, reason: str
) -> None:
    found = seen(box)
    assert found.state is state
    assert found.is_ok == (state in OK)
    assert bool(found.reason) == (not found.is_ok)
    assert reason in found.reason


def test_a_reason_names_the_command_that_shows_more() -> None:
    logs = "`docker -H ssh://pi@attic.lan logs --tail 50 skycoin-node-1`"
    for box in (Box(says=[BEHIND]), Box(says=["?"]), Box(status="exited")):
        assert seen(box).reason.endswith(logs)


def test_a_container_that_does_not_exist_is_missing() -> None:
    [status] = statuses(FleetEngine({}), [node()])
    assert (status.state, status.container) == (State.MISSING, None)
    assert "skycoin-node-1" in status.reason


def test_times_are_of_the_hosts_own_clock() -> None:
    """A board without a clock battery boots in 1970: this machine's clock would make its node decades old."""
    engine = FleetEngine({"skycoin-node-1": Box(says=[BEHIND], started="1970-01-01T00:00:30.5Z")})
    engine.time = "1970-01-01T02:00:31.000000001+02:00"
    [status] = statuses(engine, [node()])
    assert status.container is not None
    assert status.container.seconds == 0
    assert status.state is State.SYNCING, "it is young"
    engine.time = "1970-01-01T00:10:30Z"
    assert statuses(engine, [node()], pause=0)[0].state is State.STUCK
    assert "logs since 330" in engine.calls


def test_a_stopped_node_shows_since_when_and_the_disk_that_another_sees() -> None:
    stopped = Box(status="exited", finished=ENDED, restarts=3)
    first, second = node("a"), node("b")
    engine = FleetEngine({str(first.deployed.container): stopped, str(second.deployed.container): Box()})
    down, up = statuses(engine, [first, second])
    assert down.container is not None
    assert (down.container.seconds, down.container.restarts) == (600, 3)
    assert down.disk == up.disk == Disk(free=17000000 * 1024, total=30358512 * 1024)


def test_number_and_size_of_this_programs_images_are_asked_for_once_per_host() -> None:
    stored = ImageStore()
    stored.add("a", IMAGE, Size=20)
    stored.add("b", IMAGE.replace("4b16", "ffff"), Size=30)
    stored.add("mine", tags=("mine:1",))
    engine = FleetEngine({"skycoin-one": Box(), "skycoin-two": Box(status="exited")}, stored=stored.images())
    here = frozenset({IMAGE.partition("@")[0]})
    nodes = [node("one", repositories=here), node("two")]
    assert [status.images for status in statuses(engine, nodes, pause=0)] == [Images(count=2, size=50)] * 2
    assert engine.calls.count("images") == 1


def test_an_engine_that_lists_no_images_is_asked_for_the_rest() -> None:
    refusal = APIError("403", explanation="authorization denied by plugin")
    engine = FleetEngine({"skycoin-node-1": Box()}, fails=lambda name: refusal if name == "images" else None)
    [status] = statuses(engine, [node()], pause=0)
    assert (status.state, status.images) == (State.SYNCED, None)


@pytest.mark.parametrize("fault", [{"State": None}, {"Config": {}}, {"State": {"StartedAt": "yesterday"}}])
def test_an_engine_of_another_form_is_reported(
    fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FleetEngine({"skycoin-node-1": Box()})
    inspected = engine.inspect_container("skycoin-node-1")
    monkeypatch.setattr(engine, "inspect_container", lambda _: {**inspected, **fault})
    [status] = statuses(engine, [node()])
    assert status.state is State.UNHEALTHY
    assert "not answer in Docker's form" in status.reason


def looked(engine: FleetEngine, monkeypatch: pytest.MonkeyPatch) -> Status:
    """Status of the node of a host, as `fleet status` finds it; all of its forms can be shown."""
    monkeypatch.setattr("fleet.asking.PAUSE", 0)
    connection = of_host(engine, monkeypatch)
    [status] = Hosts([node(repositories=REPOSITORIES)], lambda *_: connection).look()
    shown = report.text([status], AT, None)
    assert all(letter.isprintable() or letter == "\n" for letter in shown), shown
    assert len(shown) < 2000
    assert report.screen([status], AT, 80, 10)
    assert json.dumps(report.as_json("fleet", [status], AT))
    assert "internal error" not in status.reason
    return status


REPOSITORIES = frozenset({"registry.localhost:5443/skycoin/skycoin"})
ESC = "\x1b[2J\x07"


@pytest.mark.parametrize(
    "box",
    [
        Box(image=["x"]),  # type: ignore[arg-type]
        Box(status=["x"]),  # type: ignore[arg-type]
        Box(health=[1]),  # type: ignore[arg-type]
        Box(restarts=10**400),
        Box(status="exited", exit_code=10**400),
        Box(exit_code="x"),  # type: ignore[arg-type]
        Box(says=[printed("[" * 100_000, "[]", DF)]),
        Box(says=[answers(10**400, 10**400)]),
        Box(says=[printed(health(peers=-1), progress(), DF)]),
        Box(says=[printed(health(version="1" * 100_000), "{}", DF)]),
        Box(says=["x" * 100_000]),
    ],
)
def test_values_that_no_engine_and_no_node_has_are_the_nodes_fault(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One board with such an answer ended `fleet status` for all of them."""
    status = looked(FleetEngine({"skycoin-node-1": box}), monkeypatch)
    assert status.state is State.UNHEALTHY


def test_the_height_of_a_lying_peer_is_not_a_fault_of_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box(says=[answers(180000, 2**64 - 1, 180000)])
    status = looked(FleetEngine({"skycoin-node-1": box}), monkeypatch)
    assert status.state is State.SYNCED


def test_an_impossible_size_of_a_disk_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    said = printed(health(), progress(180000, 180000, 180000), f"x {'9' * 400} 1 {'9' * 400} 1%")
    status = looked(FleetEngine({"skycoin-node-1": Box(says=[said])}), monkeypatch)
    assert (status.state, status.disk) == (State.SYNCED, None)


@pytest.mark.parametrize(
    "stored",
    [
        None,
        ["x"],
        [{"Labels": 5}],
        *(
            [
                {
                    "Id": "1",
                    "RepoDigests": [IMAGE],
                    "Labels": {"org.opencontainers.image.title": "Skycoin node"},
                    "Size": size,
                }
            ]
            for size in ("27 MB", 10**400)
        ),
    ],
)
def test_images_of_another_form_than_dockers_are_unknown(
    stored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = looked(FleetEngine({"skycoin-node-1": Box()}, stored=stored), monkeypatch)
    assert (status.state, status.images) == (State.SYNCED, None)


@pytest.mark.parametrize("info", [[], {"SystemTime": 5}, {"SystemTime": ESC}, {}])
def test_an_engine_without_a_time_is_not_asked_further(info: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FleetEngine({"skycoin-node-1": Box()})
    monkeypatch.setattr(engine, "info", lambda: info)
    status = looked(engine, monkeypatch)
    assert status.state is State.NO_ANSWER
    assert status.reason.startswith("its engine does not answer in Docker's form: ")


@pytest.mark.parametrize(
    "box",
    [
        Box(image=f"x{ESC}@sha256:{'a' * 64}"),
        Box(status=f"dead{ESC}"),
        Box(status="exited", image=f"x{ESC}", health=ESC),
        Box(says=[printed(health(version=ESC), progress(), DF)]),
        Box(says=[printed(f"wget: {ESC}", progress(), DF)]),
    ],
)
def test_words_of_a_board_are_no_commands_for_a_terminal(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    looked(FleetEngine({"skycoin-node-1": box}), monkeypatch)


@pytest.mark.parametrize(
    "error",
    [APIError("500", explanation=f"busy{ESC}\nsynced"), DockerException(f"{ESC}\nsynced"), Lost(ESC)],
)
@pytest.mark.parametrize("call", ["info", "inspect", "exec", "images"])
def test_errors_of_a_board_are_no_commands_for_a_terminal(
    call: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = {call: error}
    looked(FleetEngine({"skycoin-node-1": Box()}, fails=fails.get), monkeypatch)


def test_a_node_that_ends_while_it_is_asked_is_not_a_fault_of_its_host() -> None:
    engine = FleetEngine({"skycoin-node-1": Box()})
    for error in (APIError("409", explanation="Container is not running"), APIError("500")):
        engine.fails = lambda name, error=error: error if name == "exec" else None  # type: ignore[misc]
        [status] = statuses(engine, [node()])
        assert status.state is State.UNHEALTHY
        assert "starts no program" in status.reason


# One host.


def of_host(engine: FleetEngine, monkeypatch: pytest.MonkeyPatch) -> HostConnection:
    monkeypatch.setattr("fleet.asking.Engine.client", lambda _: engine)
    return HostConnection("unix:///board.sock", [])


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Lost("('Connection aborted.', …)"), "it stopped answering: the connection was cut"),
        (ReadTimeout("UnixHTTPConnectionPool(…)"), "it stopped answering: nothing in 20 s"),
        (APIError("500", explanation="layer is busy"), "its engine refuses: layer is busy"),
        (KeyError("SystemTime"), "its engine does not answer in Docker's form: KeyError('SystemTime')"),
    ],
)
def test_the_failure_of_an_engine_is_the_hosts_reason_and_it_is_connected_again(
    error: Exception, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FleetEngine({"skycoin-node-1": Box()}, fails=lambda _: error)
    asking = of_host(engine, monkeypatch)
    with pytest.raises(StatusError) as caught:
        asking.statuses([node()])
    assert str(caught.value) == expected
    assert engine.closed
    engine.fails = lambda _: None
    assert [status.state for status in asking.statuses([node()])] == [State.SYNCED]


def test_the_reason_of_a_dead_host_is_ssh_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(_: object) -> None:
        raise ServiceError(
            "no Docker engine answers at ssh://pi@attic.lan: ssh: connect to host attic.lan port 22: No "
            "route to host\nTry `docker -H ssh://pi@attic.lan version`"
        )

    monkeypatch.setattr("fleet.asking.Engine.client", dead)
    with pytest.raises(StatusError) as caught:
        HostConnection("ssh://pi@attic.lan", []).statuses([node()])
    assert str(caught.value) == "ssh: connect to host attic.lan port 22: No route to host"


# All hosts.


class Slow:
    """A host that answers after a time, or when told to."""

    at_work, most = 0, 0
    lock = threading.Lock()

    def __init__(self, seconds: float = 0.0, error: Exception | None = None) -> None:
        self.seconds, self.error, self.asked, self.closed = seconds, error, 0, False
        self.answers = threading.Event()

    def statuses(self, nodes: Sequence[FleetNode]) -> list[Status]:
        self.asked += 1
        with Slow.lock:
            Slow.at_work += 1
            Slow.most = max(Slow.most, Slow.at_work)
        self.answers.wait(self.seconds)
        with Slow.lock:
            Slow.at_work -= 1
        if self.error:
            raise self.error
        return [Status(node=node, state=State.SYNCED) for node in nodes]

    def close(self) -> None:
        self.closed = True


def fleet_of(hosts: dict[str, Slow], limit: float = 25.0) -> Hosts:
    nodes = [node(f"on-{name}", host=name, engine=name) for name in hosts]
    return Hosts(nodes, ask=lambda engine, _: hosts[engine or ""], limit=limit)


def test_a_host_is_asked_once_for_all_its_nodes_and_the_order_stays() -> None:
    host = Slow()
    nodes = [node("b"), node("a"), node("c", ssh_options=["-p", "1"])]
    made: list[Sequence[str]] = []

    def ask(_: str | None, options: Sequence[str]) -> Slow:
        made.append(options)
        return host

    found = Hosts(nodes, ask=ask).look()
    assert [status.node.deployed.name for status in found] == ["b", "a", "c"]
    assert (len(made), host.asked) == (2, 2), "another way to it is another connection"


def test_hosts_are_asked_at_once_and_no_more_than_ten() -> None:
    Slow.most = Slow.at_work = 0
    hosts = {str(number): Slow(0.3) for number in range(2 * LOGINS)}
    began = time.monotonic()
    found = fleet_of(hosts).look()
    assert time.monotonic() - began < 3, "one after the other is 6 s"
    assert len(found) == 2 * LOGINS
    assert 1 < Slow.most <= LOGINS


def test_a_dead_host_is_a_row_and_costs_its_limit_once() -> None:
    hung = Slow(60)
    hosts = {"good": Slow(), "hung": hung, "refused": Slow(error=StatusError("Connection refused"))}
    fleet = fleet_of(hosts, limit=0.5)
    began = time.monotonic()
    states = {status.node.deployed.host: (status.state, status.reason) for status in fleet.look()}
    assert 0.4 < time.monotonic() - began < 2
    assert states == {
        "good": (State.SYNCED, ""),
        "hung": (State.NO_ANSWER, "no answer within 0 s"),
        "refused": (State.NO_ANSWER, "Connection refused"),
    }
    began = time.monotonic()
    again = {status.node.deployed.host: status.state for status in fleet.look()}
    assert time.monotonic() - began < 0.4, "nobody waits for it again"
    assert (again["good"], again["hung"]) == (State.SYNCED, State.NO_ANSWER)
    assert hung.asked == 1, "it is asked still"
    hung.answers.set()
    deadline = time.monotonic() + 5
    while (
        next(status for status in fleet.look() if status.node.deployed.host == "hung").state
        is not State.SYNCED
    ):
        assert time.monotonic() < deadline, "a host that is back is seen"
    fleet.close()
    assert hosts["good"].closed


def test_an_internal_error_affects_only_the_row_of_one_host() -> None:
    found = fleet_of({"a": Slow(error=RuntimeError("oh")), "b": Slow()}).look()
    assert [(status.state, "RuntimeError" in status.reason) for status in found] == [
        (State.NO_ANSWER, True),
        (State.SYNCED, False),
    ]


# The output.


def well(name: str, **given: Any) -> Status:
    return seen(Box(), node(name, **given))


def test_the_table_shows_what_is_known_of_each_node() -> None:
    backup = Backup(time=AT - timedelta(days=3), file="/b.age", is_gone=False)
    fleet = [
        replace(well("node-1"), node=node("node-1", backup=backup), images=Images(count=2, size=54_000_000)),
        replace(
            seen(Box(says=[BEHIND], restarts=2), node("node-2", host="shed", runs="emulated")), images=None
        ),
        Status(node=node("node-3", host="dead"), state=State.NO_ANSWER, reason="ssh: No route to host"),
    ]
    lines = report.text(fleet, AT, None).splitlines()
    assert [line.split("  ") for line in _squeezed(lines[:4])] == [
        ["NODE", "HOST", "STATE", "HEIGHT", "PEERS", "LAST BLOCK", "UP", "VERSION", "IMAGE"]
        + ["RUNS", "RESTARTS", "BACKUP", "DISK FREE", "IMAGES"],
        ["node-1", "attic", "synced", "180000", "3", "64 s", "3 h", "0.27.1", "0.27.1@4b16288b2ffa"]
        + ["native", "0", "3 d", "17.4 GB", "2, 54.0 MB"],
        ["node-2", "shed", "stuck", "57694 of 180000", "2", "64 s", "3 h", "0.27.1", "0.27.1@4b16288b2ffa"]
        + ["emulated", "2", "none", "17.4 GB", "–"],
        ["node-3", "dead", "does not answer", "–", "–", "–", "–", "–", "0.27.1@4b16288b2ffa"]
        + ["native", "–", "none", "–", "–"],
    ]
    assert lines[5].startswith("node-2 on host shed: stuck: it has block 57694 of 180000")
    assert lines[6] == "node-3 on host dead: does not answer: ssh: No route to host"
    assert lines[8] == ("2026-11-26 09:15:00 UTC, 3 nodes on 3 hosts: 1 synced, 1 stuck, 1 does not answer")


def test_the_page_and_the_readme_show_what_the_command_prints() -> None:
    def at(name: str, box: Box, images: int, size: int, days: int = 0, host: str | None = None) -> Status:
        backup = Backup(time=AT - timedelta(days=days), file="/b.age", is_gone=False) if days else None
        on = node(name, host=host or name, engine=f"ssh://pi@{host or name}.lan", backup=backup)
        return replace(seen(box, on), images=Images(count=images, size=size))

    peers = [180000] * 8
    dead = node("cellar", host="cellar")
    reason = "ssh: connect to host cellar.lan port 22: No route to host"
    fleet = [
        at("node-1", Box(says=[answers(180000, *peers)]), 2, 77_000_000, host="here"),
        at(
            "attic", Box(says=[answers(57694, *peers[:5]), answers(57700, *peers[:5])]), 2, 77_000_000, days=3
        ),
        at("shed", Box(says=[answers(57694, *peers[:2])], restarts=4), 3, 116_000_000, days=6),
        Status(node=dead, state=State.NO_ANSWER, reason=reason),
    ]
    shown = report.text(fleet, AT, 80)
    root = Path(__file__).parents[2]
    assert f"```text\n{shown}\n```" in (root / "docs/fleet-status.md").read_text()
    assert f"```text\n{shown.partition(chr(10) * 2)[0]}\n```" in (root / "README.md").read_text()


def _squeezed(lines: Sequence[str]) -> list[str]:
    cells = ([cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines)
    return ["  ".join(row) for row in cells]


@pytest.mark.parametrize("count", [1, 4, 12])
def test_in_80_columns_the_table_is_split_and_each_part_repeats_the_names(count: int) -> None:
    fleet = [well(f"node-{number}", host=f"board-{number}") for number in range(count)]
    shown = report.text(fleet, AT, 80).splitlines()
    assert max(map(len, shown)) <= 80
    assert sum(line.startswith("NODE ") for line in shown) == 3
    assert sum(line.startswith("node-") for line in shown) == 3 * count
    wide = report.text(fleet, AT, None).splitlines()
    assert sum(line.startswith("node-") for line in wide) == count


def test_a_node_that_runs_another_image_than_the_stacks_is_reported() -> None:
    other = IMAGE.replace("4b16", "ffff")
    found = seen(Box(image=other))
    assert "ffff288b2ffa" in report.text([found], AT, None).splitlines()[1]
    assert f"it runs {other}, and the stack has {IMAGE}" in report.text([found], AT, None)


def test_an_image_that_came_through_ssh_is_the_stack_s_under_another_name() -> None:
    """The engine knows such an image by the name under which it was pulled (ADR 25)."""
    digest = IMAGE.partition("@")[2]
    found = seen(Box(image=f"127.0.0.1:5443/skycoin/skycoin@{digest}"))
    shown = report.text([found], AT, None)
    assert "the stack has" not in shown
    assert "0.27.1@4b16288b2ffa" in shown


def test_a_node_that_is_rolled_back_is_reported_with_the_way_to_lift_it() -> None:
    digest = IMAGE.partition("@")[2]
    rollback = {"digest": digest, "reason": "stops", "date": "2026-11-26T08:00:00Z"}
    one = replace(well("a"), node=node("a", rollback=rollback, stack="fleet"))
    shown = report.text([one], AT, None)
    assert (
        f"\na has been rolled back to {digest[:19]} since 2026-11-26T08:00:00Z: stops. "
        "`./skyinfra node lift-rollback a -s fleet` lifts that\n"
    ) in shown
    assert "rolled back" not in report.text([well("a")], AT, None)
    [listed] = report.as_json("fleet", [one], AT)["nodes"]
    assert (listed["rollback"], listed["ok"]) == (rollback, True)
    [bare] = report.as_json("fleet", [well("a")], AT)["nodes"]
    assert bare["rollback"] is None


DEAD = "ssh: connect to host board-9.lan port 22: No route to host, and so on for more than a line"


def many(count: int) -> list[Status]:
    """A fleet whose last node needs attention."""
    fleet = [well(f"node-{number}", host=f"board-{number}") for number in range(count)]
    return [*fleet[:-1], Status(node=fleet[-1].node, state=State.NO_ANSWER, reason=DEAD)]


def test_a_screen_that_has_room_shows_the_whole_text() -> None:
    whole = report.text(many(4), AT, 80)
    height = len(whole.splitlines()) + 1  # the reason takes two lines
    assert report.screen(many(4), AT, 80, height) == whole
    assert report.screen(many(4), AT, 80, height - 1) != whole


def test_a_short_screen_shows_nodes_that_need_attention_first_and_counts_the_others() -> None:
    *rows, more, empty, summary = report.screen(many(30), AT, 80, 10).splitlines()
    assert [row.split()[:3] for row in rows] == [
        ["NODE", "HOST", "STATE"],
        ["node-29", "board-29", "does"],
        *([f"node-{number}", f"board-{number}", "synced"] for number in range(5)),
    ]
    assert (more, empty) == ("24 more nodes: all are shown without --watch", "")
    assert summary.endswith("30 nodes on 30 hosts: 29 synced, 1 does not answer")


def test_a_screen_that_has_room_for_all_nodes_alone_shows_their_reasons_too() -> None:
    lines = report.screen(many(6), AT, 80, 14).splitlines()
    assert [line.split()[0] for line in lines[:7]] == ["NODE", "node-5", *(f"node-{n}" for n in range(5))]
    said = f"node-5 on host board-5: does not answer: {DEAD}"[:80]
    assert lines[7:10] == ["", said, ""]
    assert lines[10].startswith("2026-11-26 09:15:00 UTC, 6 nodes")
    assert len(lines) == 11


@pytest.mark.parametrize("count", [1, 7, 60])
def test_no_screen_is_longer_than_its_terminal(count: int) -> None:
    fleet = many(count)
    for width, height in itertools.product((20, 60, 80, 200), (1, 2, 3, 4, 5, 8, 13, 24, 39)):
        text = report.screen(fleet, AT, width, height)
        lines = [part for line in text.splitlines() for part in textwrap.wrap(line, width) or [""]]
        assert len(lines) <= height, (width, height)


def test_a_backup_that_is_gone_is_reported() -> None:
    gone = Backup(time=AT, file="/b.age", is_gone=True)
    assert " gone " in report.text([replace(well("a"), node=node("a", backup=gone))], AT, None)


def test_nodes_that_need_attention_are_counted_in_the_summary() -> None:
    dead = [Status(node=node(name, host=name), state=State.NO_ANSWER, reason="r") for name in "ab"]
    assert report.summary(dead, AT).endswith("UTC, 2 nodes on 2 hosts: 2 do not answer")
    alone = seen(Box(says=[answers(0)]))
    assert report.summary([alone], AT).endswith("1 node on 1 host: 1 without peers")


def test_the_json_has_the_keys_that_the_documentation_lists() -> None:
    """docs/fleet-status.md is what authors of programs go by."""
    backup = Backup(time=AT - timedelta(days=3), file="/b.age", is_gone=False)
    one = replace(well("node-1"), node=node("node-1", backup=backup))
    said = report.as_json("fleet", [one], AT)
    text = (Path(__file__).parents[2] / "docs/fleet-status.md").read_text()
    documented = json.loads(text.partition("```json\n")[2].partition("```")[0])
    assert _shape(said) == _shape(documented)
    assert said["nodes"][0]["chain"]["last_block_seconds"] == int((AT.timestamp()) - 1795684436)
    bare = report.as_json("fleet", [Status(node=node(), state=State.NO_ANSWER, reason="r")], AT)
    assert (bare["ok"], bare["nodes"][0]["chain"], bare["nodes"][0]["backup"]) == (False, None, None)
    assert set(bare["nodes"][0]) == set(said["nodes"][0])
    states = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}
    assert set(State) <= states


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(one) for key, one in value.items()}
    return [_shape(value[0])] if isinstance(value, list) else type(value).__name__


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (172800, "2 d")]
    + [(729 * 86400, "729 d"), (730 * 86400, "2 y")],
)
def test_a_time_is_shown_in_its_largest_unit_of_which_there_are_two(seconds: int, text: str) -> None:
    assert since(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (123_456_789, "123 MB"), (10**12, "1.0 TB")],
)
def test_a_size_is_shown_as_disks_are_sold(count: int, text: str) -> None:
    assert size(count) == text


# The command.

LIST = f"sha256:{64 * '1'}"
OUTPUTS = {
    "images": {
        "skycoin": {
            tag: {"digest": LIST, "variants": {"amd64": {"digest": IMAGE.partition("@")[2]}}}
            for tag in ("latest", "0.27", "release-v0.27.1", "0.27.1")
        }
    }
}
STACK = [
    {"urn": f"{URN}pulumi:pulumi:Stack::test", "type": "pulumi:pulumi:Stack", "outputs": OUTPUTS},
    {"urn": NODE, "type": "skycoin:index:Node", "parent": f"{URN}pulumi:pulumi:Stack::test"},
    child(
        "skycoin:index:Preflight",
        "node-1-preflight",
        inputs={"host": "attic", "engine": "unix:///e.sock", "wallet": "w", "image": IMAGE},
        outputs={"runs": "emulated"},
    ),
    child("skycoin:index:NodeContainer", "node-1-container", inputs={"name": "c", "image": IMAGE}),
]


@pytest.fixture
def engine(set_up: object, monkeypatch: pytest.MonkeyPatch) -> FleetEngine:
    one = FleetEngine({"c": Box()})
    monkeypatch.setattr("commands.backend.resources", lambda *_: STACK)
    monkeypatch.setattr("commands.fleet.status.listed_nodes", lambda _: {})
    monkeypatch.setattr("commands.backend.present_file", lambda _: None)
    monkeypatch.setattr("fleet.asking.Engine.client", lambda _: one)
    return one


def test_the_command_shows_the_stack_s_nodes_and_ends_with_0(engine: FleetEngine, skyinfra: Skyinfra) -> None:
    ran = skyinfra("fleet", "status")
    assert ran.code == 0
    assert "node-1  attic  synced" in ran.out
    assert "0.27.1@4b16288b2ffa  emulated" in ran.out, "the most exact tag, the shortest of these"
    assert "\x1b" not in ran.out
    assert engine.closed


def test_a_node_that_took_its_image_from_the_list_has_its_tag_too(
    engine: FleetEngine, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a host has no architecture, its engine chooses from the list."""
    listed = f"{IMAGE.partition('@')[0]}@{LIST}"
    inputs = {"name": "c", "image": listed}
    stack = [*STACK[:3], child("skycoin:index:NodeContainer", "node-1-container", inputs=inputs)]
    monkeypatch.setattr("commands.backend.resources", lambda *_: stack)
    engine.boxes["c"] = Box(image=listed)
    assert "0.27.1@111111111111" in skyinfra("fleet", "status").out


def test_a_node_that_needs_attention_is_code_4_in_text_and_json(
    engine: FleetEngine, skyinfra: Skyinfra
) -> None:
    engine.boxes["c"] = Box(status="exited", exit_code=2)
    assert skyinfra("fleet", "status").code == exit_codes.PART
    ran = skyinfra("fleet", "status", "--json")
    assert ran.code == exit_codes.PART
    document = json.loads(ran.out)
    assert (document["schema"], document["stack"], document["ok"]) == (1, "local", False)
    assert document["nodes"][0]["container"]["exit_code"] == 2


def test_a_stack_without_nodes_is_not_a_fault(
    engine: FleetEngine, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wallet of a destroyed node stays in the state."""
    monkeypatch.setattr("commands.backend.resources", lambda *_: STACK[:3])
    ran = skyinfra("fleet", "status")
    assert (ran.code, ran.out) == (0, "The stack local has no node.\n")
    assert json.loads(skyinfra("fleet", "status", "--json").out)["nodes"] == []


def test_a_stack_without_state_and_file_is_an_error(set_up: object, skyinfra: Skyinfra) -> None:
    """`-s nope` ended with code 0."""
    ran = skyinfra("fleet", "status", "-s", "nope")
    assert ran.code == exit_codes.FAILED
    assert "There is no stack 'nope': stacks/Pulumi.nope.yaml does not exist." in ran.err


def test_nodes_that_only_the_file_has_are_not_deployed(
    engine: FleetEngine, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were not shown, and the exit code was 0."""
    listed = {
        "node-1": {"host": "attic"},
        "web": {"host": "shed"},
        "renamed": {"host": "attic", "renamed-from": "node-1"},
        "odd": None,
    }
    monkeypatch.setattr("commands.fleet.status.listed_nodes", lambda _: listed)
    ran = skyinfra("fleet", "status")
    assert ran.code == exit_codes.PART
    row = next(line for line in ran.out.splitlines() if line.startswith("web "))
    assert row.split() == ["web", "shed", "not", "deployed", *["–"] * 8, "none", "–", "–"]
    assert "web on host shed: not deployed: it is in the stack's file only: `up` creates it\n" in ran.out
    assert "2 nodes on 2 hosts: 1 synced, 1 not deployed" in ran.out
    ran = skyinfra("fleet", "status", "--json")
    document = json.loads(ran.out)
    assert (ran.code, document["ok"]) == (exit_codes.PART, False)
    web = document["nodes"][1]
    assert (web["node"], web["state"], web["ok"]) == ("web", "not deployed", False)
    assert web["image"] == {"deployed": None, "tag": None}


def test_a_file_that_can_not_be_read_hides_no_deployed_node(
    engine: FleetEngine, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: str) -> None:
        raise UserError("stacks/Pulumi.local.yaml is not valid YAML")

    monkeypatch.setattr("commands.fleet.status.listed_nodes", broken)
    ran = skyinfra("fleet", "status")
    assert ran.code == 0
    assert "node-1  attic  synced" in ran.out
    assert "warning: nodes that are not deployed are not shown: stacks/Pulumi.local.yaml is not" in ran.err


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_watch_prints_it_again_and_ctrl_c_is_its_end(
    options: Sequence[str], engine: FleetEngine, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [None, None, KeyboardInterrupt]

    def sleep(_: float) -> None:
        if (error := left.pop(0)) is not None:
            raise error

    monkeypatch.setattr(
        "commands.fleet.status.time.sleep", lambda seconds: sleep(seconds) if seconds > 1 else None
    )
    ran = skyinfra("fleet", "status", "--watch", *options)
    assert ran.code == 0
    assert "interrupted" not in ran.err
    if options:
        assert [json.loads(line)["ok"] for line in ran.out.splitlines()] == [True] * 3
    else:
        assert ran.out.count("NODE ") == 3
    assert engine.closed
