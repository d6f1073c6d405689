"""The operator's machine dies without a backup: its nodes are adopted from their engine alone.

The other machine has a clone of the program and the stack's file: no state, no key, an empty registry.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.e2e.machine import Machine
from tests.e2e.test_registry_login import node_of
from tests.e2e.test_setup_backup import Other, dead, new_machine

PREVIEW = ("preview", "--refresh", "--stack", "local")


@pytest.fixture
def other(up: Machine) -> Iterator[Other]:
    with new_machine(up) as machine:
        whole = yaml.safe_load(up.stack_file.read_text())
        machine.stack_file.write_text(yaml.safe_dump({"config": whole["config"]}, sort_keys=False))
        yield machine


def on_engine(up: Machine) -> dict[str, Any]:
    """Everything that the engine has, with what would tell another from it.

    A volume is created, as Debian's engine says, when a file at its top came or went last.
    """
    found: dict[str, Any] = {}
    for kind, keys in {
        "container": ("Id", "Created", "Name", "State", "HostConfig", "Config"),
        "volume": ("Name", "CreatedAt", "Labels", "Options"),
        "network": ("Id", "Created", "Name", "Labels", "Options", "IPAM"),
    }.items():
        every = ("--all", "--no-trunc") if kind == "container" else ()
        names = up.docker(kind, "ls", "--quiet", *every).text.split()
        for one in json.loads(up.docker(kind, "inspect", *names).text):
            one.get("State", {}).pop("Health", None)
            if one["Name"].endswith("-data"):
                one.pop("CreatedAt")  # when its folder has changed last, by the node
            found[f"{kind} {one['Name']}"] = {key: one.get(key) for key in keys}
    return found


@pytest.mark.case(37)
def test_a_running_node_is_adopted_as_it_runs_and_nothing_on_its_engine_changes(
    up: Machine, other: Other
) -> None:
    before, ran = on_engine(up), node_of(up)
    with dead(up, other):
        adopted = other.run("./skyinfra", "setup", "adopt", env={"PATH": up.environment()["PATH"]})
        assert adopted.code == 0, adopted.text
        assert "node-1: adopted as it runs on host here; wallet volume skycoin-node-1-wallet" in adopted.text
        assert "Lost with the former set-up, and made anew: its passphrase" in adopted.text
        assert on_engine(up) == before
        unchanged = other.pulumi(*PREVIEW, "--expect-no-changes")
        assert unchanged.code == 0, unchanged.text
        again = other.make("up")
        assert again.code == 0, again.text
        assert not re.search(r"\d+ (created|updated|replaced|deleted)", again.text), again.text
        assert on_engine(up) == before
        refused = other.run("./skyinfra", "setup", "adopt", env={"PATH": up.environment()["PATH"]})
        assert refused.code == 1
        assert "has every node of its file: there is nothing to adopt" in refused.text
    assert node_of(up) == ran


@pytest.mark.case(37)
def test_what_does_not_run_as_the_file_says_is_adopted_as_it_runs_and_what_is_not_there_is_left_out(
    up: Machine, other: Other
) -> None:
    before, ran = on_engine(up), node_of(up)
    config = yaml.safe_load(other.stack_file.read_text())["config"]
    first = config["skycoin:nodes"]["node-1"]
    config["skycoin:nodes"] = {
        "node-1": {**first, "arguments": ["-max-connections=7"]},
        "absent": {**first, "rpc-port": first["rpc-port"] + 90},
    }
    other.stack_file.write_text(yaml.safe_dump({"config": config}, sort_keys=False))
    with dead(up, other):
        adopted = other.run("./skyinfra", "setup", "adopt", env={"PATH": up.environment()["PATH"]})
        assert adopted.code == 1, adopted.text
        assert "absent: not adopted, see above" in adopted.text
        assert "node-1: adopted as it runs" in adopted.text
        assert re.search(
            r"skycoin-absent-wallet' on host here is not there, and nothing is made", adopted.text
        )
        assert on_engine(up) == before
        again = other.run("./skyinfra", "setup", "adopt", env={"PATH": up.environment()["PATH"]})
        assert again.code == 1, again.text
        assert "container skycoin-node-1 on host here is left as it is, for nothing is changed" in again.text
        assert on_engine(up) == before
        shown = other.pulumi(*PREVIEW, "--diff")
        assert shown.code == 0, shown.text
        assert "max-connections=7" in shown.text
    assert node_of(up) == ran
