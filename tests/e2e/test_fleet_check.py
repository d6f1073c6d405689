"""`skyinfra fleet check`, and the same checks in `up`, previews and the review page, with a board.

tests/integration/test_host_facts.py uses recordings for what a network namespace can't imitate.
"""

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.boards import Board, start_board
from tests.e2e.machine import RPC_PORT, Machine
from tests.e2e.test_dead_hosts import with_entries

TAKEN, NODE = 16470, "skycoin-node-1"
REFUSED, PART = 3, 4
OLD_DOCKER = """\
#!/bin/sh
[ "$1" = info ] || exec {real} "$@"
{real} "$@" | sed 's/"ServerVersion":"[^"]*"/"ServerVersion":"18.06.3-ce"/'
"""
SAID = (
    rf"host attic has port {TAKEN} taken by a program of the user with the id 0\..+\.attic\.rpc-port\)",
    r"host attic has \d+ MiB of memory, but the node's limit is 999999\..+\(skycoin:nodes\.attic\.memory",
    r"host other-arch is x86_64 and does not run linux/arm/v7 natively\..+emulation: allowed",
    r"host stranger has an ssh host key that .+ Host key verification failed\..+`ssh-keyscan ",
    r"host locked accepts none of your ssh keys at .+ Permission denied .+`ssh-copy-id root@10\.",
    r"host closed does not answer at ssh://root@10\.\S+:2222: .+ Connection refused\..+\.closed\.engine",
    r"host shut-out does not let you use its Docker at ssh://guest@10\..+ permission denied.+usermod -aG ",
    r"host bare has no Docker at ssh://root@10\.\S+:2201: .+ `sudo apt install docker\.io`",
    r"host old has Docker 18\.06\.3-ce, but ssh connections need 18\.09 .+ Install a newer version",
    r"host full has \d+ MiB free where Docker keeps its data, .+ Make room",
    r"host past has its clock at 1970-01-01 00:16:4\d UTC; .+timedatectl",
)
"""Expected messages; each names a host, its error and the remedy."""


@pytest.fixture(scope="module")
def board(up: Machine) -> Iterator[Board]:
    made = start_board(up.layout, "attic", 61)
    yield made
    made.end()


@pytest.fixture
def settings(up: Machine) -> Iterator[dict[str, Any]]:
    """The configuration; restored after the test."""
    before = up.settings()
    yield before
    up.change(before)


@contextmanager
def listening(board: Board, port: int) -> Iterator[None]:
    """Run a program on the board that listens on a port."""
    server = f"socket.create_server(('', {port}))"
    held = f"import socket, time; s = {server}; print('up', flush=True); time.sleep(600)"
    argv = board.inside("python3", "-c", held)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        try:
            yield
        finally:
            process.kill()


@pytest.fixture(scope="module")
def disguises(board: Board) -> dict[str, dict[str, object]]:
    """The board as faulty hosts: without access, without Docker, with an old engine, full, and in 1970."""
    real, old, past = (board.folder / name for name in ("docker-as-it-is", "old-docker", "past-date"))
    real.touch()
    for program, script in ((old, OLD_DOCKER.format(real=real)), (past, "#!/bin/sh\necho 1000\n")):
        program.write_text(script)
        program.chmod(0o755)
    docker = '"$(command -v docker)"'
    board.add_user("guest", (board.folder / "client_key.pub").read_text().strip())
    return {
        "shut-out": {**board.host, "engine": f"ssh://guest@{board.address}"},
        "bare": board.open_door(
            2201, 'while file=$(command -v docker); do mount --bind /dev/null "$file"; done'
        ),
        "old": board.open_door(2202, f"mount --bind {docker} {real}; mount --bind {old} {docker}"),
        "full": board.open_door(2203, f"mount -t tmpfs -o size=100m full {board.folder / 'data'}"),
        "past": board.open_door(2204, f'mount --bind {past} "$(command -v date)"'),
    }


@pytest.fixture
def wrong_fleet(
    settings: dict[str, Any], board: Board, disguises: dict[str, dict[str, object]], tmp_path: Path
) -> dict[str, Any]:
    """The stack with a host for every kind of error, and a node on each."""
    empty, other = tmp_path / "known_hosts", tmp_path / "other_key"
    empty.touch()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    known = f"UserKnownHostsFile={board.folder / 'known_hosts'}"
    wrong: dict[str, dict[str, object]] = {
        "attic": board.host,
        "other-arch": {**board.host, "arch": "arm32v7"},
        "stranger": {
            "engine": board.engine,
            "ssh-options": [*board.ssh_options[:2], "-o", f"UserKnownHostsFile={empty}"],
        },
        "locked": {
            "engine": board.engine,
            "ssh-options": ["-i", str(other), "-o", known, "-o", "IdentitiesOnly=yes"],
        },
        "closed": {**board.host, "engine": f"{board.engine}:2222"},
        **disguises,
    }
    nodes = {
        name: {"image": "skycoin", "host": name, "rpc-port": port} for port, name in enumerate(wrong, TAKEN)
    }
    nodes["attic"]["memory"] = 999999
    return with_entries(settings, hosts=wrong, nodes=nodes)


