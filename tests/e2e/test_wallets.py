"""Backup, restore and retire, on volumes that are gone, misspelt, empty, damaged and full."""

import json
import os
import re
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from catalogue.exit_codes import REFUSED
from tests.e2e.example_pages import compare_with_example
from tests.e2e.machine import Machine, Result
from tests.e2e.plugin import until

NODE, PORT = "skycoin-second", 16424
WALLET, BACKUPS = f"{NODE}-wallet", f"{NODE}-wallet-backups"
TEXT = json.dumps({"meta": {"label": "precious", "type": "deterministic"}, "entries": [{"address": "2a"}]})


@pytest.fixture(scope="module")
def second(up: Machine) -> Iterator[Machine]:
    """The stack with a second node, which has a wallet that the state knows; restored afterwards."""
    with up.another_node("second", PORT):
        put(up, TEXT)
        assert up.make("up").code == 0
        yield up


def put(up: Machine, text: str) -> None:
    """Write a wallet into the running node's volume, as the node would."""
    script = 'umask 077; cat > "/wallet/a b.wlt"'
    up.pipe("docker", "exec", "-i", NODE, "sh", "-c", script, given=text.encode())


def wallet(up: Machine) -> str:
    return up.docker("exec", NODE, "cat", "/wallet/a b.wlt").text


def backup(up: Machine, folder: Path, node: str = "second") -> Result:
    """Make an unencrypted backup, which tar reads; encrypted ones are in test_wallet_backups.py."""
    return up.make("wallet-backup", f"NODE={node}", f"INTO={folder}", "PLAIN=1")


def restore(up: Machine, folder: Path, **source: Any) -> Result:
    """Restore with plain Pulumi, while `backup` uses the set-up of `make`."""
    given = [str(value) for name, value in source.items() if name == "file"]
    given += [f"--copy={value}" for name, value in source.items() if name == "copy"]
    given += ["--older"] if source.get("older") else []
    plain = ("--stack", "local", "--backend", "pulumi")
    return up.skyinfra("wallet", "restore", "second", *given, "--backup-to", str(folder), *plain)


def volumes(up: Machine) -> set[str]:
    return set(up.docker("volume", "ls", "-q").text.split())


def change(up: Machine, argument: str) -> Result:
    """Change an argument of the node, which replaces its container."""
    before = up.settings()
    nodes = {name: dict(node) for name, node in before["skycoin:nodes"].items()}
    nodes["second"]["args"] = [argument]
    up.change({**before, "skycoin:nodes": nodes})
    try:
        return up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
    finally:
        up.change(before)


def test_a_backup_of_a_running_node_is_complete_private_and_can_be_restored(
    second: Machine, tmp_path: Path
) -> None:
    made = backup(second, tmp_path)
    assert made.code == 0, made.text
    [file] = tmp_path.iterdir()
    assert re.fullmatch(r"second-wallet-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.tar\.gz", file.name)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    listed = subprocess.run(["tar", "-tzf", file], capture_output=True, text=True, check=True)
    assert "a b.wlt" in listed.stdout.splitlines(), "it is read without this program"
    put(second, "torn")
    restored = restore(second, tmp_path / "kept", file=file)
    assert restored.code == 0, restored.text
    assert wallet(second) == TEXT
    owner = second.docker("exec", NODE, "stat", "-c", "%u:%g %a", "/wallet/a b.wlt", "/wallet")
    assert owner.text.split() == ["10000:10000", "600", "10000:10000", "700"]
    [before] = (tmp_path / "kept").iterdir()
    assert before.name.endswith("-before-restore.tar.gz")
    until(lambda: second.inspect("container", NODE)["State"]["Status"] == "running", "the node runs again")


@pytest.mark.case(38)
def test_a_misspelt_node_and_a_file_that_is_not_a_backup_are_refused(second: Machine, tmp_path: Path) -> None:
    before = volumes(second)
    misspelt = backup(second, tmp_path, node="secnod")
    assert misspelt.code != 0
    assert "'secnod' is not a node of the stack local; its nodes are: node-1, second" in misspelt.text
    cut = tmp_path / "cut.tar.gz"
    assert backup(second, tmp_path / "good").code == 0
    cut.write_bytes(next((tmp_path / "good").iterdir()).read_bytes()[:-9])
    refused = restore(second, tmp_path / "none", file=cut)
    assert refused.code != 0
    assert "is not a complete backup" in refused.text
    assert volumes(second) == before
    assert not (tmp_path / "none").exists()
    assert wallet(second) == TEXT


