"""The operator's machine dies; its set-up is restored from a backup on another one, while the node runs on.

The other machine has its own state folder and checkout, and an empty registry; the engine stays.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from local.builds.network import remove_build_network
from local.machine import services
from local.machine.layout import Layout
from tests.e2e.machine import HOME, Machine, Result
from tests.e2e.plugin import until
from tests.e2e.test_registry_login import node_of
from tests.e2e.test_up import get
from tests.e2e.test_wallet_backups import Key

SERVICES = ("buildkitd", "registry")
SECRETS = ("passphrase", "registry-password", "certificates/ca.key", "certificates/registry.key")


class Other(Machine):
    """Another machine of the operator's, with access to the engine of the first."""

    __slots__ = ()

    def run(self, *argv: str, env: dict[str, str] | None = None, timeout: float = 1800) -> Result:
        """Run a command on that machine; if it needs `environment()`, the caller passes that."""
        engine = f"unix://{HOME}/state/engine/docker.sock"
        own = {**self.place(), "SKYCOIN_ENGINE": "auto", "DOCKER_HOST": engine}
        return super().run(*argv, env={**(env or {}), **own}, timeout=timeout)

    def place(self) -> dict[str, str]:
        """Variables that say where the machine's state is."""
        return {"SKYCOIN_STATE": str(self.layout.state)}


class Moved(Other):
    """The same machine, with its state in its user's home."""

    __slots__ = ()

    def place(self) -> dict[str, str]:
        """Name no folder, so that the default is used."""
        return {"SKYCOIN_STATE": "", "XDG_STATE_HOME": str(self.layout.state.parent)}


@pytest.fixture(scope="module")
def key(up: Machine, tmp_path_factory: pytest.TempPathFactory) -> Key:
    return Key(tmp_path_factory.mktemp("key"), "key.txt", up)


@pytest.fixture(scope="module")
def backup(up: Machine, key: Key, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backup")
    before = node_of(up)
    done = up.skyinfra("setup", "backup", f"{folder}/", "--recipient", key.public)
    assert done.code == 0, done.text
    assert node_of(up) == before
    [made] = folder.iterdir()
    return made


@pytest.fixture
def other(up: Machine) -> Iterator[Other]:
    with new_machine(up) as machine:
        yield machine


@pytest.fixture(scope="module")
def gone_on(up: Machine, backup: Path, key: Key) -> Iterator[tuple[Other, str]]:
    """Another machine that goes on with the set-up, its state where earlier versions had it; its output."""
    state = HOME / "other-checkout" / "local" / "state"
    with new_machine(up, state) as other, dead(up, other):
        done = restored(other, up, backup, key)
        assert done.code == 0, done.text
        assert "`SKYCOIN_ENGINE=own make up`" in done.text
        assert other.stack_file.read_text() == up.stack_file.read_text()
        first = other.make("up")
        assert first.code == 0, first.text
        yield other, done.text + first.text


@contextmanager
def new_machine(up: Machine, state: Path = HOME / "other-state") -> Iterator[Other]:
    """A machine with a fresh clone of the program and nothing else."""
    layout = replace(up.layout, state=state)
    machine = Other(HOME / "other-checkout", layout)
    for folder in (layout.state, machine.checkout):
        shutil.rmtree(folder, ignore_errors=True)
    own = shutil.ignore_patterns(".git", "Pulumi.local.yaml", "Pulumi.workspace-*.yaml")
    shutil.copytree(up.checkout, machine.checkout, ignore=own, symlinks=True)
    try:
        yield machine
    finally:
        _stop(layout)


def _stop(layout: Layout) -> None:
    for name in SERVICES:
        services.stop(layout, name)


@contextmanager
def dead(up: Machine, other: Other) -> Iterator[None]:
    """Stop the services of the first machine, and start them again afterwards."""
    _stop(up.layout)
    try:
        yield
    finally:
        _stop(other.layout)
        again = up.make("up")
    assert again.code == 0, again.text


def restored(other: Other, up: Machine, backup: Path, key: Key) -> Result:
    path = {"PATH": up.environment()["PATH"]}
    return other.run("./skyinfra", "setup", "restore", str(backup), "--identity", str(key.file), env=path)


def secrets_of(up: Machine) -> list[bytes]:
    return [(up.layout.state / name).read_bytes().strip() for name in SECRETS]


def test_no_secret_of_the_set_up_is_in_the_clear(up: Machine, backup: Path) -> None:
    data = backup.read_bytes()
    assert backup.stat().st_mode & 0o777 == 0o600
    salt = re.search(r"encryptionsalt: (\S+)", up.stack_file.read_text())
    assert salt
    for secret in [*secrets_of(up), salt[1].encode()]:
        assert secret
        assert secret not in data


def test_age_and_tar_alone_read_it_as_its_header_says(
    up: Machine, backup: Path, key: Key, tmp_path: Path
) -> None:
    note = backup.read_bytes().partition(b"\n\n")[2].decode(errors="replace")
    [command] = re.findall(r"^    (tail .*)$", note, re.MULTILINE)
    command = command.replace("THIS-FILE", str(backup)).replace("key.txt", str(key.file))
    env = {**os.environ, "PATH": f"{key.programs}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-ec", command], cwd=tmp_path, env=env, check=True)
    state = tmp_path / "set-up" / "state"
    assert [(state / name).read_bytes().strip() for name in SECRETS] == secrets_of(up)
    assert (tmp_path / "set-up" / "stacks" / up.stack_file.name).read_text() == up.stack_file.read_text()