@pytest.mark.case(22, 23, 25)
def test_all_hosts_are_in_one_table_with_their_findings(
    up: Machine, board: Board, wrong_fleet: dict[str, Any]
) -> None:
    up.change(wrong_fleet)
    with listening(board, TAKEN):
        began = time.monotonic()
        result = up.skyinfra("fleet", "check")
        assert time.monotonic() - began < 30
    assert result.code == REFUSED, result.text
    state = dict(re.findall(r"^([a-z-]+) +(ok|warned|refused|unknown) ", result.text, re.MULTILINE))
    assert state.pop("here") in ("ok", "warned")
    assert state.pop("closed") == "unknown"
    assert state == dict.fromkeys(wrong_fleet["skycoin:hosts"].keys() - {"here", "closed"}, "refused")
    for line in SAID:
        assert re.search(line, result.text), (line, result.text)


@pytest.mark.case(22)
def test_a_host_that_is_off_is_unknown_in_time_and_holds_up_no_other(
    up: Machine, board: Board, settings: dict[str, Any]
) -> None:
    up.change({**settings, "skycoin:hosts": {**settings["skycoin:hosts"], "attic": board.host}})
    board.unplug()
    try:
        began = time.monotonic()
        result = up.skyinfra("fleet", "check", "--json")
        assert time.monotonic() - began < 30
    finally:
        board.plug()
    assert result.code == PART, result.text
    hosts = json.loads(result.text[result.text.index("{") :])["hosts"]
    assert hosts["attic"]["facts"] is None
    assert hosts["here"]["facts"]["machine"] == "x86_64"


@pytest.mark.case(22)
def test_a_board_whose_engine_is_down_is_reported_as_such(
    up: Machine, board: Board, settings: dict[str, Any]
) -> None:
    up.change({**settings, "skycoin:hosts": {**settings["skycoin:hosts"], "attic": board.host}})
    board.kill_engine()
    try:
        result = up.skyinfra("fleet", "check")
    finally:
        board.start_engine()
    assert result.code == REFUSED, result.text
    assert "host attic runs no Docker engine at " in result.text
    assert "systemctl enable --now docker" in result.text
    result = up.skyinfra("fleet", "check")
    assert result.code == 0, result.text