@pytest.mark.case(35, 38)
def test_an_emptied_wallet_is_refused_by_the_backup_and_by_a_change_of_its_node(
    second: Machine, tmp_path: Path
) -> None:
    """Before, an empty copy was made without an error, and the state then named no newest copy."""
    copied = change(second, "-log-level=info")
    assert copied.code == 0, copied.text
    assert second.docker("exec", NODE, "rm", "/wallet/a b.wlt").code == 0
    ran = second.inspect("container", NODE)["Id"]
    refused = change(second, "-log-level=debug")
    assert refused.code != 0
    assert f"'{WALLET}' holds no wallet. It held 1 wallet with 1 address" in refused.text
    assert second.inspect("container", NODE)["Id"] == ran, "the node was left as it was"
    empty = backup(second, tmp_path)
    assert empty.code != 0
    [name] = re.findall(r"`\./skyinfra wallet restore second --copy (\S+)`", empty.text)
    assert list(tmp_path.iterdir()) == []
    listed = second.skyinfra("wallet", "copies", "second").text
    assert re.search(rf"^{name}  1 wallet with 1 address .*  different$", listed, re.MULTILINE), listed
    restored = restore(second, tmp_path, copy=name)
    assert restored.code == 0, restored.text
    assert wallet(second) == TEXT


@pytest.mark.case(35)
def test_copies_that_a_prune_removed_are_created_again_while_the_node_keeps_running(second: Machine) -> None:
    """Without them, the host has no record that a change of the node could be compared with."""
    refreshed = ("up", "--yes", "--skip-preview", "--refresh", "--stack", "local")
    assert second.pulumi(*refreshed).code == 0
    ran = second.inspect("container", NODE)["Id"]
    assert second.docker("volume", "rm", BACKUPS).code == 0
    refused = change(second, "-log-level=error")
    assert refused.code != 0
    assert f"the volume '{BACKUPS}' is gone" in refused.text
    assert "`pulumi up --refresh` compares the wallet" in refused.text
    assert BACKUPS not in volumes(second)
    mended = second.pulumi(*refreshed)
    assert mended.code == 0, mended.text
    assert f"the volume '{BACKUPS}' is gone" in mended.text, "it warns"
    kept = second.docker(
        "run",
        "--rm",
        "--network",
        "none",
        "-v",
        f"{BACKUPS}:/data:ro",
        "--entrypoint",
        "sh",
        second.inspect("container", NODE)["Config"]["Image"],
        "-c",
        "cat /data/2*/*.wlt; head -n 1 /data/.identity",
    )
    identity = second.docker("exec", NODE, "cat", "/wallet/.skyinfra-id").text
    assert kept.text == TEXT + identity
    again = second.pulumi(*refreshed)
    assert (again.code, "is gone" in again.text) == (0, False), again.text
    assert second.inspect("container", NODE)["Id"] == ran


@pytest.mark.case(38)
def test_a_wallet_of_no_bytes_is_never_the_newest_copy(second: Machine, tmp_path: Path) -> None:
    put(second, "")
    refused = change(second, "-log-level=warn")
    assert refused.code != 0
    assert "a b.wlt is empty, truncated or unreadable" in refused.text
    assert backup(second, tmp_path).code != 0
    listed = restore(second, tmp_path, copy="list")
    names = listed.text.split("its copies are: ")[1].split("\n")[0].split(", ")
    restored = restore(second, tmp_path, copy=names[-1])
    assert restored.code == 0, restored.text
    assert wallet(second) == TEXT


