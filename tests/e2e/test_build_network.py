"""The network of build steps on a machine with neighbours: what a step reaches, and what removal leaves."""

import json
import subprocess
from typing import Any

import pytest

from local.machine.layout import read_layout
from local.machine.packages import ensure_packages
from tests.e2e.build_networks import MACHINE
from tests.e2e.namespace import network_namespace, python


@pytest.fixture(scope="module")
def noted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Firewall rules of a machine by moment, and what a build step has reached."""
    ensure_packages(read_layout(), "the network of build steps", ["iptables", "iproute2"])
    with network_namespace("skycoin-steps") as inside:
        command = [*inside, *python("tests.e2e.build_networks", str(tmp_path_factory.mktemp("steps")))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.case(42)
def test_a_build_step_reaches_only_other_machines_and_the_resolver(noted: Any) -> None:
    answered = {what: by for what, by in noted["reached"].items() if by}
    assert answered == {
        "another machine": f"tcp from {MACHINE['out']} udp",
        "the resolver": "tcp from 10.206.0.2 udp",
    }
    without = noted["reached without the rules"]
    assert {what for what, by in without.items() if not by} == {"the resolver's loopback"}, (
        "that is the step's own"
    )


def test_a_second_run_adds_nothing(noted: Any) -> None:
    assert noted["twice"] == [True, noted["once"]]


def test_a_network_damaged_by_an_interrupted_run_or_another_program_is_repaired(noted: Any) -> None:
    assert noted["spoilt"] == [True, noted["once"]]


def test_every_set_up_has_its_own_network_and_takes_none_that_is_used(noted: Any) -> None:
    assert noted["networks"] == [
        "skybuild0 10.206.0.0/24",
        "skybuild1 198.18.1.0/24",
        "skybuild2 198.18.2.0/24",
    ]


def test_removed_networks_leave_no_rule(noted: Any) -> None:
    assert noted["removed"] == [True, noted["before"]]
