"""`skyinfra node retire`: the destroyed resources, the removed settings, and the wallet's protection."""

import errno
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from catalogue import exit_codes
from catalogue.node_container import NODE as LABEL
from clients.pulumi import NODE_CONTAINER
from commands.node import password, removal, retire
from local.machine.layout import Layout
from tests.unit.command_line import Skyinfra
from tests.unit.moving_engines import Board, Requests
from tests.unit.test_wallets import RESOURCES

Calls = list[list[str]]


@pytest.fixture
def calls(set_up: Layout, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Calls of a retire to pulumi; node-1 is deployed, and the settings have node-1 and node-2."""
    made: Calls = []
    monkeypatch.setattr("commands.backend.resources", lambda *_: RESOURCES)
    monkeypatch.setattr(
        "local.stacks.missing_nodes.stack_config", lambda _: {"skycoin:nodes": {"node-1": {}, "node-2": {}}}
    )
    monkeypatch.setattr(retire, "remove_setting", lambda *given: made.append(["rm", given[2]]))

    def noted(command: list[str], *_: object) -> int:
        made.append(list(command))
        return 0

    monkeypatch.setattr(removal, "pulumi", noted)
    return made


def test_a_retired_nodes_resources_are_removed_and_then_its_settings(
    calls: Calls, skyinfra: Skyinfra
) -> None:
    ran = skyinfra("node", "retire", "--yes", "node-1")
    assert ran.code == 0
    unprotect, destroy, setting = calls
    assert unprotect[:3] == ["state", "unprotect", RESOURCES[4]["urn"]]
    assert destroy[0] == "destroy"
    assert [urn for urn in destroy if urn.startswith("urn:")] == [
        resource["urn"] for resource in RESOURCES[1:-1]
    ]
    assert setting == ["rm", "skycoin:nodes.node-1"]
    assert "Kept on host attic: wallet volume skycoin-node-1-wallet" in ran.out


@pytest.mark.parametrize(
    ("entry", "volumes", "way"),
    [
        (
            {"image": "skycoin", "host": "attic", "gui": True},
            ("skycoin-node-1-data", "skycoin-node-1-wallet"),
            "write this below skycoin:nodes; `up` uses the existing volumes:\n"
            "    node-1: {image: skycoin, host: attic, gui: true}\n",
        ),
        (
            {"image": "skycoin", "renamed-from": "old", "host": "attic"},
            ("skycoin-old-data", "skycoin-old-wallet"),
            "    node-1: {image: skycoin, host: attic, data-volume: skycoin-old-data, "
            "wallet-volume: skycoin-old-wallet}\n",
        ),
        (
            {"args": ["-secret", "canary"]},
            ("skycoin-node-1-data", "mine"),
            "write its entry again, with `wallet-volume: mine`: `up` uses the existing volumes.\n",
        ),
    ],
    ids=["as it was", "renamed", "args"],
)
def test_a_retire_prints_the_entry_that_brings_the_node_back(
    entry: dict[str, Any],
    volumes: tuple[str, str],
    way: str,
    calls: Calls,
    skyinfra: Skyinfra,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The user had to remember the line, which the command had just removed."""
    names = dict(zip(("skycoin-node-1-data", "skycoin-node-1-wallet"), volumes, strict=True))
    resources = [
        {**resource, "inputs": {**inputs, "name": names.get(inputs.get("name"), inputs.get("name"))}}
        for resource in RESOURCES
        for inputs in [resource.get("inputs", {})]
    ]
    monkeypatch.setattr("commands.backend.resources", lambda *_: resources)
    monkeypatch.setattr("commands.node.retire.listed_nodes", lambda _: {"node-1": entry})
    ran = skyinfra("node", "retire", "--yes", "node-1")
    assert ran.code == 0, ran.err
    assert ran.out.endswith(way)
    assert "canary" not in ran.out


def test_a_wallet_is_protected_again_if_pulumi_can_not_be_started(
    calls: Calls, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk, the pipe for pulumi's events could not be made, and the wallet stayed unprotected."""

    def noted(command: list[str], *_: object) -> int:
        calls.append(command[:3])
        if command[0] == "destroy":
            raise OSError(errno.ENOSPC, "No space left on device", "/tmp")
        return 0

    monkeypatch.setattr(removal, "pulumi", noted)
    assert skyinfra("node", "retire", "--yes", "node-1").code == exit_codes.FAILED
    assert [call[:2] for call in calls] == [
        ["state", "unprotect"],
        ["destroy", "--suppress-outputs"],
        ["state", "protect"],
    ]
    assert calls[0][2] == calls[2][2] == RESOURCES[4]["urn"]


def test_a_retire_asks_first_and_without_an_answer_changes_nothing(
    calls: Calls, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = skyinfra("node", "retire", "node-1")
    assert (ran.code, calls) == (1, [])
    assert ran.out.startswith(
        "This stops and removes node-1 on host attic, with its network. Kept on host attic: wallet volume "
        "skycoin-node-1-wallet"
    )
    assert ran.err.endswith("There is no terminal to ask: `--yes` proceeds.\nNothing was changed.\n")
    monkeypatch.setattr("commands.agreement.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    asked: list[str] = []

    def refused(question: str) -> bool:
        asked.append(question)
        return False

    monkeypatch.setattr("commands.agreement.click.confirm", refused)
    assert (skyinfra("node", "retire", "node-1").code, calls, asked) == (1, [], ["Proceed?"])
    monkeypatch.setattr("commands.agreement.click.confirm", lambda _: True)
    assert skyinfra("node", "retire", "node-1").code == 0
    assert [call[0] for call in calls] == ["state", "destroy", "rm"]


def test_a_node_that_a_later_wave_waits_for_is_let_go_first(
    calls: Calls, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, Pulumi refused: the waiting container would be destroyed too, and was not a target."""
    mine = RESOURCES[4]["urn"]
    waiting = {
        "urn": f"{mine}-of-another",
        "type": NODE_CONTAINER,
        "inputs": {},
        "dependencies": ["urn:network", mine],
    }
    monkeypatch.setattr("commands.backend.resources", lambda *_: [*RESOURCES, waiting])
    state = {"version": 3, "deployment": {"resources": [*RESOURCES, waiting], "secrets": "kept"}}
    imported: list[str] = []

    def answered(arguments: list[str], env: object = None, text: str = "") -> Any:
        if arguments[1] == "import":
            assert calls == [], "before the wallet is unprotected"
            imported.append(text)
        return subprocess.CompletedProcess(arguments, 0, json.dumps(state), "")

    monkeypatch.setattr("clients.pulumi._run", answered)
    assert skyinfra("node", "retire", "--yes", "node-1").code == 0
    [text] = imported
    freed = {**waiting, "dependencies": ["urn:network"]}
    assert json.loads(text) == {
        **state,
        "deployment": {"resources": [*json.loads(json.dumps(RESOURCES)), freed], "secrets": "kept"},
    }
    assert [call[0] for call in calls] == ["state", "destroy", "rm"]


def test_a_retire_that_fails_protects_the_wallet_again(
    calls: Calls, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, a retire that failed on a dead host left the wallet without its protection."""

    def failing(command: list[str], *_: object) -> int:
        calls.append(list(command))
        return 255 if command[0] == "destroy" else 0

    monkeypatch.setattr(removal, "pulumi", failing)
    assert skyinfra("node", "retire", "--yes", "node-1").code == 1
    assert [call[:3] for call in calls[::2]] == [
        ["state", "unprotect", RESOURCES[4]["urn"]],
        ["state", "protect", RESOURCES[4]["urn"]],
    ]
    assert calls[-1][1] == "protect"


@pytest.mark.parametrize("step", ["unprotect", "destroy"])
def test_a_retire_that_is_interrupted_protects_the_wallet_again(
    step: str, calls: Calls, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, an interrupted retire went on with the destroy, and its exit code was 0."""

    def interrupted(command: list[str], *_: object) -> int:
        calls.append(list(command))
        if step in command:
            raise KeyboardInterrupt
        return 0

    monkeypatch.setattr(removal, "pulumi", interrupted)
    assert skyinfra("node", "retire", "--yes", "node-1").code == 130
    assert step in calls[-2]
    assert calls[-1][:3] == ["state", "protect", RESOURCES[4]["urn"]]


def test_a_wallet_that_is_not_protected_again_is_reported_with_the_command(
    calls: Calls, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second interrupt comes while the protection is being restored after the first."""

    def interrupted(command: list[str], *_: object) -> int:
        if command[1] == "unprotect":
            return 0
        raise KeyboardInterrupt

    monkeypatch.setattr(removal, "pulumi", interrupted)
    ran = skyinfra("node", "retire", "--yes", "node-1")
    assert ran.code == 130
    assert f"`pulumi state protect '{RESOURCES[4]['urn']}' --stack local`" in ran.err


@pytest.mark.parametrize("answers", [True, False])
def test_a_container_that_a_killed_up_left_is_not_forgotten_by_a_retire(
    calls: Calls, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answers: bool
) -> None:
    rest = [resource for resource in RESOURCES if not resource["urn"].endswith("::node-1-container")]
    monkeypatch.setattr("commands.backend.resources", lambda *_: rest)
    board = Board(tmp_path, Requests(last=None if answers else 1, fault=OSError("no route to host")))
    board.make("skycoin-node-1-wallet")
    left = board.run("skycoin-node-1", wallet="skycoin-node-1-wallet")
    left.labels = {LABEL: "urn of its container"}
    monkeypatch.setattr("wallets.volumes.of_node.connect", lambda _: board)
    ran = skyinfra("node", "retire", "--yes", "node-1")
    if answers:
        assert (ran.code, calls) == (1, [])
        assert "host attic has skycoin-node-1, a node's container on skycoin-node-1-wallet" in ran.err
    else:
        assert (ran.code, [call[0] for call in calls]) == (0, ["state", "destroy", "rm"])


def test_a_retire_that_was_interrupted_is_finished_by_the_next(calls: Calls, skyinfra: Skyinfra) -> None:
    assert skyinfra("node", "retire", "--yes", "node-2").code == 0
    assert calls == [["rm", "skycoin:nodes.node-2"]]


@pytest.mark.parametrize("name", ["node-1", "renamed"])
def test_a_node_whose_new_name_is_not_deployed_yet_is_not_retired_by_half(
    calls: Calls, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The next `up` would start it again under its new name, or the one that runs would keep running."""
    nodes = {"skycoin:nodes": {"renamed": {"renamed-from": "node-1"}}}
    monkeypatch.setattr("local.stacks.missing_nodes.stack_config", lambda _: nodes)
    ran = skyinfra("node", "retire", "--yes", name)
    assert (ran.code, calls) == (1, [])
    assert "error: renamed is the new name of node-1, which is still deployed as node-1" in ran.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("node-1", "-s", "fleet"), "error: Take node-1 out of stacks/Pulumi.fleet.yaml first"),
        (
            ("node-1", "-s", "organization/skycoin/fleet"),
            "error: Take node-1 out of stacks/Pulumi.fleet.yaml first",
        ),
        (("node-3",), "error: 'node-3' is not a node of the stack local"),
    ],
)
def test_a_node_that_is_still_in_a_tracked_file_or_unknown_is_not_retired(
    arguments: tuple[str, ...], expected: str, calls: Calls, skyinfra: Skyinfra
) -> None:
    ran = skyinfra("node", "retire", "--yes", *arguments)
    assert ran.code == 1
    assert expected in ran.err
    assert calls == []


def test_an_installed_pulumi_edits_no_file_of_a_stack(
    calls: Calls,
    skyinfra: Skyinfra,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A stack called `local` on another backend is not the one of this machine's set-up."""
    program = tmp_path_factory.mktemp("bin") / "pulumi"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setattr("commands.backend.stack_resources", lambda _: RESOURCES)
    ran = skyinfra("node", "retire", "--yes", "node-1", "-s", "local", "--backend", "pulumi")
    assert (ran.code, calls) == (1, [])
    assert "Take node-1 out of stacks/Pulumi.local.yaml first" in ran.err


@pytest.mark.usefixtures("calls")
def test_the_login_of_a_web_interface_is_asked_for_by_its_node(
    skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(password, "shown_login", lambda deployed: f"user: of {deployed.name}")
    ran = skyinfra("node", "password", "node-1")
    assert (ran.code, ran.out) == (0, "user: of node-1\n")
    assert skyinfra("node", "password", "node-9").code == exit_codes.FAILED
