"""What a process without rights reaches of a set-up on its machine, when it looks for the wallet.

The lists are exact: whatever is new here fails a test. What is reached is named under “Not defended” in
SECURITY.md (“A node's API has no password without `gui: true`”).
"""

import base64
import contextlib
import json
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.engines.engine import SYSTEM_SOCKET
from local.machine import services
from local.registry.login import USER
from tests.e2e.lanes import SUFFIX
from tests.e2e.loopback import Listening, command_of, listening, ports_of
from tests.e2e.machine import HOME, RPC_PORT, SERVICES, Machine
from tests.e2e.test_registry_login import NOBODY

NODE = "skycoin-node-1"
OF_TESTS = {*SERVICES} - {"buildkitd", "registry"}
"""Services that other tests start."""
REGISTRY_PORT = 15443

AUDIT = r"""
while read -r kind what more; do
    case $kind in
    folder)
        find "$what" -maxdepth 4 \( -readable -o -writable \) -printf "folder %p\n" 2> /dev/null
        ;;
    programs)
        find "$what" -maxdepth 3 -writable -printf "folder %p\n" 2> /dev/null
        ;;
    socket)
        curl --silent --output /dev/null --max-time 5 --unix-socket "$what" http://engine/_ping
        test $? = 7 || echo "socket $what"
        ;;
    url)
        code=$(curl --insecure --silent --output /dev/null --write-out '%{http_code}' --max-time 10 \
            --request "$what" "$more")
        echo "url $what $more $code"
        ;;
    esac
done
echo processes
cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2> /dev/null
"""
"""Shell script that tries what its input lists and prints what it reached, then what processes show it."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Outcome of an audit."""

    folders: set[str]
    """Readable or writable files and folders, and writable programs, relative to what was searched."""
    sockets: set[str]
    urls: dict[str, str]
    """`METHOD URL` → status; 000 if there was no answer in HTTP."""
    processes: bytes
    """Command lines and environments."""


@dataclass(frozen=True, slots=True)
class Aims:
    """Places that an audit tries: the set-up's folders and sockets, and URLs."""

    folders: Mapping[str, Path]
    programs: Path
    """The set-up's cache, which everybody may read."""
    sockets: Mapping[str, Path]
    urls: tuple[str, ...]

    def audit(self, *become: str) -> Reached:
        """Try everything in one session of processes.

        All folders and sockets are mounted where everybody may go: the modes of the folders above them, such
        as a home's, prove nothing about their own.
        """
        with _exposed({**self.folders, "cache": self.programs, **self.sockets}) as (place, mounts):
            lines = [
                *(f"folder {place}/{name}" for name in self.folders),
                f"programs {place}/cache",
                *(f"socket {path}" for name, own in self.sockets.items() for path in (place / name, own)),
                *(f"url {url}" for url in self.urls),
            ]
            script = f'{mounts}\nexec setsid --wait {" ".join(become)} bash -c "$1"'
            done = subprocess.run(
                ["unshare", "--mount", "sh", "-euc", script, "sh", AUDIT],
                input="\n".join([*lines, ""]).encode(),
                capture_output=True,
                check=False,
                cwd="/",
                timeout=300,
            )
            text, marker, processes = done.stdout.partition(b"processes\n")
            assert marker, done.stderr.decode()
            return _reached(
                text.decode(), place, {str(own): name for name, own in self.sockets.items()}, processes
            )


def _reached(text: str, place: Path, names: Mapping[str, str], processes: bytes) -> Reached:
    found: dict[str, list[str]] = {"folder": [], "socket": [], "url": []}
    for line in text.splitlines():
        kind, _, what = line.partition(" ")
        found[kind].append(what)
    return Reached(
        folders={str(Path(path).relative_to(place)) for path in found["folder"]},
        sockets={names.get(path) or str(Path(path).relative_to(place)) for path in found["socket"]},
        urls={url: code for url, _, code in (line.rpartition(" ") for line in found["url"])},
        processes=processes,
    )


@contextlib.contextmanager
def _exposed(paths: Mapping[str, Path]) -> Iterator[tuple[Path, str]]:
    """Yield a folder that everybody may enter, with a mount point for each path, and commands that mount."""
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        place = Path(made)
        place.chmod(0o755)
        for name, path in paths.items():
            (place / name).mkdir() if path.is_dir() else (place / name).touch()
        yield place, "\n".join(f"mount --bind '{path}' '{place / name}'" for name, path in paths.items())


def is_own(up: Machine, pid: int) -> bool:
    """True if a process belongs to the set-up, as the engine's proxies do; a lane has no other processes."""
    if pid == 0:
        return SUFFIX.search(HOME.name) is not None
    while pid > 1:
        if any(str(folder) in command_of(pid) for folder in (up.layout.state, up.layout.builder_root)):
            return True
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return False
        match = re.search(r"^PPid:\s+(\d+)$", status, re.MULTILINE)
        pid = int(match[1]) if match else 0
    return False


