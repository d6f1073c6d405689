"""Build steps are isolated: one that searches for this machine reaches nothing but package registries.

The install script of a package is such a step. The networks themselves: test_build_network.py.
"""

import http.server
import json
import socket
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from local.builds.network import own_build_network
from local.engines.engine import SYSTEM_SOCKET
from tests.e2e.machine import RPC_PORT, Machine
from tests.e2e.plugin import until
from tests.e2e.test_up import get
from tests.e2e.tiny import FEATURE, Tiny, write_program

NODE = "skycoin-node-1"
PACKAGE = "sl"
TOKEN = uuid.uuid4().hex
"""Unique to this run, so that no step comes from an earlier run's cache."""
STEP = r"""
found=
for end in {ends}; do
    if timeout 2 bash -c "exec 3<>/dev/tcp/$end" 2>/dev/null; then found="$found tcp:$end"; fi
    timeout 2 bash -c "echo {token} >/dev/udp/$end" 2>/dev/null || true
done
for path in {paths}; do if [ -e "$path" ]; then found="$found $path"; fi; done
if grep -q @ /proc/net/unix; then found="$found abstract-sockets"; fi
if [ "$(readlink /proc/self/ns/net)" = "{namespace}" ]; then found="$found namespace"; fi
apt-get update -q && apt-get install -q -y --no-install-recommends {package}
installed=$(dpkg-query -W -f '${{db:Status-Status}}' {package})
echo "{token}: found=${{found:- nothing}}, {package} $installed" >&2
sleep 1
exit 1
"""
"""Step that tries every way and prints what it found. It fails, since a successful build shows no output."""


class Listener:
    """TCP and UDP servers on every address of the machine; `heard` holds the datagrams that arrived."""

    def __init__(self) -> None:
        self._tcp = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.port: int = self._tcp.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self._udp.bind(("::", self.port))
        self.heard: list[str] = []
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self) -> None:
        while True:
            self.heard.append(self._udp.recvfrom(99)[0].decode().strip())


def addresses() -> list[str]:
    """Addresses of this machine, including loopback; link-local ones have no meaning inside a step."""
    links = json.loads(subprocess.run(["ip", "-j", "address"], check=True, capture_output=True).stdout)
    return sorted(
        address["local"] for link in links for address in link["addr_info"] if address["scope"] != "link"
    )


@pytest.fixture(scope="module")
def listener() -> Listener:
    return Listener()


@pytest.fixture(scope="module")
def ends(up: Machine, listener: Listener) -> list[str]:
    """Endpoints that a step must not reach, as ADDRESS/PORT; this machine can connect to each of them."""
    node = up.inspect("container", NODE)["NetworkSettings"]["Networks"]
    listening = {f"{address}/{listener.port}" for address in ("registry.localhost", *addresses())}
    local = {f"{name}/{port}" for name in ("127.0.0.1", "registry.localhost") for port in (RPC_PORT, 15443)}
    containers = {f"{network['IPAddress']}/6420" for network in node.values() if network["IPAddress"]}
    wanted = sorted(listening | local | containers)
    for address, port in (end.split("/") for end in wanted):
        with closing(socket.create_connection((address, int(port)), timeout=5)):
            pass
    return wanted


@contextmanager
def build_with(up: Machine, name: str, step: str) -> Iterator[str]:
    """Output of a build with this additional step, which makes it fail; `name` names its own stack."""
    tiny = Tiny(up, name)
    write_program(up.checkout)
    dockerfile = up.checkout / "images" / "skycoin" / "Dockerfile"
    before = dockerfile.read_text()
    head, stage, rest = before.partition("FROM go AS modules\n")
    assert stage
    dockerfile.write_text(f"{head}{stage}{step}\n{rest}")
    try:
        tiny.write({**FEATURE, "repository": f"skycoin/{name}"}, ["amd64"])
        made = tiny.pulumi("stack", "init", "--no-select")
        assert made.code == 0, made.text
        result = tiny.up()
        assert result.code != 0
        yield result.text
    finally:
        dockerfile.write_text(before)
        tiny.remove()


@pytest.fixture(scope="module")
def said(up: Machine, ends: list[str]) -> Iterator[str]:
    """Output of a build whose step has searched for this machine."""
    engine = Path(up.environment()["DOCKER_HOST"].removeprefix("unix://"))
    step = STEP.format(
        ends=" ".join(ends),
        paths=" ".join(map(str, (up.layout.state, up.layout.builder_socket, engine, SYSTEM_SOCKET))),
        namespace=Path("/proc/self/ns/net").readlink(),
        token=TOKEN,
        package=PACKAGE,
    )
    with build_with(up, "builds-alone", f"RUN {json.dumps(['bash', '-c', step])}") as text:
        yield text


@pytest.mark.case(42)
def test_a_build_step_finds_nothing_of_this_machine_and_can_install_a_package(said: str) -> None:
    found = {line.partition(TOKEN)[2] for line in said.splitlines() if f" {TOKEN}: found=" in line}
    assert found == {f": found= nothing, {PACKAGE} installed"}, said


@pytest.mark.case(42)
def test_no_datagram_of_a_build_step_reaches_this_machine(said: str, listener: Listener) -> None:
    assert TOKEN in said
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        control.sendto(b"control", ("127.0.0.1", listener.port))
    until(lambda: bool(listener.heard), "the control has arrived", seconds=10)
    assert listener.heard == ["control"]


@pytest.mark.case(42)
def test_a_build_step_with_this_machines_network_is_refused(up: Machine) -> None:
    with build_with(up, "builds-on-host", "RUN --network=host true") as text:
        assert "network.host is not allowed" in text, text


@pytest.mark.case(42)
def test_build_steps_can_not_reach_each_other(up: Machine) -> None:
    """The bridge isolates them: an isolated port forwards nothing to another isolated port."""
    network = own_build_network(up.layout)
    assert network is not None
    ports = list(Path("/sys/class/net", network.bridge, "brif").iterdir())
    assert ports, "the builder keeps a step's end ready"
    assert {(port / "isolated").read_text() for port in ports} == {"1\n"}


@pytest.mark.case(41)
def test_a_node_can_not_reach_a_server_on_the_hosts_loopback(up: Machine) -> None:
    def asks(url: str) -> bool:
        return up.docker("exec", NODE, "timeout", "3", "wget", "-q", "-O", "/dev/null", url).code == 0

    assert asks("http://127.0.0.1:6420/api/v1/version"), "its own loopback"
    asked: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        for address in (address for address in addresses() if ":" not in address):
            assert not asks(f"http://{address}:{port}/{address}")
        with pytest.raises(OSError, match="404"):
            get("/control", port)
        server.shutdown()
    assert asked == ["/control"]
