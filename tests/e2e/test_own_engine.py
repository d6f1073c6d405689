"""A set-up's own engine does not change the machine's network."""

import json
import subprocess
from typing import Any

import pytest

from local.machine.layout import read_layout
from local.machine.packages import ensure_packages
from tests.e2e.namespace import network_namespace, python


@pytest.fixture(scope="module")
def noted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Network of a machine at each moment of an own engine's life."""
    ensure_packages(read_layout(), "the engine's tests", ["docker.io", "iptables", "iproute2"])
    # Short, since a socket's path has at most 107 characters.
    state = tmp_path_factory.mktemp("own")
    with network_namespace("skycoin-beside") as inside:
        command = [*inside, *python("tests.e2e.beside", str(state))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.case(44)
def test_an_own_engine_does_not_change_links_routes_rules_and_binfmt(noted: Any) -> None:
    assert noted["after"] == noted["before"]


@pytest.mark.case(44)
@pytest.mark.parametrize("moment", ["before", "first", "second", "after"])
def test_the_machines_docker0_outlives_every_start_of_an_own_engine(noted: Any, moment: str) -> None:
    """The second start used to delete docker0, and with it the network of the machine's containers."""
    [docker0] = [link for link in noted[moment]["links"] if link[0] == "docker0"]
    assert docker0 == next(link for link in noted["before"]["links"] if link[0] == "docker0")


def test_an_own_engine_has_a_bridge_and_a_rule_of_its_own(noted: Any) -> None:
    extra = set(noted["first"]["rules"]) - set(noted["before"]["rules"])
    assert extra == {"-A FORWARD -s 10.210.0.0/16 -d 10.210.0.0/16 -j ACCEPT"}
    assert {link[0] for link in noted["first"]["links"]} - {link[0] for link in noted["before"]["links"]} == {
        "skycoin0"
    }
