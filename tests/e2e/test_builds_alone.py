"""Build steps are isolated: one that searches for this machine reaches nothing but package registries.

The install script of a package is such a step. The networks themselves: test_build_network.py.
"""

import json
import re
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from local.builds.network import own_build_network
from local.engines.engine import SYSTEM_SOCKET
from tests.e2e.loopback import addresses, asked_on_loopback, command_of, listening
from tests.e2e.machine import RPC_PORT, Machine
from tests.e2e.plugin import until
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


CONNECT = """
import json, select, socket, sys, time
ends, reached = json.load(sys.stdin), []
waiting = {socket.socket(): tuple(end) for end in ends}
for one, end in waiting.items():
    one.setblocking(False)
    one.connect_ex(end)
until = time.monotonic() + 2
while waiting and (left := until - time.monotonic()) > 0:
    for one in select.select([], list(waiting), [], left)[1]:
        end = waiting.pop(one)
        if one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            reached.append(end)
print(json.dumps(sorted(reached)))
"""
"""Program that tries to connect to all ends (address, port) of its input at once, and prints the reached."""


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


class PulumiPorts(threading.Thread):
    """Tries, from a running build step's network, the ports on which Pulumi's processes listen just then.

    A step can't be told these ports, which Pulumi chooses anew in each run.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.is_over = threading.Event()
        self.programs: set[str] = set()
        self.from_here: list[list[object]] = []
        """Ends that this machine reached."""
        self.from_step: list[list[object]] | None = None
        """Ends that the step reached; None if no step was found."""

    def run(self) -> None:
        while not self.is_over.wait(0.1):
            if (step := self._step()) is not None:
                found = [one for one in listening() if re.search(r"pulumi|-m providers\.", one.command)]
                self.programs = {Path(one.command.split()[0]).name for one in found if one.command}
                self.from_here = _reached([], [(one.address, one.port) for one in found])
                ends = [(address, one.port) for address in addresses() if ":" not in address for one in found]
                inside = ["nsenter", f"--target={step}", "--net"]
                self.from_step = _reached(inside, ends)
                return

    def _step(self) -> int | None:
        """Process of the step, once it has a network of its own."""
        own = Path("/proc/self/ns/net").readlink()
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                command = command_of(int(folder.name))
                is_step = command.startswith("bash -c ") and "for end in" in command and TOKEN in command
                if is_step and (folder / "ns/net").readlink() != own:
                    return int(folder.name)
        return None


def _reached(inside: list[str], ends: list[tuple[str, int]]) -> list[list[object]]:
    command = [*inside, sys.executable, "-c", CONNECT]
    done = subprocess.run(command, input=json.dumps(ends), capture_output=True, text=True, check=True)
    reached: list[list[object]] = json.loads(done.stdout)
    return reached


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
def pulumi_ports() -> PulumiPorts:
    return PulumiPorts()


@pytest.fixture(scope="module")
def said(up: Machine, ends: list[str], pulumi_ports: PulumiPorts) -> Iterator[str]:
    """Output of a build whose step has searched for this machine."""
    engine = Path(up.environment()["DOCKER_HOST"].removeprefix("unix://"))
    step = STEP.format(
        ends=" ".join(ends),
        paths=" ".join(map(str, (up.layout.state, up.layout.builder_socket, engine, SYSTEM_SOCKET))),
        namespace=Path("/proc/self/ns/net").readlink(),
        token=TOKEN,
        package=PACKAGE,
    )
    pulumi_ports.start()
    with build_with(up, "builds-alone", f"RUN {json.dumps(['bash', '-c', step])}") as text:
        pulumi_ports.is_over.set()
        pulumi_ports.join()
        yield text


@pytest.mark.case(42)
def test_a_build_step_finds_nothing_of_this_machine_and_can_install_a_package(said: str) -> None:
    found = {line.partition(TOKEN)[2] for line in said.splitlines() if f" {TOKEN}: found=" in line}
    assert found == {f": found= nothing, {PACKAGE} installed"}, said


@pytest.mark.case(42)
def test_a_build_step_does_not_reach_pulumi_and_its_plugins(said: str, pulumi_ports: PulumiPorts) -> None:
    assert TOKEN in said
    programs = pulumi_ports.programs
    assert {"pulumi", "pulumi-language-python", "pulumi-resource-docker-build"} <= programs, programs
    assert len(pulumi_ports.from_here) >= len(programs)
    assert pulumi_ports.from_step == []


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
    assert asked_on_loopback(asks) == ["/control"]
