"""Networks of build steps on a machine with neighbours; to be run in a network namespace.

The machine has a route to another machine, and an engine's bridge with a container. Prints a JSON object.
"""

import json
import subprocess
import sys
from pathlib import Path

from local.builds import network as build_network
from local.builds.network import ensure_build_network, own_build_network, remove_build_network
from local.machine.layout import Layout, Mode
from tests.e2e.beside import listing
from tests.e2e.layouts import layout_in

LISTEN = """
import socket, sys, threading
end = sys.argv[1], int(sys.argv[2])
tcp, udp = socket.create_server(end), socket.socket(type=socket.SOCK_DGRAM)
udp.bind(end)
def answer():
    while True:
        udp.sendto(b"", udp.recvfrom(9)[1])
threading.Thread(target=answer, daemon=True).start()
print(flush=True)
while True:
    connection, peer = tcp.accept()
    connection.sendall(peer[0].encode())
    connection.close()
"""
"""Server at an address: answers with the client's address by TCP, and with an empty datagram by UDP."""
ASK = """
import socket, sys
end = sys.argv[1], int(sys.argv[2])
found = []
try:
    with socket.create_connection(end, 1) as tcp:
        found.append("tcp from " + tcp.recv(99).decode())
except OSError:
    pass
udp = socket.socket(type=socket.SOCK_DGRAM)
udp.settimeout(1)
try:
    udp.connect(end)
    udp.send(b"")
    udp.recv(9)
    found.append("udp")
except OSError:
    pass
print(" ".join(found))
"""
MACHINE = {"out": "10.99.0.1", "docker0": "172.17.0.1"}
"""Addresses of this machine by link; `reached` adds the build network's gateway."""
OTHER, CONTAINER, METADATA = "10.99.0.2", "172.17.0.2", "169.254.169.254"


STARTED: list["subprocess.Popen[bytes]"] = []


def start(*argv: str) -> "subprocess.Popen[bytes]":
    """Start a helper process, and wait for its first line of output."""
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    STARTED.append(process)
    assert process.stdout
    process.stdout.readline()
    return process


def run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


class Place:
    """A network namespace with one link to this one, like a container's."""

    def __init__(self, link: str, address: str, gateway: str) -> None:
        self._process = start("unshare", "--net", "sh", "-c", "echo; exec sleep 600")
        run(
            "ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(self._process.pid)
        )
        for command in (f"addr add {address} dev eth0", "link set eth0 up", "link set lo up"):
            run(*self.inside("ip", *command.split()))
        run("ip", "link", "set", link, "up")
        if gateway:
            run(*self.inside("ip", "route", "add", "default", "via", gateway))

    def inside(self, *argv: str) -> list[str]:
        return ["nsenter", f"--net=/proc/{self._process.pid}/ns/net", *argv]

    def ask(self, address: str, port: int) -> str:
        return run(*self.inside(sys.executable, "-c", ASK, address, str(port))).strip()

    def listen(self, address: str, port: int) -> None:
        listen(self.inside(), address, port)


def listen(inside: list[str], address: str, port: int) -> None:
    start(*inside, sys.executable, "-c", LISTEN, address, str(port))


def neighbours() -> None:
    """Set up a machine behind the default route, a container, and servers there and on this machine."""
    other = Place("out", f"{OTHER}/24", "")
    run("ip", "addr", "add", f"{MACHINE['out']}/24", "dev", "out")
    run("ip", "route", "add", "default", "via", OTHER)
    run("ip", "link", "add", "docker0", "type", "bridge")
    run("ip", "addr", "add", f"{MACHINE['docker0']}/16", "dev", "docker0")
    run("ip", "link", "set", "docker0", "up")
    container = Place("container", f"{CONTAINER}/16", MACHINE["docker0"])
    run("ip", "link", "set", "container", "master", "docker0")
    run(*other.inside("ip", "addr", "add", f"{METADATA}/32", "dev", "eth0"))
    for place, address in ((other, OTHER), (container, CONTAINER), (other, METADATA)):
        place.listen(address, 5000)
    listen([], "0.0.0.0", 5000)
    # A resolver on this machine, and a port that it publishes for the container.
    listen([], "127.0.0.1", 53)
    published = "-A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:5000"
    run("iptables", "-w", "-t", "nat", *published.split())
    run("iptables", "-w", "-P", "FORWARD", "DROP")
    run("iptables", "-w", "-A", *["FORWARD", "-o", "docker0", "-j", "ACCEPT"])


def layout_of(folder: Path) -> Layout:
    folder.mkdir()
    return layout_in(folder, 15449, cache=folder / "cache", mode=Mode.EMBEDDED)


def rules() -> list[str]:
    found = listing()["rules"]
    assert isinstance(found, list)
    return sorted(line for line in found if line.startswith(("-A", ":skybuild")))


def spoil() -> None:
    """Damage rules and addresses as an interrupted run, another program or a person might."""
    for command in (
        "-t mangle -F skybuild0-input",
        "-t mangle -D INPUT -i skybuild0 -j skybuild0-input",
        "-t nat -F skybuild0-out",
    ):
        run("iptables", "-w", *command.split())
    run("ip", "addr", "flush", "dev", "skybuild0")


def reached(step: Place, gateway: str) -> dict[str, str]:
    """Return the answers that a build step gets, by what it tries to reach."""
    here = {"gateway": gateway, **MACHINE}
    asked = {f"this machine by {name}": (address, 5000) for name, address in here.items()}
    asked |= {f"a published port by {name}": (address, 8080) for name, address in here.items()}
    asked |= {"the resolver": (gateway, 53), "the resolver's loopback": ("127.0.0.1", 53)}
    asked |= {"another machine": (OTHER, 5000), "a container": (CONTAINER, 5000)}
    asked |= {"a cloud's metadata": (METADATA, 5000)}
    return {what: step.ask(*end) for what, end in asked.items()}


def main(folder: Path) -> None:
    """Create networks, attach a step to one, damage it, repair it, and remove them all."""
    neighbours()
    build_network.RESOLVERS = folder / "resolv.conf"
    build_network.RESOLVERS.write_text("nameserver 127.0.0.1\n")
    first, second, third = (layout_of(folder / name) for name in ("first", "second", "third"))
    noted: dict[str, object] = {"before": rules()}
    network = ensure_build_network(first)
    noted["once"] = rules()
    noted["twice"] = [str(ensure_build_network(first)) == str(network), rules()]
    spoil()
    noted["spoilt"] = [str(ensure_build_network(first)) == str(network), rules()]
    step = Place("step", str(network.subnet[2]) + "/24", network.gateway)
    run("ip", "link", "set", "step", "master", network.bridge)
    noted["reached"] = reached(step, network.gateway)
    run("iptables", "-w", "-t", "mangle", "-F")
    noted["reached without the rules"] = reached(step, network.gateway)
    ensure_build_network(first)
    run("ip", "addr", "add", "10.206.1.77/8", "dev", "docker0")
    others = [ensure_build_network(second), ensure_build_network(third)]
    noted["networks"] = [f"{bridged.bridge} {bridged.subnet}" for bridged in (network, *others)]
    for layout in (first, second, third):
        remove_build_network(layout)
    noted["removed"] = [own_build_network(first) is None, rules()]
    print(json.dumps(noted))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    finally:
        for process in STARTED:
            process.kill()
