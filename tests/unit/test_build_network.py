"""The network of build steps: which subnet it gets, and what the builder is told about the network."""

import ipaddress
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.builds import builder
from local.builds import network as build_network
from local.builds.network import BuildNetwork, ensure_build_network, nameservers, own_build_network
from local.machine.layout import Layout
from local.machine.steps import SetupError

MADE = BuildNetwork(bridge="skybuild3", subnet=ipaddress.IPv4Network("10.206.3.0/24"))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Output of `ip` by its subcommand; `run` collects the commands that ran as root."""
    listed: dict[str, Any] = {"link": [{"ifname": "lo"}], "route": [], "address": [], "run": []}

    def output(argv: list[str], **_: Any) -> str:
        return json.dumps(listed[next(word for word in argv if word in listed)])

    monkeypatch.setattr(build_network, "output", output)
    monkeypatch.setattr(build_network, "run", lambda argv, **_: listed["run"].append(argv))
    monkeypatch.setattr(build_network, "as_root", lambda argv: argv)
    monkeypatch.setattr(build_network, "ensure_packages", lambda *_: None)
    return listed


@pytest.fixture
def resolvers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Write /etc/resolv.conf, and systemd's file next to it."""

    def write(own: str, systemd: str = "") -> None:
        for name, text in (("RESOLVERS", own), ("SYSTEMD_RESOLVERS", systemd)):
            path = tmp_path / name
            if text:
                path.write_text(text, errors="surrogateescape")
            monkeypatch.setattr(build_network, name, path)

    return write


def asked(machine: dict[str, Any]) -> list[str]:
    [argv] = machine["run"]
    assert argv[:2] == ["sh", str(build_network.SCRIPT)]
    return list(argv[2:])


def test_the_first_network_is_created_with_the_state_folder_as_its_owner(
    layout: Layout, machine: dict[str, Any], resolvers: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    resolvers("search lan\nnameserver 192.0.2.53\nnameserver fd00::53\n# nameserver 192.0.2.54\n")
    network = ensure_build_network(layout)
    assert (network.bridge, str(network.subnet), network.gateway) == (
        "skybuild0",
        "10.206.0.0/24",
        "10.206.0.1",
    )
    assert asked(machine) == ["up", "skybuild0", "10.206.0.1", str(layout.state), "192.0.2.53"]
    assert "skybuild0, 10.206.0.0/24: other machines by NAT, but not this machine" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("routes", "subnet"),
    [
        (["default", "192.168.1.0/24"], "10.206.1.0/24"),
        (["0.0.0.0/1", "128.0.0.0/1"], "10.206.1.0/24"),
        (["10.206.1.7"], "198.18.1.0/24"),
        (["10.0.0.0/8"], "198.18.1.0/24"),
        (["10.206.1.0/24", "198.18.0.0/23"], "10.206.2.0/24"),
    ],
    ids=["a LAN", "a VPN that takes all", "one address", "a VPN's 10.x", "both"],
)
def test_a_network_in_use_is_not_touched(
    machine: dict[str, Any], layout: Layout, routes: list[str], subnet: str
) -> None:
    machine["link"] = [{"ifname": "skybuild0", "ifalias": "/another/state"}]
    machine["route"] = [{"dst": route} for route in routes]
    assert own_build_network(layout) is None
    assert str(ensure_build_network(layout).subnet) == subnet


def test_if_every_candidate_network_overlaps_the_error_says_so(
    machine: dict[str, Any], layout: Layout
) -> None:
    machine["route"] = [{"dst": "10.0.0.0/8"}, {"dst": "198.18.0.0/15"}]
    with pytest.raises(
        SetupError, match=r"this machine overlap 10\.206\.N\.0/24 and 198\.18\.N\.0/24 for every N"
    ) as told:
        ensure_build_network(layout)
    assert "`ip route show table all` lists them" in str(told.value)


def test_the_own_network_is_known_by_its_alias(
    machine: dict[str, Any], layout: Layout, capfd: pytest.CaptureFixture[str]
) -> None:
    machine["link"] = [{"ifname": "skybuild3", "ifalias": str(layout.state)}]
    machine["address"] = [{}, {"addr_info": [{"local": "10.206.3.1", "prefixlen": 24}]}]
    assert own_build_network(layout) == MADE
    build_network.remove_build_network(layout)
    assert asked(machine) == ["down", "skybuild3"]
    assert "removed: skybuild3 and its rules in iptables" in capfd.readouterr().out
    machine["link"] = []
    build_network.remove_build_network(layout)
    assert "did not exist" in capfd.readouterr().out


