"""Checks of hosts before an update, asked with a real shell."""

import json
from dataclasses import replace
from pathlib import Path

from catalogue.exit_codes import PART, REFUSED
from clients.host_facts import HostError, Obstacle
from tests.unit.command_line import Skyinfra
from tests.unit.test_fleet_check import fleet
from tests.unit.test_host_checks import FACTS
from tests.unit.test_host_findings import NO_ROUTE, WANTED, Hosts, engine
from tests.unit.wallet_engine import WalletEngine

__all__ = ["engine", "fleet"]


def test_a_key_that_may_only_reach_docker_is_enough_for_up(engine: WalletEngine) -> None:
    hosts = Hosts(HostError(Obstacle.NO_SHELL, "the command ended with 0 and printed nothing"))
    assert hosts.preflight(engine).create(WANTED)[1]["runs"] == "native"
    assert "runs no command for your key" in hosts.said[0]


def test_a_warning_is_reported_once_a_run_and_stops_nothing(engine: WalletEngine) -> None:
    hosts = Hosts(replace(FACTS, limits_memory=False, driver="vfs"))
    made = hosts.preflight(engine)
    made.planned(WANTED, None)
    _, state = made.create(WANTED)
    made.read("attic", WANTED, state)
    assert [said.split(": ")[0] for said in hosts.said] == [
        "host attic stores images with Docker's storage driver vfs",
        "host attic has a kernel without the memory cgroup",
    ]


def test_a_refresh_reports_its_findings_and_refuses_nothing(engine: WalletEngine) -> None:
    """A refresh prints nothing about a host that can't be asked."""
    hosts = Hosts()
    _, state = hosts.preflight(engine).create(WANTED)
    hosts.answer = replace(FACTS, ahead=-1e9)
    assert hosts.preflight(engine).read("attic", WANTED, state) is not None
    assert "has its clock at" in hosts.said[0]
    hosts.answer = NO_ROUTE
    assert hosts.preflight(engine).read("attic", WANTED, state) is not None
    assert len(hosts.said) == 1


def test_a_fleet_in_good_order_ends_with_0(fleet: Path, skyinfra: Skyinfra) -> None:
    ran = skyinfra("fleet", "check", "-s", "fleet")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[1].split()[:4] == ["attic", "ok", "20.10.24+dfsg1", "aarch64"]
    assert len(ran.out.splitlines()) == 2


def test_a_named_stack_needs_neither_a_set_up_nor_pulumi(fleet: Path, skyinfra: Skyinfra) -> None:
    (fleet / "pulumi").unlink()
    ran = skyinfra("fleet", "check", "-s", "fleet")
    assert (ran.code, ran.out.splitlines()[1].split()[:2]) == (0, ["attic", "ok"]), ran.err
    ran = skyinfra("fleet", "check")
    assert ran.code == 1
    assert "Nothing is set up in " in ran.err


def test_a_refused_host_ends_with_3_and_one_that_does_not_answer_with_4(
    fleet: Path, skyinfra: Skyinfra
) -> None:
    (fleet / "date").write_text("#!/bin/sh\necho 7\n")
    ran = skyinfra("fleet", "check", "-s", "fleet")
    assert ran.code == REFUSED
    assert "refused: host attic has its clock at 1970-01-01 00:00:" in ran.out
    (fleet / "ssh").write_text("#!/bin/sh\necho 'No route to host' >&2\nexit 255\n")
    ran = skyinfra("fleet", "check", "-s", "fleet")
    assert ran.code == PART
    assert "unknown: host attic does not answer at ssh://pi@attic.lan: No route to host." in ran.out


def test_json_has_facts_and_findings_by_host(fleet: Path, skyinfra: Skyinfra) -> None:
    (fleet / "getconf").write_text("#!/bin/sh\necho 32\n")
    ran = skyinfra("fleet", "check", "-s", "fleet", "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert document["stack"] == "fleet"
    attic = document["hosts"]["attic"]
    assert (attic["state"], attic["facts"]["bits"], attic["facts"]["free_mib"]) == ("warned", 32, 20438)
    [finding] = attic["findings"]
    assert (finding["check"], finding["level"], finding["key"]) == (
        "32-bit system",
        "warned",
        "skycoin:hosts.attic.arch",
    )
    (fleet / "ssh").write_text("#!/bin/sh\nexit 255\n")
    assert (
        json.loads(skyinfra("fleet", "check", "-s", "fleet", "--json").out)["hosts"]["attic"]["facts"] is None
    )
