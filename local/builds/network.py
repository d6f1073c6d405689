"""The network of build steps: a bridge of the set-up's own, with access to other machines (docs/adr/0038).

The bridge has the state folder as its alias, so nothing needs to be recorded.
"""

import contextlib
import ipaddress
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.machine.layout import Layout
from local.machine.packages import ensure_packages
from local.machine.steps import SetupError, as_root, output, run, step

SCRIPT = Path(__file__).with_name("network.sh")
PREFIX = "skybuild"
NUMBERS = range(64)
"""Numbers of the builders on one machine; a bridge's name is the prefix and a number."""

SUBNETS = ("10.206.{}.0/24", "198.18.{}.0/24")
"""Subnets for a builder, by its number; it takes the first one that overlaps no route of this machine."""

RESOLVERS = Path("/etc/resolv.conf")
SYSTEMD_RESOLVERS = Path("/run/systemd/resolve/resolv.conf")
"""Resolvers behind systemd's stub; BuildKit gives these to build steps if the stub is the only resolver."""
STUB = ipaddress.ip_address("127.0.0.53")


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildNetwork:
    """One builder's bridge."""

    bridge: str
    subnet: ipaddress.IPv4Network

    @property
    def gateway(self) -> str:
        """The bridge's own address."""
        return str(self.subnet[1])


def ensure_build_network(layout: Layout) -> BuildNetwork:
    """Create or repair the network. Raises SetupError if that is impossible."""
    ensure_packages(layout, "the network of build steps", ["iptables", "iproute2"])
    with step("network of build steps") as this:
        network = own_build_network(layout) or _free()
        servers = [str(server) for server in nameservers() if server.version == 4]
        names = [network.bridge, network.gateway, str(layout.state)]
        try:
            run(as_root(["sh", str(SCRIPT), "up", *names, *servers]), log=layout.logs / "build-network.log")
        except SetupError as error:
            raise SetupError(
                f"{error}\nSo build steps have no network of their own, and they never use this machine's, "
                "in which a package's install script could reach every service. Their network requires root, "
                "bridges, veth pairs and iptables with NAT, and `make up` can't do without it: on such a "
                "machine use plain pulumi with a builder of your own (README, “Without make”; "
                "docs/stacks.md, “Builder”)."
            ) from None
        this.found = f"{network.bridge}, {network.subnet}: other machines by NAT, but not this machine"
        return network


def own_build_network(layout: Layout) -> BuildNetwork | None:
    """Network with this set-up's alias, or None; a bridge without an address gets the first free subnet.

    Raises SetupError if such a bridge has no free subnet.
    """
    bridge = _own_bridge(layout)
    return None if bridge is None else BuildNetwork(bridge=bridge, subnet=_subnet_of(bridge))


def _own_bridge(layout: Layout) -> str | None:
    links = (link for link in _listed("link") if link.get("ifalias") == str(layout.state))
    return next((link["ifname"] for link in links if link["ifname"].startswith(PREFIX)), None)


def _subnet_of(bridge: str) -> ipaddress.IPv4Network:
    [shown] = _listed("-4", "address", "show", "dev", bridge) or [{}]
    if addresses := shown.get("addr_info"):
        address = addresses[0]
        return ipaddress.IPv4Network(f"{address['local']}/{address['prefixlen']}", strict=False)
    number = int(bridge.removeprefix(PREFIX))
    subnets = _subnets(number)
    if not subnets:
        wanted = " and ".join(subnet.format(number) for subnet in SUBNETS)
        raise SetupError(
            f"This set-up's bridge for build steps, {bridge}, has no address, and routes of this machine "
            f"overlap its subnets {wanted} (`ip route show table all` lists them). Remove one of these "
            f"routes; or remove the bridge with `ip link delete dev {bridge}` as root, and `make up` creates "
            "one with another number if that has a free subnet."
        )
    return subnets[0]


def remove_build_network(layout: Layout) -> None:
    """Remove the bridge and its rules."""
    with step("network of build steps") as this:
        bridge = _own_bridge(layout)
        if bridge is None:
            this.found = "did not exist"
            return
        run(as_root(["sh", str(SCRIPT), "down", bridge]), log=layout.logs / "build-network.log")
        this.found = f"removed: {bridge} and its rules in iptables"


def resolver_of_steps(network: BuildNetwork) -> str | None:
    """Resolver address for build steps if all of this machine's resolvers are on its loopback, else None."""
    servers = nameservers()
    return network.gateway if servers and all(server.is_loopback for server in servers) else None


def nameservers() -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Resolvers of this machine, as BuildKit reads them."""
    servers = _read(RESOLVERS)
    return _read(SYSTEMD_RESOLVERS) if servers == [STUB] and SYSTEMD_RESOLVERS.exists() else servers


def _read(path: Path) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Name servers in a file such as resolv.conf; entries that are not addresses are ignored."""
    text = path.read_text(errors="replace") if path.exists() else ""
    servers = []
    # A zone, as in fe80::1%eth0, is not part of the address.
    for server in re.findall(r"^\s*nameserver\s+([0-9a-fA-F.:]+)", text, re.MULTILINE):
        with contextlib.suppress(ValueError):
            servers.append(ipaddress.ip_address(server))
    return servers


def _free() -> BuildNetwork:
    taken = {link["ifname"] for link in _listed("link")}
    for number in NUMBERS:
        if f"{PREFIX}{number}" not in taken and (subnets := _subnets(number)):
            return BuildNetwork(bridge=f"{PREFIX}{number}", subnet=subnets[0])
    raise SetupError(
        f"No network is left for build steps: {len(NUMBERS)} builders have bridges already, or routes of "
        f"this machine overlap {' and '.join(subnet.format('N') for subnet in SUBNETS)} for every N up to "
        f"{NUMBERS[-1]} (`ip route show table all` lists them)."
    )


def _subnets(number: int) -> list[ipaddress.IPv4Network]:
    """Subnets of SUBNETS that overlap no route of this machine.

    Routes to more than a /8 do not count: a default route, and the two halves with which VPNs replace it.
    """
    routes = _listed("-4", "route", "show", "table", "all")
    known = [ipaddress.IPv4Network(route["dst"]) for route in routes if route["dst"] != "default"]
    wanted = [ipaddress.IPv4Network(subnet.format(number)) for subnet in SUBNETS]
    return [
        subnet
        for subnet in wanted
        if not any(subnet.overlaps(route) for route in known if route.prefixlen >= 8)
    ]


def _listed(*what: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(output(["ip", "-j", *what]) or "[]")
    return [entry for entry in listed if entry]  # ip prints an empty object for omitted entries