@pytest.fixture(scope="module")
def own_ports(up: Machine) -> list[Listening]:
    """Ports on which the set-up's processes listen."""
    of_tests = {services.running_pid(up.layout, name) for name in OF_TESTS}
    return [one for one in listening() if is_own(up, one.pid) and one.pid not in of_tests]


@pytest.fixture(scope="module")
def inside(up: Machine) -> str:
    """Address of the node in Docker's network."""
    [network] = up.inspect("container", NODE)["NetworkSettings"]["Networks"].values()
    return str(network["IPAddress"])


@pytest.fixture(scope="module")
def aims(up: Machine, inside: str) -> Aims:
    registry, node = (f"127.0.0.1:{port}" for port in (REGISTRY_PORT, RPC_PORT))
    engine = Path(up.environment()["DOCKER_HOST"].removeprefix("unix://"))
    data = Path(json.loads(up.docker("info", "--format", "{{json .DockerRootDir}}").text))
    sockets = {"engine": engine, "system": SYSTEM_SOCKET, "builder": up.layout.builder_socket}
    requests = ("GET /api/v1/version", "GET /api/v1/wallets", "POST /api/v1/wallet/create")
    asked = (request.split() for request in (*requests, "POST /api/v1/wallet/seed"))
    return Aims(
        folders={"state": up.layout.state, "layers": up.layout.builder_root, "data": data},
        programs=up.layout.cache,
        sockets={name: path for name, path in sockets.items() if path.exists()},
        urls=(
            *(
                f"{method} https://{registry}/v2/{path}"
                for method, path in (("GET", ""), ("GET", "_catalog"))
            ),
            f"PUT https://{registry}/v2/skycoin/skycoin/manifests/latest",
            f"GET http://{registry}/v2/",
            *(f"{method} http://{at}{path}" for method, path in asked for at in (node, f"{inside}:6420")),
            f"GET https://{node}/api/v1/version",
        ),
    )


@pytest.fixture(scope="module")
def reached(aims: Aims) -> Reached:
    """What a process of no user reaches; the same audit by root shows that it finds what is there."""
    by_root = aims.audit()
    assert by_root.folders >= {
        "state/passphrase",
        "state/registry-password",
        "layers",
        "data/volumes",
        "cache/tools",
    }
    assert by_root.sockets == aims.sockets.keys()
    return aims.audit(*NOBODY)


@pytest.mark.case(41)
def test_a_process_without_rights_reads_and_writes_nothing_of_the_set_up_and_of_the_engines_volumes(
    reached: Reached,
) -> None:
    assert reached.folders == set()


@pytest.mark.case(41)
def test_a_process_without_rights_connects_to_no_engine_and_no_builder(reached: Reached) -> None:
    assert reached.sockets == set()


@pytest.mark.case(41)
def test_a_set_up_listens_on_two_ports_of_loopback_and_a_node_on_one(
    up: Machine, own_ports: list[Listening], inside: str
) -> None:
    assert {(one.address, one.port) for one in own_ports} == {
        ("127.0.0.1", REGISTRY_PORT),
        ("127.0.0.1", RPC_PORT),
    }
    pid = up.inspect("container", NODE)["State"]["Pid"]
    of_node = {(address, port) for address, port in ports_of(pid) if not address.startswith("127.")}
    assert {port for _, port in of_node} == {6420}, f"at {inside}"


@pytest.mark.case(41)
def test_known_limit_a_process_without_rights_reads_a_nodes_api_and_no_wallet(
    reached: Reached, inside: str
) -> None:
    """The API is at its published port and at its container's address. (SECURITY.md, “Not defended”.)"""
    registry, node = (f"127.0.0.1:{port}" for port in (REGISTRY_PORT, RPC_PORT))
    assert reached.urls == {
        f"GET https://{registry}/v2/": "401",
        f"GET https://{registry}/v2/_catalog": "401",
        f"PUT https://{registry}/v2/skycoin/skycoin/manifests/latest": "401",
        f"GET http://{registry}/v2/": "400",
        **{
            f"{request[0]} http://{at}{request[1]}": code
            for at in (node, f"{inside}:6420")
            for request, code in {
                ("GET", "/api/v1/version"): "200",
                ("GET", "/api/v1/wallets"): "403",
                ("POST", "/api/v1/wallet/create"): "403",
                ("POST", "/api/v1/wallet/seed"): "403",
            }.items()
        },
        f"GET https://{node}/api/v1/version": "000",
    }


@pytest.mark.case(12)
def test_no_command_line_or_environment_that_a_process_without_rights_reads_has_a_secret(
    up: Machine, reached: Reached
) -> None:
    login = up.layout.registry_password.read_text().strip()
    secrets = [(up.layout.state / "passphrase").read_text().strip(), login]
    secrets.append(base64.b64encode(f"{USER}:{login}".encode()).decode())
    assert str(up.layout.state).encode() in reached.processes, "command lines are readable"
    assert not [secret for secret in secrets if secret.encode() in reached.processes]