@pytest.mark.case(38)
def test_a_killed_restore_is_noticed_and_finished_by_the_next(second: Machine, tmp_path: Path) -> None:
    """Leftovers of the restore used to be counted as wallets, and became the newest copy."""
    assert backup(second, tmp_path).code == 0
    [file] = tmp_path.iterdir()
    assert second.docker("exec", NODE, "rm", "/wallet/a b.wlt").code == 0
    staged = Path(second.inspect("volume", WALLET)["Mountpoint"], ".restoring")
    command = ["make", "wallet-restore", "NODE=second", f"FILE={file}", f"INTO={tmp_path}"]
    with second.started(*command) as restoring:
        until(staged.exists, "the restore has begun", seconds=30)
        os.killpg(restoring.pid, signal.SIGKILL)
    until(lambda: second.docker("ps", "-q", "--filter", f"volume={WALLET}").text == "", "its helpers end")
    if staged.exists():
        refused = backup(second, tmp_path)
        assert refused.code != 0
        assert "a restore was interrupted: run it again" in refused.text
    finished = restore(second, tmp_path, file=file)
    assert finished.code == 0, finished.text
    assert "second was not running and was not started: `up` starts it" in finished.text
    assert not staged.exists()
    assert second.docker("start", NODE).code == 0
    assert wallet(second) == TEXT


@contextmanager
def small_disk(place: Path, image: Path) -> Iterator[None]:
    """Give a volume a separate file system of 2 MB, with a copy of its content, while the body runs."""
    with image.open("wb") as disk:
        disk.truncate(2_000_000)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", image], check=True)
    aside = image.with_name("aside")
    subprocess.run(["cp", "-a", place, aside], check=True)
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        subprocess.run(["cp", "-a", f"{aside}/.", place], check=True)
        yield
    finally:
        subprocess.run(["umount", place], check=True)


def fill(folder: Path) -> None:
    """Write a file of the node's user until no byte is left in its file system."""
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(512))
    os.chown(filler, 10000, 10000)


def refused_without_room(up: Machine, tmp_path: Path, level: str, *, is_full: bool) -> str:
    """Change the node while its copies have a small disk; return the refusal, which changed nothing."""
    place, held = Path(up.inspect("volume", BACKUPS)["Mountpoint"]), wallet(up)
    ran = up.inspect("container", NODE)
    with small_disk(place, tmp_path / "disk"):
        if is_full:
            fill(place)
        before = sorted(place.rglob("*"))
        refused = change(up, level)
        assert refused.code != 0
        assert sorted(place.rglob("*")) == before
        after = up.inspect("container", NODE)
        assert (after["Id"], after["State"]["StartedAt"]) == (ran["Id"], ran["State"]["StartedAt"])
        assert after["State"]["Status"] == "running"
        named = up.docker("ps", "-a", "--filter", f"volume={WALLET}", "--format", "{{.Names}}")
        assert named.text.split() == [NODE], "no container is left either"
        assert wallet(up) == held
    return " ".join(refused.text.split())


@pytest.mark.case(38)
def test_a_grown_wallet_that_can_not_be_recorded_on_a_full_disk_leaves_nothing_either(
    second: Machine, tmp_path: Path
) -> None:
    """Before, the message named no cause, because the shell of the node's image does not."""
    put(second, TEXT.replace('{"address": "2a"}', '{"address": "2a"}, {"address": "2b"}'))
    said = refused_without_room(second, tmp_path, "-log-level=error", is_full=True)
    assert f"the wallet volume '{WALLET}', or its volume of copies, can't be written by the node's" in said
    assert "write error: No space left on device. Free space on that host's disk, and try again" in said
    put(second, TEXT)
    done = change(second, "-log-level=error")
    assert done.code == 0, done.text


@pytest.mark.case(38)
@pytest.mark.parametrize("is_full", [True, False], ids=["no byte", "less than the wallet needs"])
def test_a_copy_on_a_full_disk_leaves_nothing_and_the_node_runs_on(
    second: Machine, tmp_path: Path, is_full: bool
) -> None:
    """With some room, the copy ends in the middle of a file."""
    held = TEXT.replace("precious", "more " * (1 if is_full else 800_000))
    put(second, held)
    level = "-log-level=fatal" if is_full else "-log-level=panic"
    said = refused_without_room(second, tmp_path, level, is_full=is_full)
    assert f"the wallet volume '{WALLET}' was not copied to '{BACKUPS}': " in said
    assert "No space left on device. The node was not changed. Fix the cause (disk space, or" in said
    assert "and run `pulumi up` again." in said
    done = change(second, level)
    assert done.code == 0, done.text
    place = Path(second.inspect("volume", BACKUPS)["Mountpoint"])
    assert held in {path.read_text() for path in place.glob("2*/*.wlt")}
    put(second, TEXT)