@pytest.mark.case(25)
def test_a_port_that_is_taken_is_found_before_the_old_node_is_touched(
    up: Machine, settings: dict[str, Any]
) -> None:
    """The conflict used to be found after the old node was stopped. A node's own port is no conflict."""
    before = up.inspect("container", NODE)
    node = settings["skycoin:nodes"]["node-1"]
    said = (
        r"has port \d+ taken by a program of the user with the id 0\.[^(]+\(skycoin:nodes\.node-1\.rpc-port"
    )
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        other = {**node, "rpc-port": taken.getsockname()[1]}
        up.change({**settings, "skycoin:nodes": {"node-1": other}})
        for command in (("preview",), ("up", "--yes", "--skip-preview")):
            result = up.pulumi(*command, "--stack", "local")
            assert result.code != 0
            assert re.search(said, " ".join(result.text.split())), result.text
        page = up.skyinfra("review")
        assert page.code == REFUSED, page.text
        assert re.search(said, " ".join(page.text.split())), page.text
    after = up.inspect("container", NODE)
    assert (after["Id"], after["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])
    up.change({**settings, "skycoin:nodes": {"node-1": {**node, "memory": 512}}})
    result = up.pulumi("up", "--yes", "--stack", "local")
    assert result.code == 0, result.text
    assert up.inspect("container", NODE)["HostConfig"]["PortBindings"]["6420/tcp"][0]["HostPort"] == str(
        RPC_PORT
    )
    up.change(settings)
    assert up.pulumi("up", "--yes", "--stack", "local").code == 0


@pytest.fixture
def slow(up: Machine) -> Iterator[Board]:
    """A board behind a slow link."""
    made = start_board(up.layout, "orchard", 63)
    made.slow_down("4mbit")
    yield made
    made.end()


def only(config: dict[str, Any], hosts: Collection[str]) -> dict[str, Any]:
    """The configuration with these hosts alone, and the nodes on them."""
    nodes = {name: node for name, node in config["skycoin:nodes"].items() if node["host"] in hosts}
    kept = {name: host for name, host in config["skycoin:hosts"].items() if name in hosts}
    return {**config, "skycoin:hosts": kept, "skycoin:nodes": nodes}


@contextmanager
def dropping(board: Board, after: int) -> Iterator[list[float]]:
    """Unplug a board once it has received so many bytes; the yielded list then holds that moment."""
    dropped, ended = list[float](), threading.Event()

    def watch() -> None:
        while board.received() < after:
            if ended.wait(0.1):
                return
        board.unplug()
        dropped.append(time.monotonic())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield dropped
    finally:
        ended.set()
        thread.join()


@pytest.mark.case(22, 23, 25, 40)
def test_wrong_hosts_are_refused_by_name_in_time_and_the_others_deployed(
    up: Machine, board: Board, slow: Board, settings: dict[str, Any], wrong_fleet: dict[str, Any]
) -> None:
    node = {"image": "skycoin", "host": "orchard"}
    wanted = with_entries(wrong_fleet, hosts={"orchard": slow.host}, nodes={"orchard": node})
    wanted["skycoin:nodes"]["node-1"] = {**settings["skycoin:nodes"]["node-1"], "args": ["-log-level=debug"]}
    images = settings["skycoin:images"]
    assert "arm32v7" in images["skycoin"]["arches"]
    # A preview ends at the first failure, when some hosts may not have been asked yet.
    up.change(only(wanted, ("here", "closed")))
    page = up.skyinfra("review")
    assert re.search(r"- host closed does not answer at .+ `up` would find there is unknown", page.text)
    up.change(only(wanted, ("here", "attic", "other-arch")))
    with listening(board, TAKEN):
        page = up.skyinfra("review")
        assert page.code == REFUSED, page.text
        native = "host other-arch is x86_64 and does not run linux/arm/v7 natively."
        assert native in " ".join(page.text.split())
        up.change(wanted)
        began = time.monotonic()
        with dropping(slow, after=2_000_000) as dropped:
            result = up.pulumi("up", "--yes", "--skip-preview", "--continue-on-error", "--stack", "local")
        ended = time.monotonic()
    assert result.code != 0
    text = " ".join(result.text.split())
    for said in SAID:
        assert re.search(said, text), (said, result.text)
    assert re.search(r"host orchard, \S+/skycoin/skycoin@sha256:", text), result.text
    assert ended - dropped[0] < 35, result.text
    assert ended - began < 90, result.text
    assert "-log-level=debug" in up.inspect("container", NODE)["Config"]["Cmd"]
    for host in (board, slow):
        assert host.docker("ps", "-aq") == ""
        assert host.docker("volume", "ls", "-q") == ""
    up.change(settings)
    result = up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    assert result.code == 0, result.text


def test_a_second_up_checks_no_host(up: Machine, board: Board, settings: dict[str, Any]) -> None:
    """Only hosts with something to create or change are asked: the board is off, and nothing waits for it."""
    hosts = {**settings["skycoin:hosts"], "attic": board.host}
    up.change({**settings, "skycoin:hosts": hosts})
    assert up.pulumi("up", "--yes", "--skip-preview", "--stack", "local").code == 0
    board.unplug()
    try:
        began = time.monotonic()
        result = up.pulumi("preview", "--expect-no-changes", "--stack", "local")
        assert result.code == 0, result.text
        assert time.monotonic() - began < 20
    finally:
        board.plug()
        up.change(settings)
        assert up.pulumi("up", "--yes", "--skip-preview", "--stack", "local").code == 0


def test_another_backend_without_a_set_up_is_checked_the_same_way(
    up: Machine, board: Board, tmp_path: Path
) -> None:
    file = up.checkout / "stacks" / "Pulumi.boards.yaml"
    hosts = {"attic": board.host}
    nodes = {"attic": {"image": "skycoin", "host": "attic"}}
    config = {
        "skycoin:images-from": "organization/skycoin/release",
        "skycoin:hosts": hosts,
        "skycoin:nodes": nodes,
    }
    file.write_text(yaml.safe_dump({"config": config}))
    try:
        env = {**up.environment(), "PULUMI_BACKEND_URL": f"file://{tmp_path}"}
        result = up.run("./skyinfra", "fleet", "check", "-s", "boards", "--backend", "pulumi", env=env)
        assert result.code == 0, result.text
        assert re.search(r"^attic +(ok|warned) ", result.text, re.MULTILINE), result.text
    finally:
        file.unlink()
