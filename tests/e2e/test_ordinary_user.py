"""`make` for an ordinary user: root only by sudo, each use printed, and files that belong to the user."""

import re
from collections.abc import Iterator

import pytest

from tests.e2e.machine import HOME, Machine, Result
from tests.e2e.person import Person, make_person
from tests.e2e.test_wallets import TEXT

RPC_PORT = 26420
SETTINGS = {"SKYCOIN_ENGINE": "own", "SKYCOIN_REGISTRY_PORT": "15463"}
AS_ROOT = "    as root: sudo "
NODE = "skycoin-node-1"
STATE, CACHE = ".local/state/skycoin-infrastructure", ".cache/skycoin-infrastructure"
OF_ROOT = (f"{STATE}/engine/", f"{STATE}/build-network", f"{CACHE}/")
"""Paths of root: the engine's data, the network of builds; in the cache the lent tools and the layers."""
UNCHANGED = re.compile(r"^    \d+ unchanged \(", re.MULTILINE)
"""Last line of an `up` that changes nothing."""


@pytest.fixture(scope="module")
def person(up: Machine) -> Iterator[Person]:
    """A user whose set-up builds for one architecture; `up` has built the tools that are lent."""
    made = make_person(HOME / "person", SETTINGS)
    example = made.checkout / "stacks" / "local.example.yaml"
    text = re.sub(r"arches: \[.*\]", "arches: [amd64]", example.read_text())
    example.write_text(text.replace("rpc-port: 6420", f"rpc-port: {RPC_PORT}"))
    yield made
    made.run("make down ALL=1")
    made.end()


@pytest.fixture(scope="module")
def first(person: Person) -> Result:
    """Result of the user's first `make up`."""
    result = person.run("make up", timeout=3000)
    assert result.code == 0, result.text
    return result


def of_root(person: Person) -> list[str]:
    """Paths in the home that belong to root, without the data of root's services."""
    found = person.root("find", "/home/ordinary", "-user", "root", "-printf", r"%P\n").splitlines()
    return sorted(path for path in found if not path.startswith(OF_ROOT))


def by_sudo(person: Person) -> list[str]:
    """Commands in sudo's own log."""
    return re.findall(r"COMMAND=(.*)", person.root("sh", "-c", "cat /etc/sudo.log 2>/dev/null || true"))


def printed(result: Result) -> list[str]:
    """Commands that a run says it runs as root."""
    return [line.removeprefix(AS_ROOT) for line in result.text.splitlines() if line.startswith(AS_ROOT)]


def test_the_first_up_prints_each_command_that_it_runs_by_sudo(person: Person, first: Result) -> None:
    assert len(printed(first)) == len(by_sudo(person)) > 0, first.text
    health = person.run(f"curl -fsS http://127.0.0.1:{RPC_PORT}/api/v1/health")
    assert '"version":"0.27.1"' in re.sub(r"\s", "", health.text), health.text
    assert of_root(person) == []


@pytest.mark.usefixtures("first")
def test_a_second_up_changes_nothing_and_only_looks_at_the_networks_as_root(person: Person) -> None:
    before = by_sudo(person)
    again = person.run("make up")
    assert again.code == 0, again.text
    assert UNCHANGED.search(again.text), again.text
    looked = by_sudo(person)[len(before) :]
    known = r".*(network\.sh up|iptables -w -C).*"
    assert [re.sub(known, r"\1", command) for command in looked] == ["network.sh up", "iptables -w -C"]


@pytest.mark.usefixtures("first")
def test_a_backup_of_a_wallet_belongs_to_the_user_alone(person: Person) -> None:
    put = f"docker exec -i {NODE} sh -c 'umask 077; cat > /wallet/a.wlt' <<'END'\n{TEXT}\nEND"
    made = person.run(f'eval "$(make -s env)"; {put}')
    assert made.code == 0, made.text
    done = person.run("make wallet-backup NODE=node-1 INTO=$HOME/kept PLAIN=1")
    assert done.code == 0, done.text
    listed = person.root("find", "/home/ordinary/kept", "-printf", "%u %m %y\n").splitlines()
    assert listed == ["ordinary 700 d", "ordinary 600 f"]


@pytest.mark.usefixtures("first")
def test_the_login_of_the_registry_is_rotated_while_the_node_keeps_running(person: Person) -> None:
    started = f"""eval "$(make -s env)"; docker inspect --format '{{{{.State.StartedAt}}}}' {NODE}"""
    before = person.run(started)
    rotated = person.run("./skyinfra setup rotate login")
    assert rotated.code == 0, rotated.text
    assert person.run(started) == before
    again = person.run("make up")
    assert again.code == 0, again.text
    assert person.run(started) == before, "only the wallet of the test before is copied"
    assert of_root(person) == []


@pytest.mark.usefixtures("first")
def test_after_a_down_up_starts_the_same_node_again(person: Person) -> None:
    identity = f"""eval "$(make -s env)"; docker inspect --format '{{{{.Id}}}}' {NODE}"""
    before = person.run(identity)
    stopped = person.run("make down")
    assert stopped.code == 0, stopped.text
    assert person.run(f"curl -fsS http://127.0.0.1:{RPC_PORT}/api/v1/health").code != 0
    started = person.run("make up")
    assert started.code == 0, started.text
    assert person.run(identity) == before
    assert person.run(f"curl -fsS http://127.0.0.1:{RPC_PORT}/api/v1/health").code == 0


@pytest.mark.usefixtures("first")
def test_the_set_up_is_removed_without_root_but_for_what_it_prints(person: Person) -> None:
    """The last test of this file: nothing of the user's set-up is left."""
    before = by_sudo(person)
    removed = person.run("make down ALL=1")
    assert removed.code == 0, removed.text
    assert len(printed(removed)) == len(by_sudo(person)) - len(before) > 0
    assert of_root(person) == []
    left = person.root("find", f"/home/ordinary/{CACHE}", "-maxdepth", "1", "-printf", "%P ")
    assert "buildkit" not in left.split()
