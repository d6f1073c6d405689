"""The operator's machine dies without a backup: its nodes are adopted from their engines alone.

The other machine has a clone of the program, the stack's file and the ssh key, but no state, no other key
and an empty registry. One node is on a board behind ssh, the other on the first machine's engine, which
runs on.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from tests.e2e.boards import Board, start_board
from tests.e2e.machine import Machine, Result
from tests.e2e.test_setup_backup import Other, dead, new_machine
from tests.unit.wallet_engine import wallet

PREVIEW = ("preview", "--refresh", "--stack", "local")
FAR_PORT = 6420


@pytest.fixture(scope="module")
def far(up: Machine) -> Iterator[Board]:
    """A board with one of the nodes, whose wallet is copied on it; the stack is restored afterwards."""
    board = start_board(up.layout, "barn", 4)
    before = up.settings()
    hosts = {**before["skycoin:hosts"], "barn": board.host}
    nodes = {**before["skycoin:nodes"], "barn": {"image": "skycoin", "host": "barn", "rpc-port": FAR_PORT}}
    up.change({**before, "skycoin:hosts": hosts, "skycoin:nodes": nodes})
    result = up.make("up")
    assert result.code == 0, result.text
    script = 'umask 077; printf %s "$0" > /wallet/mine.wlt'
    board.docker("exec", "skycoin-barn", "sh", "-c", script, wallet("2aA"))
    result = up.make("up")
    assert "updated barn-preflight: a copy of its wallet" in result.text, result.text
    yield board
    up.change(before)
    assert up.make("retire", "NODE=barn").code == 0
    board.end()


@pytest.fixture
def other(up: Machine, far: Board) -> Iterator[Other]:
    with new_machine(up) as machine:
        whole = yaml.safe_load(up.stack_file.read_text())
        machine.stack_file.write_text(yaml.safe_dump({"config": whole["config"]}, sort_keys=False))
        yield machine


def adopted(other: Other, up: Machine) -> Result:
    return other.run("./skyinfra", "setup", "adopt", env={"PATH": up.environment()["PATH"]})


def on_engines(up: Machine, far: Board) -> dict[str, Any]:
    """All containers, volumes and networks of both engines, with what would distinguish others from them."""
    return {
        f"{where} {name}": found
        for where, docker in (("here", lambda *words: up.docker(*words).text), ("barn", far.docker))
        for name, found in listing(docker).items()
    }


def listing(docker: Callable[..., str]) -> dict[str, Any]:
    """Containers, volumes and networks of an engine.

    For Debian's engine, a volume is created when a file at its top was last added or removed.
    """
    found: dict[str, Any] = {}
    for kind, keys in {
        "container": ("Id", "Created", "Name", "State", "HostConfig", "Config"),
        "volume": ("Name", "CreatedAt", "Labels", "Options"),
        "network": ("Id", "Created", "Name", "Labels", "Options", "IPAM"),
    }.items():
        every = ("--all", "--no-trunc") if kind == "container" else ()
        names = docker(kind, "ls", "--quiet", *every).split()
        for object_ in json.loads(docker(kind, "inspect", *names)):
            object_.get("State", {}).pop("Health", None)
            if object_["Name"].endswith("-data"):
                object_.pop("CreatedAt")  # changed by the node itself
            found[f"{kind} {object_['Name']}"] = {key: object_.get(key) for key in keys}
    return found


@pytest.mark.case(37)
def test_running_nodes_are_adopted_as_they_run_and_nothing_on_their_engines_changes(
    up: Machine, far: Board, other: Other
) -> None:
    before = on_engines(up, far)
    assert {"here container /skycoin-node-1", "barn container /skycoin-barn"} <= before.keys()
    with dead(up, other):
        done = adopted(other, up)
        assert done.code == 0, done.text
        for node, host in (("node-1", "here"), ("barn", "barn")):
            said = f"{node}: adopted as it runs on host {host}; wallet volume skycoin-{node}-wallet"
            assert said in done.text, done.text
        assert "Lost with the old set-up, and created again: its passphrase" in done.text
        assert on_engines(up, far) == before
        unchanged = other.pulumi(*PREVIEW, "--expect-no-changes")
        assert unchanged.code == 0, unchanged.text
        again = other.make("up")
        assert again.code == 0, again.text
        assert not re.search(r"\d+ (created|updated|replaced|deleted)", again.text), again.text
        assert on_engines(up, far) == before
        refused = adopted(other, up)
        assert refused.code == 1
        assert "has every node of its file: there is nothing to adopt" in refused.text
    assert on_engines(up, far) == before


@pytest.mark.long
@pytest.mark.case(37)
def test_a_node_that_differs_from_the_file_is_adopted_as_it_is_and_a_board_that_was_down_later(
    up: Machine, far: Board, other: Other
) -> None:
    before = on_engines(up, far)
    config = yaml.safe_load(other.stack_file.read_text())["config"]
    nodes = config["skycoin:nodes"]
    nodes["absent"] = {**nodes["node-1"], "rpc-port": nodes["node-1"]["rpc-port"] + 90}
    nodes["node-1"]["args"] = ["-max-connections=7"]
    other.stack_file.write_text(yaml.safe_dump({"config": config}, sort_keys=False))
    with dead(up, other):
        far.stop_sshd()
        try:
            first = adopted(other, up)
        finally:
            far.start_sshd()
        assert first.code == 1, first.text
        assert "node-1: adopted as it runs on host here" in first.text
        assert "barn: not adopted, see above. If its host did not answer, run this again" in first.text
        assert on_engines(up, far) == before
        second = adopted(other, up)
        assert second.code == 1, second.text
        assert "absent: not adopted, see above" in second.text
        assert re.search(r"skycoin-absent-wallet' on host here does not exist, and adoption", second.text)
        assert "barn: adopted as it runs on host barn" in second.text
        assert (
            "container skycoin-node-1 on host here was not changed, because adoption changes nothing"
            in second.text
        )
        assert on_engines(up, far) == before
        shown = other.pulumi(*PREVIEW, "--diff")
        assert shown.code == 0, shown.text
        assert "max-connections=7" in shown.text
        assert not re.search(r"^\s*[+-].*barn-(container|network|wallet|data)", shown.text, re.M), shown.text
    assert on_engines(up, far) == before
