"""Handover of a node's container on a real engine: whatever fails, the old container runs again."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.machine import services
from tests.e2e.machine import SETTINGS, Machine, Result, clean_environment
from tests.e2e.namespace import network_namespace, python
from tests.e2e.plugin import until
from tests.e2e.rebooted import COPIES as COPIES_OF_BOARD
from tests.e2e.rebooted import MOMENTS
from tests.e2e.rebooted import TEXT as REBOOTED
from tests.e2e.rebooted import WALLET as WALLET_OF_BOARD

NODE, PORT = "skycoin-steady", 16426
WALLET, DATA = f"{NODE}-wallet", f"{NODE}-data"
TEXT = json.dumps({"meta": {"label": "precious", "type": "deterministic"}, "entries": [{"address": "2a"}]})
UP = ("up", "--yes", "--skip-preview", "--stack", "local")


@pytest.fixture(scope="module")
def steady(up: Machine) -> Iterator[Machine]:
    """The stack with a node that has a wallet; restored afterwards."""
    before = up.settings()
    node = {"image": "skycoin", "host": "here", "rpc-port": PORT, "wait": 60}
    up.change({**before, "skycoin:nodes": {**before["skycoin:nodes"], "steady": node}})
    result = up.make("up")
    assert result.code == 0, result.text
    put(up, TEXT)
    yield up
    up.change(before)
    assert up.make("retire", "NODE=steady").code == 0


def put(up: Machine, text: str) -> None:
    up.pipe(
        "docker", "exec", "-i", NODE, "sh", "-c", 'umask 077; cat > "/wallet/a b.wlt"', given=text.encode()
    )


@contextmanager
def changed(up: Machine, **keys: Any) -> Iterator[None]:
    """Change the node's settings while the body runs."""
    before = up.settings()
    nodes = {name: dict(node) for name, node in before["skycoin:nodes"].items()}
    nodes["steady"] |= {key.replace("_", "-"): value for key, value in keys.items()}
    up.change({**before, "skycoin:nodes": nodes})
    try:
        yield
    finally:
        up.change(before)


def health(up: Machine) -> str:
    status: str = up.inspect("container", NODE)["State"]["Health"]["Status"]
    return status


def converged_container(up: Machine) -> Any:
    """Return the node's only container, after checks of its health, its wallet and further runs."""
    for options in (("--refresh",), ()):
        again = up.pulumi(*UP, *options)
        assert again.code == 0, again.text
    unchanged = up.pulumi("preview", "--expect-no-changes", "--refresh", "--run-program", "--stack", "local")
    assert unchanged.code == 0, unchanged.text
    assert up.containers_with(WALLET) == [NODE]
    until(lambda: health(up) == "healthy", "the node that runs again is healthy", seconds=90)
    found = up.inspect("container", NODE)
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert up.docker("exec", NODE, "cat", "/wallet/a b.wlt").text == TEXT
    return found


@pytest.mark.case(39)
def test_a_node_that_can_not_start_says_why_at_once_and_the_old_one_runs_again(steady: Machine) -> None:
    """Before, it took 300 silent seconds, quoted the usage text, and lost the healthy container."""
    before = steady.inspect("container", NODE)["Id"]
    began = time.monotonic()
    with changed(steady, args=["-max-connections=many"]):
        failed = steady.pulumi(*UP)
    assert failed.code != 0
    assert time.monotonic() - began < 60
    assert 'invalid value "many" for flag -max-connections' in failed.text
    assert f"The old container {NODE} was restored unchanged" in failed.text
    assert steady.containers_with(WALLET) == [NODE]
    assert steady.inspect("container", NODE)["Id"] == before
    assert converged_container(steady)["Id"] == before