@pytest.mark.case(38)
def test_a_full_disk_restores_nothing_and_leaves_nothing(
    up: Machine, other: Other, backup: Path, key: Key
) -> None:
    other.layout.state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(other.layout.state)], check=True)
    try:
        failed = restored(other, up, backup, key)
        assert failed.code == 1
        assert re.search(r"can't be written: No space left on device\. Nothing was restored\.$", failed.text)
        assert [path.name for path in other.layout.state.iterdir()] == ["lock"]
        assert not other.stack_file.exists()
    finally:
        subprocess.run(["umount", str(other.layout.state)], check=True)


CHANGED = re.compile(r"\d+ (created|updated|replaced|deleted)")
NODE_CHANGED = re.compile(r"(created|updated|replaced|deleted) node-1")
UNCHANGED = ("preview", "--refresh", "--expect-no-changes", "--stack", "local")


@pytest.fixture(scope="module")
def before(up: Machine) -> tuple[str, str]:
    return node_of(up)


def test_another_machine_takes_over_the_node_which_keeps_running(
    up: Machine, before: tuple[str, str], gone_on: tuple[Other, str], backup: Path, key: Key
) -> None:
    other, said = gone_on
    assert node_of(up) == before, said
    assert not NODE_CHANGED.search(said), said
    unchanged = other.pulumi(*UNCHANGED)
    assert unchanged.code == 0, unchanged.text
    for secret in secrets_of(up):
        assert secret.decode() not in said + unchanged.text
    refused = restored(other, up, backup, key)
    assert refused.code == 1
    assert "is not empty: it contains" in refused.text


def test_a_state_folder_that_was_moved_by_hand_is_used_once_it_is_named_and_not_made_anew_before(
    up: Machine, before: tuple[str, str], gone_on: tuple[Other, str]
) -> None:
    """Its services run on while it is moved, with files at the old place."""
    other, _ = gone_on
    elsewhere = HOME / "moved-by-hand"
    shutil.rmtree(elsewhere, ignore_errors=True)
    other.layout.state.rename(elsewhere)
    moved = Other(other.checkout, replace(other.layout, state=elsewhere))
    try:
        for target in ("preview", "up", "destroy"):
            refused = other.make(target)
            assert refused.code != 0
            assert re.search(
                rf"whose state is not in {other.layout.state}\. If .* had another value, set it again"
                rf"|Nothing is set up in {other.layout.state}: ",
                refused.text,
            ), refused.text
            assert not other.layout.state.exists() or [*other.layout.state.iterdir()] == []
        done = moved.make("up")
        assert done.code == 0, done.text
        assert re.search(r"\d+ unchanged \(", done.text), done.text
        assert not CHANGED.search(done.text), done.text
        unchanged = moved.pulumi(*UNCHANGED)
        assert unchanged.code == 0, unchanged.text
        assert node_of(up) == before
        assert str(other.layout.state) not in str(moved.environment())
    finally:
        _stop(moved.layout)
        shutil.rmtree(other.layout.state, ignore_errors=True)
        elsewhere.rename(other.layout.state)
    back = other.make("up")
    assert back.code == 0, back.text
    assert not CHANGED.search(back.text), back.text


def test_a_state_in_the_checkout_is_moved_once_and_found_by_a_new_clone_while_the_node_runs_on(
    up: Machine, before: tuple[str, str], gone_on: tuple[Other, str]
) -> None:
    """Before, a checkout that was cleaned or deleted took passphrase and states with it."""
    other, _ = gone_on
    home, clone = HOME / "other-home", HOME / "other-clone"
    for folder in (home, clone):
        shutil.rmtree(folder, ignore_errors=True)
    layout = replace(other.layout, state=home / "skycoin-infrastructure")
    try:
        done = Moved(other.checkout, layout).make("up")
        assert done.code == 0, done.text
        assert f"moved from {other.layout.state} to {layout.state}; containers keep running" in done.text
        assert (layout.state.stat().st_mode & 0o777, other.layout.state.exists()) == (0o700, False)
        other.checkout.rename(clone)
        new = Moved(clone, layout)
        settings = new.stack_file.read_text()
        new.stack_file.unlink()
        again = new.make("up")
        assert again.code == 0, again.text
        assert (
            f"belonged to the checkout {other.checkout}, which is gone; now it belongs to this one"
            in again.text
        )
        assert "stacks/Pulumi.local.yaml was missing: restored from its last copy" in again.text
        assert new.stack_file.read_text() == settings
        for said in (done.text, again.text):
            assert re.search(r"\d+ unchanged \(", said), said
            assert not CHANGED.search(said), said
        unchanged = new.pulumi(*UNCHANGED)
        assert unchanged.code == 0, unchanged.text
        assert node_of(up) == before
        until(lambda: get("/api/v1/version")["version"] == "0.27.1", "the node answers")
    finally:
        _stop(layout)
        remove_build_network(layout)
