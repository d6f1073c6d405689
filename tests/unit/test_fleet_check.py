"""`skyinfra fleet check`: all hosts of a stack's file at once, as a table or JSON, and its exit codes."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue.exit_codes import FAILED
from clients.host_checks import PlannedHost
from clients.host_facts import HostError, HostFacts, Listener, Obstacle
from clients.ssh import LOGINS
from display.errors import UserError
from fleet.check import check, table, worst
from fleet.wanted import planned_hosts, settings_of
from local.stacks import files
from tests.unit.command_line import Skyinfra
from tests.unit.host_recordings import on_path, recorded_host
from tests.unit.projects import PROJECT
from tests.unit.test_host_checks import FACTS
from tests.unit.yaml_like import REGISTRY

CONFIG = {
    "skycoin:images-from": "organization/skycoin/release",
    "skycoin:hosts": {
        "attic": {"engine": "ssh://pi@attic.lan", "board": "raspberry-pi-4", "ssh-options": ["-p", "2222"]},
        "shed": {"engine": "ssh://pi@shed.lan", "board": "raspberry-pi-zero"},
        "here": {"engine": "local"},
    },
    "skycoin:nodes": {
        "attic": {"image": "skycoin", "host": "attic", "network": "mainnet", "metrics-port": 9400},
        "garage": {
            "image": "skycoin",
            "host": "shed",
            "renamed-from": "shed",
            "memory": 300,
            "rpc-port": 6421,
        },
    },
    "skycoin:build-secrets": {"token": {"secure": "v1:abc"}},
    "other:key": 1,
}


def config(**sections: Any) -> dict[str, Any]:
    return {**CONFIG, **{f"skycoin:{name}": value for name, value in sections.items()}}


def test_a_place_has_what_the_stack_wants_on_a_host() -> None:
    attic, shed, here = planned_hosts(settings_of(CONFIG))
    assert (attic.name, attic.engine, attic.ssh_options) == ("attic", "ssh://pi@attic.lan", ("-p", "2222"))
    assert (attic.platform, shed.platform, here.platform) == ("linux/arm64/v8", "linux/arm/v6", None)
    assert (here.engine, here.tenants) == (None, ())
    [node] = attic.tenants
    assert node.key == "skycoin:nodes.attic"
    assert node.ports == {
        "rpc-port": ("127.0.0.1", 6420),
        "metrics-port": ("127.0.0.1", 9400),
        "peer-port": ("0.0.0.0", 6000),
    }
    assert (node.memory, node.chosen, node.chain, node.wait, node.starts) == (768, True, True, 300, 120)
    [renamed] = shed.tenants
    assert renamed.wallet == "skycoin-shed-wallet"
    assert {"skycoin-garage", "skycoin-shed", "skycoin-shed-previous", "skycoin-shed-exporter"} <= (
        renamed.containers
    )
    assert (renamed.ports, renamed.memory, renamed.chain) == ({"rpc-port": ("127.0.0.1", 6421)}, 300, False)


def test_an_unset_limit_is_that_of_a_server() -> None:
    nodes = {"one": {"image": "skycoin", "host": "here"}}
    [node] = planned_hosts(settings_of(config(nodes=nodes)))[2].tenants
    assert (node.memory, node.chosen) == (2048, False)


def test_ports_of_hosted_registries_and_opened_workspaces_are_checked() -> None:
    committed = yaml.safe_load((PROJECT / "stacks" / "local.example.yaml").read_text())["config"]
    wanted = {
        **committed,
        "skycoin:registries": {
            "local": {"kind": "local"},
            "mine": {
                "kind": "hosted",
                "host": "here",
                "address": "registry.example:5000",
                "readers-port": 5050,
            },
        },
        "skycoin:images": {
            **{
                name: {**image, "registries": ["local", "mine"]}
                for name, image in committed["skycoin:images"].items()
            },
            "registry": REGISTRY,
        },
        "skycoin:workspaces": {
            "vscode": {
                "arches": ["amd64"],
                "registries": ["local"],
                "open": {"host": "here", "folder": "/srv/src", "user": "1000:1000"},
            },
            "cli": {
                "arches": ["amd64"],
                "registries": ["local"],
                "open": {"host": "here", "folder": "/srv/src", "user": "1000:1000"},
            },
        },
    }
    [here] = planned_hosts(settings_of(wanted))
    assert {tenant.key: dict(tenant.ports) for tenant in here.tenants} == {
        "skycoin:nodes.node-1": {"rpc-port": ("127.0.0.1", 6420)},
        "skycoin:registries.mine": {"port": ("127.0.0.1", 5000), "readers-port": ("127.0.0.1", 5050)},
        "skycoin:workspaces.vscode.open": {"port": ("127.0.0.1", 8080)},
        "skycoin:workspaces.cli.open": {},
    }


def test_all_wrong_settings_are_reported_at_once() -> None:
    with pytest.raises(UserError, match="2 configuration errors"):
        settings_of(config(hosts={"attic": {"engine": "http://x"}, "shed": {"engin": "local"}}))


def test_a_dead_host_does_not_hold_up_the_others() -> None:
    """All are asked at the same time, but never more than ten at once."""
    now, most, lock = [0], [0], threading.Lock()

    def ask(engine: str | None, _: Sequence[str]) -> HostFacts:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.2)
        with lock:
            now[0] -= 1
        if engine == "ssh://board-3.lan":
            raise HostError(Obstacle.NO_ANSWER, "no route to host")
        return FACTS

    wanted = [PlannedHost(name=f"board-{n}", engine=f"ssh://board-{n}.lan") for n in range(2 * LOGINS)]
    began = time.monotonic()
    checked = check(wanted, ask)
    assert time.monotonic() - began < 1
    assert most[0] == LOGINS
    assert [host.planned for host in checked] == wanted
    assert [host.planned.name for host in checked if host.state == "unknown"] == ["board-3"]
    assert worst(checked) == "unknown"


def test_the_table_has_a_line_for_each_host_and_each_finding() -> None:
    answers: dict[str | None, HostFacts | HostError] = {
        "ssh://pi@attic.lan": replace(
            FACTS, ahead=-1.7e9, listeners=frozenset({Listener("127.0.0.1", 6420, 33)})
        ),
        "ssh://pi@shed.lan": HostError(Obstacle.NO_ANSWER, "no route to host"),
        None: replace(FACTS, machine="x86_64", bits=None, swap=0, free=512, ahead=None),
    }

    def ask(engine: str | None, _: Sequence[str]) -> HostFacts:
        answer = answers[engine]
        if isinstance(answer, HostError):
            raise answer
        return answer

    checked = check(planned_hosts(settings_of(CONFIG)), ask)
    lines = table(checked).splitlines()
    assert [" ".join(line.split()) for line in lines[:4]] == [
        "HOST STATE DOCKER MACHINE MEMORY SWAP DISK FREE CLOCK",
        "attic refused 20.10.24 aarch64 4.0 GB 104 MB 21.4 GB 19675 days behind",
        "shed unknown ? ? ? ? ? ?",
        "here ok 20.10.24 x86_64 4.0 GB 0 B 537 MB ?",
    ]
    assert [line.partition(":")[0] for line in lines[5:]] == ["refused", "refused", "unknown"]
    assert (
        "unknown: host shed does not answer at ssh://pi@shed.lan: no route to host. Check that" in lines[-1]
    )
    assert worst(checked) == "refused"


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of a recorded host, which is in a stack's file; the Pulumi on PATH fails if it is called."""
    (tmp_path / "stacks").mkdir()
    file = tmp_path / "stacks" / "Pulumi.fleet.yaml"
    hosts = {"attic": {"engine": "ssh://pi@attic.lan", "board": "raspberry-pi-4"}}
    nodes = {"attic": {"image": "skycoin", "host": "attic", "rpc-port": 6430}}
    file.write_text(yaml.safe_dump({"config": config(hosts=hosts, nodes=nodes)}))
    monkeypatch.setattr(files, "PROJECT", tmp_path)
    monkeypatch.setenv("SKYCOIN_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    made = recorded_host(tmp_path / "host")
    made.says("pulumi", "exit 1")
    monkeypatch.setenv("PATH", on_path(made.folder))
    return made.folder


def test_a_stack_without_a_file_or_hosts_is_reported(fleet: Path, skyinfra: Skyinfra, tmp_path: Path) -> None:
    ran = skyinfra("fleet", "check", "-s", "fleeet")
    assert ran.code == FAILED
    assert "There is no stack 'fleeet'" in ran.err
    (tmp_path / "stacks" / "Pulumi.none.yaml").write_text("config: {}\n")
    assert skyinfra("fleet", "check", "-s", "none").out == "The stack none has no hosts.\n"