@pytest.mark.case(25)
def test_a_port_in_use_is_noticed_before_the_old_node_is_stopped(steady: Machine) -> None:
    before = steady.inspect("container", NODE)
    with socket.socket() as holder, changed(steady, rpc_port=PORT + 1):
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", PORT + 1))
        holder.listen()
        failed = steady.pulumi(*UP)
    assert failed.code != 0
    assert f"has port {PORT + 1} taken by" in failed.text
    after = converged_container(steady)
    assert (after["Id"], after["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])


@pytest.mark.case(37)
@pytest.mark.parametrize("how", ["--replace", pytest.param("taint", marks=pytest.mark.long)])
def test_a_replace_copies_the_wallet_and_its_deletion_spares_the_new_container(
    steady: Machine, how: str
) -> None:
    before, count = steady.inspect("container", NODE)["Id"], steady.copies(NODE)
    put(steady, TEXT.replace("precious", f"grown before {how}"))
    urn = "urn:pulumi:local::skycoin::skycoin:index:Node$skycoin:index:NodeContainer::steady-container"
    if how == "taint":
        tainted = steady.pulumi("state", "taint", urn, "--yes", "--stack", "local")
        assert tainted.code == 0, tainted.text
    replaced = steady.pulumi(*UP, *(["--replace", urn] if how == "--replace" else ()))
    assert replaced.code == 0, replaced.text
    assert steady.copies(NODE) == count + 1
    put(steady, TEXT)
    assert converged_container(steady)["Id"] != before


@contextmanager
def database_of(up: Machine, version: str) -> Iterator[Path]:
    """Stop the node and make its chain database name another version; restore and start it afterwards.

    The real node wrote the database. Text in it can be replaced by text of the same length: Bolt has no
    checksum of it.
    """
    folder = Path(up.inspect("volume", DATA)["Mountpoint"]) / ".skycoin"
    assert up.docker("stop", "-t", "60", NODE).code == 0
    written = (folder / "data.db").read_bytes()
    assert b"version0.27.1" in written
    (folder / "data.db").write_bytes(written.replace(b"version0.27.1", f"version{version}".encode()))
    yield folder
    (folder / "data.db").write_bytes(written)
    assert up.docker("start", NODE).code == 0
    until(lambda: health(up) == "healthy", "the node runs again", seconds=90)


@pytest.mark.case(6)
def test_a_database_of_a_newer_version_stops_preview_and_up_before_the_node_is_touched(
    steady: Machine,
) -> None:
    before = steady.inspect("container", NODE)["Id"]
    with database_of(steady, "0.28.0") as folder, changed(steady, args=["-log-level=debug"]):
        stamped = (folder / "data.db").read_bytes()
        for command in (("preview", "--stack", "local"), UP):
            refused = steady.pulumi(*command)
            assert refused.code != 0, refused.text
            said = " ".join(refused.text.split())
            assert f"volume '{DATA}' was written by version 0.28.0, and 0.27.1 refuses it" in said
            assert f"for example with `data-volume: {DATA}-anew` in its entry" in said
        assert (folder / "data.db").read_bytes() == stamped
        assert steady.inspect("container", NODE)["Id"] == before
        with changed(steady, data_volume=f"{DATA}-anew"):
            anew = steady.pulumi(*UP)
            assert anew.code == 0, anew.text
        mounts = steady.inspect("container", NODE)["Mounts"]
        assert {mount["Name"] for mount in mounts} == {f"{DATA}-anew", WALLET}
        assert (folder / "data.db").read_bytes() == stamped, "the volume of before stays"
    back = steady.pulumi(*UP)
    assert back.code == 0, back.text
    assert steady.containers_with(WALLET) == [NODE]


@pytest.mark.case(6, 39)
def test_a_newer_version_that_fails_leaves_the_chain_database_as_the_older_one_wrote_it(
    steady: Machine,
) -> None:
    """The newer version can't create its folder for notes and ends; by then, the database names it."""
    before = steady.inspect("container", NODE)["Id"]
    with database_of(steady, "0.26.0") as folder:
        stamped = (folder / "data.db").read_bytes()
        (folder / "data").touch()
        with changed(steady, api_sets=["READ", "TXN", "STORAGE"], wait=15):
            foreseen = " ".join(steady.pulumi("preview", "--stack", "local").text.split())
            assert "which version 0.26.0 has written, will be opened by version 0.27.1" in foreseen
            failed = steady.pulumi(*UP)
        (folder / "data").unlink()
        assert failed.code != 0
        assert "failed to create kvstorage directory" in failed.text
        assert f"The old container {NODE} was restored unchanged. So was its chain database." in failed.text
        assert (folder / "data.db").read_bytes() == stamped
        assert not list(folder.glob("data.db.*")), "the copy has gone into its place"
        assert steady.inspect("container", NODE)["Id"] == before
        assert steady.docker("start", NODE).code == 0
        until(lambda: health(steady) == "healthy", "the old one reads it", seconds=90)
        assert "DB version: 0.26.0" in steady.docker("logs", NODE).text
        assert steady.docker("stop", "-t", "60", NODE).code == 0
        assert b"version0.27.1" in (folder / "data.db").read_bytes()


@pytest.mark.case(18, 37)
def test_a_container_that_was_removed_by_hand_comes_back_after_a_copy(steady: Machine) -> None:
    count = steady.copies(NODE)
    put(steady, TEXT.replace("precious", "grown again"))
    assert steady.docker("rm", "-f", NODE).code == 0
    result = steady.pulumi(*UP, "--refresh", "--run-program")
    assert result.code == 0, result.text
    assert steady.copies(NODE) == count + 1
    put(steady, TEXT)
    converged_container(steady)


def test_memory_changes_in_place(steady: Machine) -> None:
    before = steady.inspect("container", NODE)["Id"]
    with changed(steady, memory=512):
        result = steady.pulumi(*UP)
        assert result.code == 0, result.text
        found = steady.inspect("container", NODE)
        assert (found["Id"], found["HostConfig"]["Memory"]) == (before, 512 * 1024 * 1024)
    assert converged_container(steady)["Id"] == before


def killed_when(up: Machine, moment: str, *victims: str) -> Result:
    """Run `pulumi up`, and kill its processes with these names once the node's containers match `moment`."""
    command = ["pulumi", *UP, "--non-interactive"]
    env = {**clean_environment(), **SETTINGS, **up.environment()}
    with subprocess.Popen(
        command, cwd=up.checkout, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as running:
        until(lambda: moment in states(up), moment, seconds=60)
        for process in Path("/proc").glob("[0-9]*"):
            try:
                line = (process / "cmdline").read_bytes().decode(errors="replace")
                own = str(up.layout.state) in (process / "environ").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if own and any(victim in line for victim in victims):
                os.kill(int(process.name), signal.SIGKILL)
        text, _ = running.communicate(timeout=180)
    return Result(running.returncode, text)


def states(up: Machine) -> str:
    listed = up.docker("ps", "-a", "--filter", f"volume={WALLET}", "--format", "{{.Names}}={{.State}}")
    return " ".join(sorted(listed.text.split()))


ASIDE = f"{NODE}-previous=exited"


@pytest.mark.parametrize(
    "victim", ["providers.skycoin", "pulumi up"], ids=["plugin", "pulumi and its plugins"]
)
@pytest.mark.case(17, 39)
def test_a_handover_that_is_killed_is_repaired_by_the_next_up(steady: Machine, victim: str) -> None:
    """The kill comes while the new container is awaited; the power cuts below cover every other moment."""
    victims = ("providers.skycoin",) if victim == "providers.skycoin" else ("pulumi", "providers.")
    with changed(steady, args=["-log-level=debug"]):
        killed = killed_when(steady, f"{ASIDE} {NODE}=running", *victims)
        assert killed.code != 0, killed.text
    if victim != "providers.skycoin":
        steady.pulumi("cancel", "--yes", "--stack", "local")
    refreshed = steady.pulumi(*UP, "--refresh")
    assert refreshed.code == 0, refreshed.text
    found = converged_container(steady)
    assert "-log-level=debug" not in found["Args"]


@pytest.mark.case(17, 39)
def test_an_engine_that_is_killed_in_a_handover_comes_back_with_one_node(steady: Machine) -> None:
    """Its containers outlive it (`live-restore`), so the old one is not started next to the new one."""
    command = ["pulumi", *UP, "--non-interactive"]
    env = {**clean_environment(), **SETTINGS, **steady.environment()}
    with (
        changed(steady, args=["-log-level=debug"]),
        subprocess.Popen(
            command, cwd=steady.checkout, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as running,
    ):
        moment = f"{ASIDE} {NODE}=running"
        until(lambda: moment in states(steady), moment, seconds=60)
        pid = services.running_pid(steady.layout, "dockerd")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert running.wait(timeout=300) != 0
    result = steady.make("up")
    assert result.code == 0, result.text
    converged_container(steady)
    writers = [state for state in states(steady).split() if state.endswith("=running")]
    assert writers == [f"{NODE}=running"]


@pytest.mark.case(39)
def test_a_destroy_after_a_killed_handover_leaves_no_container(steady: Machine) -> None:
    with changed(steady, args=["-log-level=debug"]):
        killed_when(steady, f"{ASIDE} {NODE}=running", "providers.skycoin")
    parts = [
        "urn:pulumi:local::skycoin::skycoin:index:Node$skycoin:index:NodeContainer::steady-container",
    ]
    targets = [part for urn in parts for part in ("--target", urn)]
    destroyed = steady.pulumi("destroy", "--yes", "--skip-preview", "--stack", "local", *targets)
    assert destroyed.code == 0, destroyed.text
    assert steady.containers_with(WALLET) == []
    assert re.search(WALLET, steady.docker("volume", "ls", "-q").text)
    result = steady.pulumi(*UP)
    assert result.code == 0, result.text
    converged_container(steady)


@pytest.fixture(scope="module")
def rebooted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Containers of a node after a power cut at each moment of a handover, and after the next runs."""
    state = tmp_path_factory.mktemp("board")
    with network_namespace("skycoin-board") as inside:
        command = [*inside, *python("tests.e2e.rebooted", str(state))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


OLD, NEW = "skycoin-one-previous=running", "skycoin-one=running"


@pytest.mark.parametrize(
    ("moment", "runs"),
    [
        ("the old one stops", [NEW]),  # it still has its name
        ("the old one is renamed", [OLD]),
        ("the new one is created", [OLD]),
        ("the new one starts", [OLD]),
        ("the old one starts no more", []),
        ("the new one is confirmed", [NEW]),
        ("the old one is removed", [NEW]),
    ],
)
@pytest.mark.case(39)
def test_a_board_that_loses_power_in_a_handover_starts_one_node_at_most(
    rebooted: Any, moment: str, runs: list[str]
) -> None:
    """The table of ADR 19, on an engine that starts containers by their restart policies when it boots."""
    found = rebooted[moment]
    assert [state for state in found["boot"] if state.endswith("=running")] == runs
    assert found["after"] == [NEW]
    assert found["again"] == "same"


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("when", ["destroyed", "destroyed at once"])
@pytest.mark.case(20, 39)
def test_a_destroy_after_that_power_cut_leaves_the_volumes_and_nothing_else(
    rebooted: Any, moment: str, when: str
) -> None:
    """True if two `up`s have repaired the handover before."""
    left = rebooted[moment][when]
    assert left == {"containers": [], "volumes": [WALLET_OF_BOARD, COPIES_OF_BOARD], "wallet": REBOOTED}