@pytest.mark.case(38)
def test_a_full_volume_keeps_its_wallet(second: Machine, tmp_path: Path) -> None:
    """The volume is a separate file system, with less room than the backup needs."""
    assert backup(second, tmp_path).code == 0
    put(second, TEXT.replace("2a", "2a" * 2_000_000))
    assert backup(second, tmp_path / "large").code == 0
    put(second, TEXT)
    [file] = (tmp_path / "large").iterdir()
    place = Path(second.inspect("volume", WALLET)["Mountpoint"])
    assert second.docker("stop", "-t", "60", NODE).code == 0
    with small_disk(place, tmp_path / "disk"):
        before = sorted(place.rglob("*"))
        refused = restore(second, tmp_path / "before", file=file, older=True)
        assert refused.code != 0
        assert "no space left on device" in refused.text
        assert sorted(place.rglob("*")) == before
        assert (place / "a b.wlt").read_text() == TEXT
    assert second.docker("start", NODE).code == 0
    assert wallet(second) == TEXT


@pytest.mark.case(19)
def test_a_lost_volume_is_not_created_and_is_restored_as_the_docs_say(
    second: Machine, tmp_path: Path
) -> None:
    made = backup(second, tmp_path)
    assert made.code == 0, made.text
    [file] = tmp_path.iterdir()
    assert second.docker("rm", "-f", NODE).code == 0
    assert second.docker("volume", "rm", WALLET).code == 0
    for result in (backup(second, tmp_path), restore(second, tmp_path, file=file)):
        assert result.code != 0
        assert f"there is no volume '{WALLET}' on host here, and none was created" in result.text
    reviewed = second.skyinfra("review")
    assert reviewed.code == REFUSED, reviewed.text
    compare_with_example("real-wallet-gone", reviewed)
    assert WALLET not in volumes(second)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert second.docker("volume", "create", WALLET).code == 0
    restored = restore(second, tmp_path, file=file)
    assert restored.code == 0, restored.text
    result = second.make("up")
    assert result.code == 0, result.text
    assert wallet(second) == TEXT


def test_a_retired_nodes_volumes_stay(second: Machine) -> None:
    """One command retires the node, and names what stays by volume and host."""
    before = second.settings()
    retired = second.make("retire", "NODE=second")
    assert retired.code == 0, retired.text
    kept = f"wallet volume {WALLET}, its copies in {BACKUPS}, data volume {NODE}-data"
    assert f"Kept on host here: {kept}." in retired.text
    assert "second" not in second.settings()["skycoin:nodes"]
    assert {WALLET, BACKUPS, f"{NODE}-data"} <= volumes(second)
    assert NODE not in second.docker("ps", "-a", "--format", "{{.Names}}").text.split()
    assert NODE not in second.docker("network", "ls", "--format", "{{.Name}}").text.split()
    unchanged = second.make("up")
    assert unchanged.code == 0, unchanged.text
    second.change(before)
    back = second.make("up")
    assert back.code == 0, back.text
    assert wallet(second) == TEXT


@pytest.mark.case(16)
def test_a_second_make_during_a_running_one_changes_nothing(second: Machine, tmp_path: Path) -> None:
    """The second used to take the first one's notes for an interrupted run's, and announced their removal."""
    lock = second.layout.state / "lock"
    holder = subprocess.Popen(["flock", "-o", str(lock), "sleep", "60"])
    try:
        until(lambda: subprocess.run(["flock", "-n", lock, "true"], check=False).returncode != 0, "the lock")
        state = second.layout.state / "backend" / ".pulumi" / "stacks" / "skycoin" / "local.json"
        before = state.read_bytes()
        for result in (second.make("up"), second.make("down"), backup(second, tmp_path)):
            assert result.code != 0
            assert "is running in" in result.text
            assert "Nothing was changed" in result.text
        assert state.read_bytes() == before
    finally:
        holder.kill()
        holder.wait()
