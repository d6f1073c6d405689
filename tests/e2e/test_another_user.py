"""A node whose user is not its image's: new, changed, backed up, restored, and given to a third user."""

import os
import re
import shlex
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.machine import Machine, Result

pytestmark = pytest.mark.long
NODE, PORT = "skycoin-other", 16443
WALLET, DATA = f"{NODE}-wallet", f"{NODE}-data"
VOLUMES = (WALLET, f"{WALLET}-backups", DATA)
OWNER, HEIR = "12000:12000", "13000:13001"


@pytest.fixture(scope="module")
def other(up: Machine) -> Iterator[Machine]:
    """The stack with a node that runs as another user and has created a wallet; restored afterwards."""
    before = up.settings()
    change(up, user=OWNER)
    done = up.make("up")
    assert done.code == 0, done.text
    made = up.docker("exec", NODE, "skycoin-cli", "walletCreate", "mine.wlt", "-t", "deterministic")
    assert made.code == 0, made.text
    yield up
    up.change(before)
    assert up.make("retire", "NODE=other").code == 0


def change(up: Machine, **settings: object) -> None:
    """Write the node, with these settings, into the stack's file."""
    before = up.settings()
    node = {"image": "skycoin", "host": "here", "rpc-port": PORT, **settings}
    up.change({**before, "skycoin:nodes": {**before["skycoin:nodes"], "other": node}})


def folder(up: Machine, volume: str) -> Path:
    return Path(up.inspect("volume", volume)["Mountpoint"])


def owners(up: Machine) -> set[str]:
    """Owners of all files in the node's volumes."""
    found = set()
    for volume in VOLUMES:
        top = folder(up, volume)
        for path in (top, *top.rglob("*")):
            with suppress(FileNotFoundError):  # the running node may remove files
                seen = path.lstat()
                found.add(f"{seen.st_uid}:{seen.st_gid}")
    return found


def container(up: Machine) -> tuple[str, str]:
    """(id, start time) of the node's container."""
    found = up.inspect("container", NODE)
    return found["Id"], found["State"]["StartedAt"]


def preview(up: Machine) -> Result:
    return up.pulumi("preview", "--refresh", "--stack", "local")


def runs_as(up: Machine, user: str) -> bool:
    """True if the node is healthy, and both its process and `docker exec` run as that user and group."""
    found = up.inspect("container", NODE)
    status = Path(f"/proc/{found['State']['Pid']}/status").read_text()
    ids = [re.findall(rf"^{key}:\t(\d+)", status, re.MULTILINE)[0] for key in ("Uid", "Gid")]
    shell = up.docker("exec", NODE, "sh", "-c", "echo $(id -u):$(id -g)").text.strip()
    return (found["State"]["Health"]["Status"], ":".join(ids), shell) == ("healthy", user, user)


@pytest.mark.case(30)
def test_a_new_node_gets_its_volumes_for_its_user_and_another_up_changes_nothing(other: Machine) -> None:
    assert runs_as(other, OWNER)
    assert owners(other) == {OWNER}
    for volume in VOLUMES:
        assert stat.S_IMODE(folder(other, volume).stat().st_mode) == 0o700, volume
    before = container(other)
    for _ in range(2):
        again = other.make("up")
        assert again.code == 0, again.text
    assert container(other) == before
    assert owners(other) == {OWNER}


def test_a_handover_copies_the_wallet_for_that_user_first(other: Machine) -> None:
    held = (folder(other, WALLET) / "mine.wlt").read_bytes()
    before, _ = container(other)
    change(other, user=OWNER, args=["-log-level=debug"])
    done = other.make("up")
    assert done.code == 0, done.text
    after, _ = container(other)
    assert after != before
    assert runs_as(other, OWNER)
    [copy] = folder(other, f"{WALLET}-backups").glob("*/mine.wlt")
    assert copy.read_bytes() == held == (folder(other, WALLET) / "mine.wlt").read_bytes()
    assert owners(other) == {OWNER}


def test_a_backup_is_drilled_and_restored_for_that_user(other: Machine, tmp_path: Path) -> None:
    made = other.skyinfra("wallet", "backup", "other", "--plain", "--to", str(tmp_path / "to"))
    assert made.code == 0, made.text
    [file] = (tmp_path / "to").glob("*.tar.gz")
    drilled = other.skyinfra("wallet", "drill", "other", "--from", str(tmp_path / "to"))
    assert drilled.code == 0, drilled.text
    mine = folder(other, WALLET) / "mine.wlt"
    held = mine.read_bytes()
    mine.unlink()
    refused = preview(other)
    assert refused.code != 0
    assert "wallet restore other" in refused.text
    restored = other.skyinfra(
        "wallet", "restore", "other", str(file), "--backup-to", str(tmp_path / "before")
    )
    assert restored.code == 0, restored.text
    assert mine.read_bytes() == held
    assert owners(other) == {OWNER}
    assert preview(other).code == 0


@pytest.mark.case(30)
def test_a_deployed_node_gets_another_user_only_once_its_volumes_belong_to_that_user(other: Machine) -> None:
    """Until then nothing is touched; the program itself never changes an owner."""
    ran, held = container(other), (folder(other, WALLET) / "mine.wlt").read_bytes()
    change(other, user=HEIR, args=["-log-level=debug"])
    for refused in (preview(other), other.make("up")):
        assert refused.code != 0
        said = " ".join(refused.text.split())
        assert f"the node's user changes from {OWNER} to {HEIR}" in said
        assert (container(other), owners(other)) == (ran, {OWNER})
    stop, *commands = dict.fromkeys(re.findall("`docker ([^`]+)`", said))
    assert stop == f"stop -t 60 {NODE}"
    assert len(commands) == len(VOLUMES)
    assert other.docker(*shlex.split(stop)).code == 0
    for number, command in enumerate(commands):
        refused = preview(other)
        assert refused.code != 0
        left = dict.fromkeys(re.findall("`docker ([^`]+)`", " ".join(refused.text.split())))
        assert {*commands[number:]} <= {*left}, refused.text
        given = other.docker(*shlex.split(command))
        assert given.code == 0, given.text
    assert owners(other) == {HEIR}
    ready = preview(other)
    assert ready.code == 0, ready.text
    done = other.make("up")
    assert done.code == 0, done.text
    assert runs_as(other, HEIR)
    assert owners(other) == {HEIR}
    assert (folder(other, WALLET) / "mine.wlt").read_bytes() == held
    before = container(other)
    assert other.make("up").code == 0
    assert container(other) == before


@pytest.mark.case(30)
def test_a_new_user_whose_node_does_not_start_leaves_a_stopped_node_and_an_intact_wallet(
    other: Machine,
) -> None:
    """The former user's container is not started on files that it can't read."""
    held = (folder(other, WALLET) / "mine.wlt").read_bytes()
    assert other.docker("stop", "-t", "60", NODE).code == 0
    uid, gid = map(int, OWNER.split(":"))
    for volume in VOLUMES:
        top = folder(other, volume)
        for path in (top, *top.rglob("*")):
            os.chown(path, uid, gid, follow_symlinks=False)
    change(other, user=OWNER, args=["-max-connections=many"])
    failed = other.make("up")
    assert failed.code != 0
    found = other.inspect("container", NODE)
    assert (found["Config"]["User"], found["State"]["Running"]) == (HEIR, False)
    assert (folder(other, WALLET) / "mine.wlt").read_bytes() == held
    change(other, user=OWNER)
    done = other.make("up")
    assert done.code == 0, done.text
    assert runs_as(other, OWNER)
    assert (folder(other, WALLET) / "mine.wlt").read_bytes() == held
