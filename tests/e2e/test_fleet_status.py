"""`skyinfra fleet status` over real engines: this machine's, and two boards behind ssh, one of which dies."""

import json
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import pytest

from tests.e2e.boards import Board, start_board
from tests.e2e.machine import SETTINGS, Machine, clean_environment
from tests.e2e.test_wallets import TEXT

MILL, ORCHARD = "mill", "orchard"
PORTS = {MILL: 16441, ORCHARD: 16442}


@pytest.fixture(scope="module")
def boards(up: Machine) -> Iterator[dict[str, Board]]:
    """Two boards with a node each, next to the node of `make up`; stack and state are restored afterwards."""
    there = {name: start_board(up.layout, name, number) for name, number in ((MILL, 91), (ORCHARD, 92))}
    before = up.settings()
    hosts = {**before["skycoin:hosts"], **{name: board.host for name, board in there.items()}}
    nodes = {name: {"image": "skycoin", "host": name, "rpc-port": PORTS[name]} for name in there}
    up.change({**before, "skycoin:hosts": hosts, "skycoin:nodes": {**before["skycoin:nodes"], **nodes}})
    result = up.make("up")
    assert result.code == 0, result.text
    yield there
    for name, board in there.items():
        board.plug()
        retired = up.make("retire", f"NODE={name}")
        assert retired.code == 0, retired.text
    up.change(before)
    # The state has their hosts until the next update, and commands for all hosts would ask the dead boards.
    result = up.make("up")
    assert result.code == 0, result.text
    for board in there.values():
        board.end()


def shown(up: Machine, code: int) -> dict[str, dict[str, Any]]:
    """Nodes by name, from the command's JSON output."""
    ran = up.skyinfra("fleet", "status", "--json")
    assert ran.code == code, ran.text
    document = json.loads(ran.text[ran.text.index("{") :])
    assert document["ok"] == (code == 0)
    return {node["node"]: node for node in document["nodes"]}


def image_size(board: Board) -> int:
    """Size of the only image on a board in bytes, as its engine reports it."""
    [identity] = set(board.docker("images", "-q", "--no-trunc").split())
    return int(board.docker("image", "inspect", "-f", "{{.Size}}", identity))


def test_each_node_is_shown_as_it_is(up: Machine, boards: dict[str, Board]) -> None:
    nodes = shown(up, 0)
    assert set(nodes) == {"node-1", MILL, ORCHARD}
    for name, one in nodes.items():
        assert (one["state"], one["runs"]) == ("offline", "native")
        assert (one["chain"]["version"], one["chain"]["height"], one["chain"]["peers"]) == ("0.27.1", 0, 0)
        assert one["image"]["deployed"] == up.outputs()["nodes"][name]["image"]
        assert one["container"]["image"].endswith(one["image"]["deployed"].partition("@")[2])
        assert one["image"]["tag"] == "0.27.1"
        assert (one["container"]["status"], one["container"]["restarts"]) == ("running", 0)
        assert 0 < one["disk"]["free"] < one["disk"]["total"]
        assert one["backup"] is None
    for name in (MILL, ORCHARD):
        assert nodes[name]["images"]["count"] == 1, "its own, which came through ssh"
        assert nodes[name]["images"]["size"] == image_size(boards[name])
    answer = json.loads(boards[MILL].get("/api/v1/health", PORTS[MILL]))
    assert nodes[MILL]["chain"]["last_block"].startswith("2015-03-17T"), answer["blockchain"]["head"]
    table = up.skyinfra("fleet", "status")
    assert table.code == 0, table.text
    assert "3 nodes on 3 hosts: 3 offline" in table.text
    assert "the stack has" not in table.text, "an image has another name where it came through ssh"


def test_a_host_is_asked_over_one_connection(up: Machine, boards: dict[str, Board]) -> None:
    before = {name: board.logins() for name, board in boards.items()}
    shown(up, 0)
    assert {name: board.logins() - before[name] for name, board in boards.items()} == {MILL: 1, ORCHARD: 1}


def columns(up: Machine, node: str) -> dict[str, str]:
    """Row of a node in the table, by the heads of the columns."""
    ran = up.skyinfra("fleet", "status")
    assert ran.code == 0, ran.text
    rows = [re.split(r" {2,}", line.strip()) for line in ran.text.splitlines()]
    [heads] = [row for row in rows if row[0] == "NODE"]
    [found] = [row for row in rows if row[0] == node]
    return dict(zip(heads, found, strict=True))