def test_a_network_whose_creation_was_interrupted_is_completed(
    machine: dict[str, Any], layout: Layout
) -> None:
    machine["link"] = [{"ifname": "skybuild3", "ifalias": str(layout.state)}]
    assert ensure_build_network(layout) == MADE


def test_a_bridge_without_an_address_and_without_a_free_subnet_is_reported_and_can_be_removed(
    machine: dict[str, Any], layout: Layout
) -> None:
    """Its creation was interrupted, and a VPN came then: an IndexError, also of `make down ALL=1`."""
    machine["link"] = [{"ifname": "skybuild3", "ifalias": str(layout.state)}]
    machine["route"] = [{"dst": "10.0.0.0/8"}, {"dst": "198.18.0.0/15"}]
    with pytest.raises(SetupError) as told:
        ensure_build_network(layout)
    assert str(told.value) == (
        "This set-up's bridge for build steps, skybuild3, has no address, and routes of this machine overlap "
        "its subnets 10.206.3.0/24 and 198.18.3.0/24 (`ip route show table all` lists them). Remove one of "
        "these routes; or remove the bridge with `ip link delete dev skybuild3` as root, and `make up` "
        "creates one with another number if that has a free subnet."
    )
    assert machine["run"] == []
    build_network.remove_build_network(layout)
    assert asked(machine) == ["down", "skybuild3"]


def test_a_machine_that_can_not_have_a_build_network_is_reported(
    machine: dict[str, Any], layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise SetupError("`sh` ended with exit code 3.\nPermission denied (you must be root)")

    monkeypatch.setattr(build_network, "run", fails)
    with pytest.raises(SetupError) as told:
        ensure_build_network(layout)
    message = str(told.value)
    assert "Permission denied (you must be root)\nSo build steps have no network of their own" in message
    assert message.endswith(
        "on such a machine use plain pulumi with a builder of your own (README, “Without make”; "
        "docs/stacks.md, “Builder”)."
    )


@pytest.mark.parametrize(
    ("own", "systemd", "read", "told"),
    [
        ("nameserver 192.0.2.53\nnameserver 127.0.0.1\n", "", ["192.0.2.53", "127.0.0.1"], None),
        ("nameserver 127.0.0.1\n", "", ["127.0.0.1"], "10.206.3.1"),
        ("nameserver 127.0.0.53\n", "", ["127.0.0.53"], "10.206.3.1"),
        ("nameserver 127.0.0.53\n", "nameserver 192.0.2.7\n", ["192.0.2.7"], None),
        ("nameserver fe80::1%eth0\n", "", ["fe80::1"], None),
        # Before, it was a traceback of `make up`.
        ("# caf\udce9\nnameserver 192.0.2\nnameserver 192.0.2.7\n", "", ["192.0.2.7"], None),
        ("", "", [], None),
    ],
    ids=["another machine's", "loopback's", "a stub alone", "systemd's", "of one link", "odd", "none"],
)
def test_steps_ask_the_gateway_if_all_resolvers_of_this_machine_are_on_loopback(
    resolvers: Any, own: str, systemd: str, read: list[str], told: str | None
) -> None:
    resolvers(own, systemd)
    assert list(map(str, nameservers())) == read
    assert build_network.resolver_of_steps(MADE) == told


@pytest.mark.parametrize("loopback", [True, False])
def test_the_builder_gives_its_steps_that_network(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resolvers: Any, loopback: bool
) -> None:
    resolvers("nameserver 127.0.0.1\n" if loopback else "nameserver 192.0.2.53\n")
    monkeypatch.setattr(builder, "ensure_build_network", lambda _: MADE)
    service = builder.builder_service(layout, tmp_path / "tools" / "buildkitd")
    config = tomllib.loads((layout.state / "buildkitd.toml").read_text())
    worker = config["worker"]["oci"]
    plugins = layout.state / "build-network.conflist"
    assert (worker["networkMode"], worker["cniConfigPath"]) == ("cni", str(plugins))
    assert worker["cniBinaryPath"] == str(tmp_path / "tools")
    assert config.get("dns") == ({"nameservers": ["10.206.3.1"]} if loopback else None)
    assert plugins in service.reads
    [bridge] = json.loads(plugins.read_text())["plugins"]
    assert (bridge["bridge"], bridge["portIsolation"]) == ("skybuild3", True)
    assert "ipMasq" not in bridge, "NAT is a rule of the set-up's own, which its next run puts right"
    assert bridge["ipam"]["ranges"] == [[{"subnet": "10.206.3.0/24"}]]
