"""The README's example for an operator, word for word, on a board that is reached as `pi@attic.lan`.

The board has a user `pi`, who is not root. The operator has a home with an ordinary ~/.ssh, and a LAN in
which the name resolves; only the operator's commands see these. The obstacles that a person would meet come
first, and each is removed as its error message says.

For the deployment, three words of the example are replaced (DEPARTURES): a board of the tests is no
Raspberry Pi, and no test may join the network.
"""

import json
import os
import pwd
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.machine.layout import PROJECT
from tests.e2e.boards import Board, connect, start_board
from tests.e2e.layouts import CACHE
from tests.e2e.machine import RPC_PORT, Machine, Result
from tests.e2e.test_dead_hosts import with_entries

NAME, USER = "attic.lan", "pi"
BEHIND = "cellar.lan"
EMULATED = {"board: raspberry-pi-4}": "board: raspberry-pi-4, emulation: allowed}"}
"""The board has the processor of this machine."""
FREE_PORT = {"rpc-port: 6420}": f"rpc-port: {RPC_PORT}}}"}
"""The node of `make up` may have the port."""
DEPARTURES = {
    **EMULATED,
    **FREE_PORT,
    # No node of a test joins the network.
    "network: mainnet}": "network: none}",
}
"""Words of the example → their replacement in a test."""
AT_HOME = """\
mount --bind "$1/hosts" /etc/hosts
mount --bind "$1/passwd" /etc/passwd
shift
exec "$@"
"""
"""Script that gives a command the operator's files; ssh finds ~ in /etc/passwd, not in HOME."""
CARELESS = "Host *\n  StrictHostKeyChecking no\n"
"""A ~/.ssh/config that accepts every host key."""


@dataclass(frozen=True, slots=True)
class Operator:
    """A person at the tests' machine, with their own home."""

    machine: Machine
    home: Path

    @property
    def ssh(self) -> Path:
        return self.home / ".ssh"

    def run(self, *argv: str) -> Result:
        """Run a command as this person would type it."""
        env = {
            **self.machine.environment(),
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(CACHE.parent),
            "SSH_AUTH_SOCK": "",
        }
        return self.machine.run(
            "unshare", "--mount", "sh", "-euc", AT_HOME, "sh", str(self.home), *argv, env=env
        )

    @property
    def public_key(self) -> str:
        return (self.ssh / "id_ed25519.pub").read_text().strip()

    def know(self, name: str, board: Board) -> None:
        """Add a board's host key to known_hosts."""
        with (self.ssh / "known_hosts").open("a") as known:
            known.write(f"{name} {(board.folder / 'host_key.pub').read_text()}")

    def check(self) -> Result:
        """Run `fleet check`, which must answer in half a minute."""
        began = time.monotonic()
        result = self.run("./skyinfra", "fleet", "check")
        assert time.monotonic() - began < 30
        return result

    def paste(self, departures: Mapping[str, str]) -> None:
        """Put the README's example into the stack's file, in place of the keys that it sets."""
        block = example()
        for words, others in departures.items():
            assert block.count(words) == 1
            block = block.replace(words, others)
        whole = yaml.safe_load(self.machine.stack_file.read_text())
        kept = {key: value for key, value in whole.pop("config").items() if f"  {key}:\n" not in block}
        others = yaml.safe_dump({**whole, "config": kept}, sort_keys=False)
        self.machine.stack_file.write_text(others + block)


def example() -> str:
    """The YAML in the section “For the operator” of the README."""
    section = (PROJECT / "README.md").read_text().partition("\n## For the operator")[2]
    return section.partition("```yaml\n")[2].partition("```")[0]