@pytest.mark.long
def test_the_age_of_a_backup_is_shown_and_up_warns_once_it_is_older_than_the_stack_asks(
    up: Machine, boards: dict[str, Board], tmp_path: Path
) -> None:
    """The backup is real; nine days later is simulated by this machine's record of it."""
    put = f"umask 077; echo {shlex.quote(TEXT)} > /wallet/mine.wlt"
    boards[MILL].docker("exec", f"skycoin-{MILL}", "sh", "-c", put)
    made = up.skyinfra("wallet", "backup", MILL, "--plain", "--to", str(tmp_path))
    assert made.code == 0, made.text
    [file] = tmp_path.iterdir()
    backup = shown(up, 0)[MILL]["backup"]
    assert (0 <= backup["seconds"] < 600, backup["gone"], backup["file"]) == (True, False, str(file))
    assert re.fullmatch(r"\d+ (s|min)", columns(up, MILL)["BACKUP"])
    assert columns(up, ORCHARD)["BACKUP"] == "none"
    before = up.settings()
    up.change({**before, "skycoin:wallets": {"backup-age": 8}})
    try:
        assert re.search(rf"^  backup less than an hour old, .*: {file}$", up.make("up").text, re.MULTILINE)
        record = up.layout.backup_records / "local" / f"{MILL}.json"
        noted = json.loads(record.read_text())
        then = datetime.fromisoformat(noted["time"]) - timedelta(days=9)
        record.write_text(json.dumps({**noted, "time": then.isoformat()}))
        assert columns(up, MILL)["BACKUP"] == "9 d"
        late = shown(up, 0)[MILL]["backup"]
        assert (late["time"], late["seconds"] // 86_400) == (f"{then:%Y-%m-%dT%H:%M:%SZ}", 9)
        warned = rf"^  WARNING: backup 9 days old, .*: {file}; the stack requires one every 8 days \("
        assert re.search(warned, up.make("up").text, re.MULTILINE)
        file.unlink()
        assert (columns(up, MILL)["BACKUP"], shown(up, 0)[MILL]["backup"]["gone"]) == ("gone", True)
    finally:
        up.change(before)


def test_a_restart_after_a_kill_is_counted_and_a_stopped_node_needs_attention(
    up: Machine, boards: dict[str, Board]
) -> None:
    mill = boards[MILL]
    [pid] = mill.docker("inspect", "-f", "{{.State.Pid}}", f"skycoin-{MILL}").split()
    mill.run("kill", "-KILL", pid)
    deadline = time.monotonic() + 60
    while mill.docker("inspect", "-f", "{{.RestartCount}}", f"skycoin-{MILL}").strip() != "1":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    mill.docker("stop", "-t", "60", f"skycoin-{MILL}")
    try:
        one = shown(up, 4)[MILL]
        assert (one["state"], one["chain"], one["container"]["status"]) == ("stopped", None, "exited")
        assert one["container"]["restarts"] == 1
        assert shlex.join(["ssh", *mill.ssh_options, mill.engine, "docker", "logs"]) in one["reason"]
    finally:
        mill.docker("start", f"skycoin-{MILL}")


@pytest.mark.case(22)
def test_a_dead_board_is_a_row_and_costs_its_time_once(up: Machine, boards: dict[str, Board]) -> None:
    """Its link is down: connections are neither refused nor answered."""
    boards[ORCHARD].unplug()
    try:
        began = time.monotonic()
        table = up.skyinfra("fleet", "status")
        took = time.monotonic() - began
        assert table.code == 4, table.text
        assert took < 35, table.text
        rows = {line.split()[0]: line for line in table.text.splitlines() if line.strip()}
        assert "does not answer" in rows[ORCHARD]
        [reason] = [
            line for line in table.text.splitlines() if line.startswith(f"{ORCHARD}: does not answer: ")
        ]
        assert boards[ORCHARD].address in reason, "ssh's own words"
        assert " offline " in rows["node-1"]
        assert " offline " in rows[MILL]
    finally:
        boards[ORCHARD].plug()


def see(lines: IO[str], name: str, state: str) -> dict[str, str]:
    """Read the output until this node has this state; return the states of all nodes at that moment."""
    deadline, states = time.monotonic() + 90, dict[str, str]()
    while states.get(name) != state:
        assert time.monotonic() < deadline, states
        one = json.loads(lines.readline())
        states = {node["node"]: node["state"] for node in one["nodes"]}
    return states


def test_watch_goes_on_without_a_dead_board_and_ends_cleanly(up: Machine, boards: dict[str, Board]) -> None:
    env = {**clean_environment(), **SETTINGS, **up.environment()}
    with subprocess.Popen(
        ["./skyinfra", "fleet", "status", "--watch", "--json"],
        cwd=up.checkout,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        # The test before this one has just brought the board's link up again.
        see(process.stdout, ORCHARD, "offline")
        boards[ORCHARD].stop_sshd()
        try:
            states = see(process.stdout, ORCHARD, "does not answer")
            assert states[MILL] == "offline"
        finally:
            boards[ORCHARD].start_sshd()
        see(process.stdout, ORCHARD, "offline")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert "Traceback" not in said
