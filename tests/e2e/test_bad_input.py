"""Responses to wrong settings and to machines that are not ready; nothing is left half done."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.machine import RPC_PORT, Machine, copy_checkout


@pytest.fixture
def settings(up: Machine) -> Iterator[dict[str, Any]]:
    """The configuration; restored after the test."""
    before = up.settings()
    yield before
    up.change(before)


@pytest.mark.case(26)
def test_all_errors_come_at_once_and_nothing_changes(up: Machine, settings: dict[str, Any]) -> None:
    image = {**settings["skycoin:images"]["skycoin"], "arches": ["amd64", "arm32v9"], "colour": "red"}
    node = {**settings["skycoin:nodes"]["node-1"], "rpc-port": 80, "wallet-volume": "/wallet"}
    up.change({**settings, "skycoin:images": {"skycoin": image}, "skycoin:nodes": {"node-1": node}})
    before = up.inspect("container", "skycoin-node-1")["Id"]
    result = up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    assert result.code != 0
    assert "4 configuration errors, nothing was changed" in result.text
    assert 'skycoin:images.skycoin.arches[1]: "arm32v9": must be one of amd64, arm32v5' in result.text
    assert "skycoin:images.skycoin.colour: unknown key" in result.text
    assert "skycoin:nodes.node-1.rpc-port: 80:" in result.text
    assert 'skycoin:nodes.node-1.wallet-volume: "/wallet": a volume' in result.text
    assert result.text.count("stacks/Pulumi.local.yaml:") == 4, "each with its line"
    assert "^^^^^^^" in result.text
    assert "Traceback" not in result.text
    assert "unhandled error" not in result.text
    assert up.inspect("container", "skycoin-node-1")["Id"] == before


@pytest.mark.case(36)
def test_one_volume_for_data_and_wallet_is_refused(up: Machine, settings: dict[str, Any]) -> None:
    node = {**settings["skycoin:nodes"]["node-1"], "wallet-volume": "skycoin-node-1-data"}
    up.change({**settings, "skycoin:nodes": {"node-1": node}})
    result = up.pulumi("preview", "--stack", "local")
    assert result.code != 0
    assert "a wallet has one writer: give each its own volume" in result.text


def test_version_without_pinned_hashes_is_refused(up: Machine, settings: dict[str, Any]) -> None:
    image = settings["skycoin:images"]["skycoin"]
    source = {**image["source"], "version": "v0.28.0"}
    up.change({**settings, "skycoin:images": {"skycoin": {**image, "source": source}}})
    result = up.pulumi("preview", "--stack", "local")
    assert result.code != 0
    assert "go get github.com/skycoin/skycoin@v0.28.0" in result.text


@pytest.mark.case(25)
def test_a_port_that_another_program_uses_is_reported(up: Machine, settings: dict[str, Any]) -> None:
    """Before, only the start of the new node's container found this. Once the port is free, `up` succeeds."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        extra = {"image": "skycoin", "host": "here", "rpc-port": port}
        nodes = {**settings["skycoin:nodes"], "second": extra}
        up.change({**settings, "skycoin:nodes": nodes})
        result = up.pulumi("up", "--yes", "--stack", "local")
        assert result.code != 0
        assert f"host here has port {port} taken by a program of the user with the id 0." in result.text
        assert "(skycoin:nodes.second.rpc-port)" in result.text
        assert up.docker("volume", "inspect", "skycoin-second-wallet").code != 0
    again = up.pulumi("up", "--yes", "--stack", "local")
    assert again.code == 0, again.text
    assert up.make("retire", "NODE=second").code == 0
    assert "second" not in up.settings()["skycoin:nodes"]


def test_a_registry_port_in_use_is_reported(up: Machine, tmp_path: Path) -> None:
    """A second set-up, in a clone of its own."""
    copy_checkout(tmp_path / "clone")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        other = {
            "SKYCOIN_STATE": str(up.layout.state / "other"),
            "SKYCOIN_REGISTRY_PORT": str(taken.getsockname()[1]),
        }
        result = replace(up, checkout=tmp_path / "clone").run("make", "up", env=other)
    assert result.code != 0
    assert f"port {other['SKYCOIN_REGISTRY_PORT']} on 127.0.0.1 is in use" in result.text


@pytest.mark.parametrize(
    ("variable", "value", "answer"),
    [
        ("SKYCOIN_REGISTRY_PORT", "http", "give a number from 1024 to 65535"),
        ("SKYCOIN_MODE", "magic", "give one of auto, official, embedded"),
        ("DOCKER_HOST", "tcp://127.0.0.1:1", "No Docker engine answers at tcp://127.0.0.1:1"),
    ],
)
def test_a_wrong_environment_variable_is_answered_with_the_allowed_values(
    up: Machine, variable: str, value: str, answer: str
) -> None:
    result = up.run("make", "up", env={variable: value, "SKYCOIN_ENGINE": "auto"})
    assert result.code != 0
    assert answer in result.text
    assert "Traceback" not in result.text


def test_commands_before_the_first_up_say_what_to_do(up: Machine) -> None:
    result = up.run("make", "preview", env={"SKYCOIN_STATE": str(up.layout.state / "nowhere")})
    assert result.code != 0
    assert "run `make up` first" in result.text


def test_an_unknown_stack_is_reported(up: Machine) -> None:
    result = up.make("preview", "STACK=nowhere")
    assert result.code != 0
    assert "There is no stack 'nowhere'" in result.text


def test_errors_leave_the_node_untouched(up: Machine) -> None:
    assert up.inspect("container", "skycoin-node-1")["State"]["Health"]["Status"] == "healthy"
    bindings = up.inspect("container", "skycoin-node-1")["HostConfig"]["PortBindings"]
    assert bindings["6420/tcp"][0]["HostPort"] == str(RPC_PORT)