@pytest.fixture(scope="module")
def operator(up: Machine, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    person = Operator(up, tmp_path_factory.mktemp("operator"))
    person.ssh.mkdir(mode=0o700)
    key = str(person.ssh / "id_ed25519")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    entry = pwd.getpwuid(os.geteuid())
    line = f"{entry.pw_name}:x:{entry.pw_uid}:{entry.pw_gid}::{person.home}:{entry.pw_shell}\n"
    (person.home / "passwd").write_text(line)
    return person


@pytest.fixture(scope="module")
def board(operator: Operator) -> Iterator[Board]:
    """A board whose user `pi` accepts the operator's key, as after `ssh-copy-id`."""
    made = start_board(operator.machine.layout, "attic", 62)
    made.add_user(USER, operator.public_key)
    lan = f"{Path('/etc/hosts').read_text().rstrip()}\n{made.address} {NAME}\n"
    (operator.home / "hosts").write_text(lan)
    yield made
    made.end()


@pytest.fixture(scope="module")
def stack(operator: Operator, board: Board) -> Iterator[Operator]:
    """The operator's stack with the example in it, word for word; restored afterwards."""
    before = operator.machine.settings()
    operator.paste({})
    assert example() in operator.machine.stack_file.read_text()
    yield operator
    operator.machine.change(before)
    if board.docker("ps", "-aq"):
        retired = operator.run("make", "retire", "NODE=attic")
        assert retired.code == 0, retired.text
    result = operator.machine.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    assert result.code == 0, result.text


@pytest.mark.case(22)
def test_a_board_that_is_not_in_known_hosts_is_refused_whatever_the_ssh_config_says(stack: Operator) -> None:
    (stack.ssh / "config").write_text(CARELESS)
    try:
        result = stack.check()
    finally:
        (stack.ssh / "config").unlink()
    assert result.code != 0
    assert re.search(
        rf"host attic has an ssh host key .+ at ssh://{USER}@{NAME}: .+`ssh-keyscan {NAME} \|", result.text
    )
    assert not (stack.ssh / "known_hosts").exists(), "it took the key"


@pytest.mark.case(22)
def test_the_printed_command_lets_a_user_outside_the_group_docker_in(stack: Operator, board: Board) -> None:
    stack.know(NAME, board)
    result = stack.check()
    assert result.code != 0
    match = re.search(
        rf"host attic does not let you use its Docker at ssh://{USER}@{NAME}: .+`sudo (.+) USER`", result.text
    )
    assert match, result.text
    board.run(*match[1].split(), USER)
    assert "does not let you" not in stack.check().text


@pytest.mark.case(23)
def test_the_unchanged_example_requires_a_raspberry_pi(stack: Operator) -> None:
    result = stack.run("make", "preview")
    assert result.code != 0
    said = " ".join(result.text.split())
    assert "host attic is x86_64 and does not run linux/arm64/v8 natively" in said, result.text
    assert "`emulation: allowed`" in said


def test_the_example_joins_the_network_with_the_limits_of_its_board(stack: Operator) -> None:
    stack.paste({**EMULATED, **FREE_PORT})
    previewed = stack.run("pulumi", "preview", "--json", "--stack", "local", "--non-interactive")
    assert previewed.code == 0, previewed.text
    text = previewed.text[previewed.text.index("{\n") :]
    steps: list[dict[str, Any]] = json.JSONDecoder().raw_decode(text)[0]["steps"]
    [container] = [step["newState"]["inputs"] for step in steps if step["urn"].endswith("::attic-container")]
    assert container["command"] == [
        "-web-interface-addr=0.0.0.0",
        "-host-whitelist=127.0.0.1:6420,localhost:6420",
        "-enable-api-sets=READ,TXN",
        "-port=6000",
    ]
    published = [(port["ip"], port["external"]) for port in container["ports"]]
    assert published == [("127.0.0.1", 6420), ("0.0.0.0", 6000)]
    assert (container["memory"], container["envs"]) == (768, ["GOMEMLIMIT=691MiB"])


def test_the_example_is_deployed_by_a_user_who_is_not_root(stack: Operator, board: Board) -> None:
    stack.paste(DEPARTURES)
    result = stack.run("make", "up")
    assert result.code == 0, result.text
    assert re.search(r"^attic +attic +created$", result.text, re.MULTILINE), result.text
    container = json.loads(board.docker("container", "inspect", "skycoin-attic"))[0]
    assert "-disable-networking" in container["Config"]["Cmd"]
    assert container["HostConfig"]["Memory"] == 768 * 1024 * 1024
    node = stack.machine.outputs()["nodes"]["attic"]
    variants = stack.machine.outputs()["images"]["skycoin"]["latest"]["variants"]
    assert (node["image"], node["runs"]) == (variants["arm64v8"]["ref"], "emulated")
    assert json.loads(board.get("/api/v1/version", 6420))["version"] == "0.27.1"
    assert {user for user, _ in logins(board)} == {USER}
    assert stack.check().code == 0


@pytest.fixture
def cellar(stack: Operator, board: Board) -> Iterator[Board]:
    """A board that only `attic` can reach, and whose name only `attic` can resolve."""
    made = start_board(stack.machine.layout, "cellar", 64)
    made.add_user(USER, stack.public_key, "docker")
    with (board.folder / "hosts").open("a") as hosts:
        hosts.write(f"{connect(board, made)} {BEHIND}\n")
    stack.know(BEHIND, made)
    made.unplug()
    yield made
    retired = stack.run("make", "retire", "NODE=cellar")
    made.end()
    assert retired.code == 0, retired.text


def test_a_board_behind_a_jump_host_gets_its_image_and_runs_its_node(stack: Operator, cellar: Board) -> None:
    host = {"engine": f"ssh://{USER}@{BEHIND}", "ssh-options": ["-J", f"{USER}@{NAME}"]}
    node = {"image": "skycoin", "host": "cellar"}
    settings = stack.machine.settings()
    stack.machine.change(with_entries(settings, hosts={"cellar": host}, nodes={"cellar": node}))
    result = stack.run("pulumi", "up", "--yes", "--skip-preview", "--stack", "local", "--non-interactive")
    assert result.code == 0, result.text
    assert json.loads(cellar.get("/api/v1/version", 6420))["version"] == "0.27.1"
    [image] = cellar.docker("images", "--format", "{{.Repository}}").split()
    assert image.startswith("127.0.0.1:")
    assert logins(cellar) == {(USER, "10.209.64.1")}, "it was reached past the jump host"
    status = stack.run("./skyinfra", "fleet", "status")
    assert re.search(r"^cellar .+ offline ", status.text, re.MULTILINE), status.text
    (stack.ssh / "config").write_text(f"Host {BEHIND}\n  ProxyJump {USER}@{NAME}\n")
    del host["ssh-options"]
    stack.machine.change(with_entries(settings, hosts={"cellar": host}, nodes={"cellar": node}))
    checked = stack.check()
    assert checked.code == 0, checked.text
    assert re.search(r"^cellar +(ok|warned) ", checked.text, re.MULTILINE), checked.text


def logins(board: Board) -> set[tuple[str, str]]:
    """Users that logged in on the board, with the addresses that they came from."""
    log = (board.folder / "sshd.log").read_text(errors="replace")
    return {*re.findall(r"Accepted publickey for (\S+) from (\S+) ", log)}
