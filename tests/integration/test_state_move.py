"""The move of a set-up's state out of the checkout. On an engine: tests/e2e/test_setup_backup.py."""

import errno
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local import state_move
from local.builds.network import remove_build_network
from local.machine import services
from local.machine.layout import Layout, is_held, read_layout
from local.machine.private_files import write_aside
from local.machine.services import Service
from local.machine.steps import SetupError, run
from local.pulumi.cli import known_environment, remember
from local.stacks.lock import exclusive
from local.state_move import moved
from tests.unit.set_ups import FILES, Home, Killed, Killer, texts
from wallets.backups.local_folder import sync

RENAME = Path.rename
LOOK = Path.iterdir


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    # The tests' own folder may be too long for a socket.
    monkeypatch.setattr("local.state_move.SOCKET_LENGTH", 300)
    return Home(tmp_path, monkeypatch)


@pytest.fixture
def old(home: Home) -> Layout:
    home.fill(home.earlier)
    return read_layout()


@pytest.fixture
def two_disks(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkout is on another file system than the home."""

    def rename(path: Path, to: Path) -> Path:
        if path == home.earlier:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return RENAME(path, to)

    monkeypatch.setattr(Path, "rename", rename)


@pytest.fixture
def running(old: Layout) -> Iterator[Layout]:
    """The old set-up with running services, and an engine that it has started."""
    for name in ("buildkitd", "registry", "dockerd"):
        sleeper = Service(name=name, argv=["sleep", "60"], ready=lambda: True)
        services.start(old, sleeper)
    yield old
    for layout in (old, read_layout()):
        for name in ("buildkitd", "registry", "dockerd"):
            services.stop(layout, name)


def test_a_new_set_up_lies_in_the_users_state_home(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_layout().state == home.target
    monkeypatch.setenv("XDG_STATE_HOME", "")
    monkeypatch.setenv("HOME", "/home/me")
    assert read_layout().state == Path("/home/me/.local/state/skycoin-infrastructure")
    monkeypatch.setenv("SKYCOIN_STATE", "/srv/state")
    assert read_layout().state == Path("/srv/state")
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    with pytest.raises(SetupError, match=r"XDG_STATE_HOME='state' is relative"):
        read_layout()


def test_a_set_up_in_the_checkout_is_used_there_until_make_up_moves_it(home: Home, old: Layout) -> None:
    assert old.state == home.earlier
    (home.earlier / "passphrase").unlink()
    assert read_layout().state == home.earlier, "one that has lost its passphrase is not forgotten"
    shutil.rmtree(home.earlier)
    home.earlier.mkdir()
    (home.earlier / "lock").touch()
    assert read_layout().state == home.target, "nothing is set up there"


def test_a_folder_that_only_its_owner_may_read_counts_as_not_empty(
    home: Home, old: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: Path) -> Iterator[Path]:
        if path == home.earlier:
            raise PermissionError
        return iter(LOOK(path))

    monkeypatch.setattr(Path, "iterdir", closed)
    assert read_layout().state == home.earlier


def test_the_folder_is_renamed_and_the_engine_runs_on(
    home: Home, running: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    number, engine = home.earlier.stat().st_ino, services.running_pid(running, "dockerd")
    running.builder_socket.touch()
    new = moved(running)
    assert (new.state, home.earlier.exists()) == (home.target, False)
    assert home.target.stat().st_ino == number
    assert stat.S_IMODE(home.target.stat().st_mode) == 0o700
    assert (home.target / "checkout").read_text() == f"{home.checkout}\n"
    assert texts(home.target) == FILES
    assert engine is not None
    assert services.running_pid(new, "dockerd") == engine
    assert [services.running_pid(new, name) for name in state_move.SERVICES] == [None, None]
    assert not new.builder_socket.exists()
    output = capsys.readouterr().out
    assert re.search(r"buildkitd\n    stopped .*\n• service registry\n    stopped", output)
    assert f"moved from {home.earlier} to {home.target}; containers keep running." in output
    assert moved(new) == new
    assert capsys.readouterr().out == ""


def test_a_state_is_moved_to_another_disk_by_copy_compare_and_remove(
    home: Home, two_disks: None, running: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    (home.earlier / "link").symlink_to("nowhere")
    (home.earlier / "passphrase").chmod(0o600)
    os.utime(home.earlier / "passphrase", (1, 1))
    (home.earlier / "build-network").mkdir()
    new = moved(running)
    assert (new.state, home.earlier.exists()) == (home.target, False)
    assert texts(home.target) == FILES
    seen = (home.target / "passphrase").stat()
    assert (stat.S_IMODE(seen.st_mode), seen.st_mtime) == (0o600, 1)
    assert (home.target / "link").readlink() == Path("nowhere")
    assert not (home.target / "build-network").exists()
    assert not (home.target / "moved-from").exists()
    assert [path.name for path in home.target.parent.iterdir()] == [home.target.name]
    assert stat.S_IMODE(home.target.stat().st_mode) == 0o700
    assert services.running_pid(new, "dockerd") is not None
    assert "containers keep running" in capsys.readouterr().out


STEPS: dict[str, Callable[..., object]] = {
    "local.state_move.services.stop": services.stop,
    "local.state_move.remove_build_network": remove_build_network,
    "local.state_move.write_aside": write_aside,
    "local.state_move.run": run,
    "local.state_move.sync": sync,
    "local.state_move.os.sync": lambda: None,
    "pathlib.Path.unlink": Path.unlink,
}


@pytest.mark.parametrize("disks", [1, 2])
def test_a_move_killed_at_any_step_leaves_one_complete_state_and_the_next_run_finishes_it(
    disks: int, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    killer = Killer(monkeypatch)
    for place, real in STEPS.items():
        killer.watch(place, real)

    def rename(path: Path, to: Path) -> Path:
        if path == home.earlier and disks == 2:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return RENAME(path, to)

    killer.watch("pathlib.Path.rename", rename)
    killer.watch("local.state_move.shutil.rmtree", _half_first(killer))
    for calls in range(1000):
        shutil.rmtree(home.target, ignore_errors=True)
        home.fill(home.earlier)
        killer.arm(calls)
        try:
            moved(read_layout())
            break
        except Killed:
            kept = read_layout()
            assert texts(kept.state) == FILES, f"after {calls} calls"
            killer.arm(-1)
            assert moved(kept).state == home.target
            assert (texts(home.target), home.earlier.exists()) == (FILES, False), f"after {calls} calls"
            assert not (home.target / "moved-from").exists()
    assert calls > 15, "it has so many steps at least"


def _half_first(killer: Killer) -> Any:
    """A removal in several steps, so that a kill can come between them."""
    whole = shutil.rmtree

    def rmtree(path: Path, **options: Any) -> None:
        for part in [path / "passphrase", path / "registry"]:
            if part.is_dir():
                whole(part)
            part.unlink(missing_ok=True)
        whole(path, **options)

    return rmtree


def test_a_link_is_not_touched(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.fill(tmp_path / "disk")
    home.earlier.parent.mkdir()
    home.earlier.symlink_to(tmp_path / "disk")
    assert moved(read_layout()).state == home.earlier
    assert f"is a link; set SKYCOIN_STATE={tmp_path / 'disk'}, and remove the link" in capsys.readouterr().out


def _own_engine(home: Home, _: pytest.MonkeyPatch) -> None:
    (home.earlier / "engine").mkdir()


def _another_set_up(home: Home, _: pytest.MonkeyPatch) -> None:
    home.fill(home.target)


def _long_path(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(home.target.parent / ("x" * 250)))


def _another_owner(_: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.state_move.os.geteuid", lambda: 4321)


def _another_home(_: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.state_move.owner_above", lambda _: 4321)


@pytest.mark.parametrize(
    ("hinder", "expected"),
    [
        (_own_engine, r"the engine in it \(SKYCOIN_ENGINE=own\) uses that path, and has wallets"),
        (
            _another_set_up,
            r"contains another set-up\. Give this one its own folder: `make down`, `mv .*/state FOL",
        ),
        (_long_path, r"is too long for the path of a socket\. Choose a shorter one: set XDG_STATE_HOME"),
        (_another_owner, r"it belongs to the user \d+, and this is 4321\. Run `make up` as its owner"),
        (_another_home, r"would lie in a folder of the user 4321, and this is \d+ \(sudo -H sets HOME\)"),
    ],
)
def test_a_state_that_can_not_be_moved_stays_and_the_remedy_is_printed(
    hinder: Any,
    expected: str,
    home: Home,
    running: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hinder(home, monkeypatch)
    capsys.readouterr()
    assert moved(running) == running
    assert texts(home.earlier) == FILES
    assert all(services.running_pid(running, name) for name in ("buildkitd", "registry", "dockerd"))
    out = capsys.readouterr().out
    assert out.startswith("• the state of the set-up stays in the checkout, where `git clean -fdx` would")
    assert re.search(expected, out)
    assert out.count("\n") == 1


def test_a_folder_that_can_not_be_renamed_stays(
    home: Home, old: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def busy(_: Path, __: Path) -> Path:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr("local.state_move.write_aside", lambda *_: None)
    monkeypatch.setattr(Path, "rename", busy)
    assert moved(old) == old
    assert texts(home.earlier) == FILES
    assert (
        f"{home.target}: Device or resource busy. Fix that, or set XDG_STATE_HOME" in capsys.readouterr().out
    )


@pytest.mark.parametrize("fault", ["full disk", "other bytes"])
def test_a_copy_that_fails_or_differs_is_removed_and_the_state_stays(
    fault: str,
    home: Home,
    two_disks: None,
    old: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    part = home.target.with_name(f"{home.target.name}.part")

    def copy(argv: list[str], **options: Any) -> None:
        run(argv, **options)
        if argv[0] == "cp" and fault == "full disk":
            raise SetupError("no space left")
        if argv[0] == "cp":
            (part / "registry" / "blob").write_text("byteS")

    monkeypatch.setattr("local.state_move.run", copy)
    assert moved(old) == old
    assert texts(home.earlier) == FILES
    assert [*home.target.parent.iterdir()] == []
    log = old.cache / "logs" / "state-move.log"
    assert (
        f"it could not be copied to {home.target}: {log} shows why. Free some disk space"
        in capsys.readouterr().out
    )
    assert ("differ" in log.read_text()) is (fault == "other bytes")


def test_what_a_short_pulumi_writes_while_the_registry_is_compared_is_not_lost(
    home: Home,
    two_disks: None,
    old: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its lock is gone again before the last look at locks. Before, its work was removed with the rest."""
    history = home.earlier / "backend" / ".pulumi" / "history"

    def compare(argv: list[str], **options: Any) -> None:
        run(argv, **options)
        if argv[0] == "diff" and argv[-1].endswith("/registry"):
            history.mkdir(parents=True)

    monkeypatch.setattr("local.state_move.run", compare)
    assert moved(old) == old
    assert history.exists()
    assert [*home.target.parent.iterdir()] == []
    log = old.cache / "logs" / "state-move.log"
    assert f"it was changed while it was copied: {log} shows where" in capsys.readouterr().out
    assert "history" in log.read_text()
    monkeypatch.setattr("local.state_move.run", run)
    assert moved(old).state == home.target


def test_an_old_state_that_can_not_be_removed_is_reported_and_the_copy_is_used(
    home: Home,
    two_disks: None,
    old: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = shutil.rmtree

    def refuse(path: Path, **options: Any) -> None:
        if path == home.earlier:
            raise PermissionError(errno.EACCES, "Permission denied", f"{path}/registry")
        whole(path, **options)

    monkeypatch.setattr("local.state_move.shutil.rmtree", refuse)
    assert moved(old).state == home.target
    assert f"{home.earlier}/registry can't be removed: Permission denied. Remove" in capsys.readouterr().out
    monkeypatch.setattr("local.state_move.shutil.rmtree", whole)
    assert moved(read_layout()).state == home.target
    assert not home.earlier.exists()


def test_nothing_is_stopped_while_a_command_or_pulumi_is_at_work(home: Home, running: Layout) -> None:
    with exclusive(running, "make down"), pytest.raises(SetupError, match="`make down`, process"):
        moved(running)
    lock = home.earlier / "backend/.pulumi/locks/organization/skycoin/local/one.json"
    lock.parent.mkdir(parents=True)
    lock.write_text(f'{{"pid": {os.getpid()}, "username": "me"}}')
    with pytest.raises(SetupError, match="is changing the stack local"):
        moved(running)
    assert texts(home.earlier) == FILES
    assert services.running_pid(running, "registry") is not None


@pytest.mark.parametrize("disks", [1, 2])
def test_a_state_that_pulumi_is_changing_is_not_moved(
    disks: int,
    home: Home,
    old: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    """Services stop slowly, and a copy takes minutes. Before, what pulumi wrote in that time was lost."""
    lock = home.earlier / "backend/.pulumi/locks/organization/skycoin/local/one.json"

    def begin(*_: object) -> None:
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.write_text(f'{{"pid": {os.getpid()}, "username": "me"}}')

    if disks == 1:
        monkeypatch.setattr("local.state_move.remove_build_network", begin)
    else:
        request.getfixturevalue("two_disks")
        monkeypatch.setattr("local.state_move.os.sync", begin)
    assert moved(old) == old
    assert {name: (home.earlier / name).read_text() for name in FILES} == FILES
    assert list(home.target.parent.iterdir()) == []
    output = capsys.readouterr().out
    assert "• the state of the set-up stays in the checkout, where" in output
    assert f"pulumi (process {os.getpid()} of me) is changing the stack local." in output


def test_a_run_that_comes_too_late_finds_it_moved(home: Home, old: Layout) -> None:
    assert moved(old).state == home.target
    assert moved(old).state == home.target
    assert texts(home.target) == FILES


def test_a_folder_that_skycoin_state_names_is_never_moved(
    home: Home, old: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in (home.earlier, home.checkout / "elsewhere"):
        monkeypatch.setenv("SKYCOIN_STATE", str(place))
        assert moved(read_layout()).state == place
    assert texts(home.earlier) == FILES
    assert capsys.readouterr().out == ""


def test_a_folder_that_is_not_a_set_up_is_not_moved(home: Home, old: Layout) -> None:
    (home.earlier / "passphrase").unlink()
    assert moved(old) == old
    assert is_held(home.earlier)


def test_the_environment_names_the_current_place_of_the_state(home: Home, old: Layout) -> None:
    """A run that was killed after the move has not written the environment again."""
    remember(old, {"PULUMI_BACKEND_URL": f"file://{home.earlier}/backend", "DOCKER_HOST": "unix:///one.sock"})
    new = moved(old)
    assert known_environment(new) == {
        "DOCKER_HOST": "unix:///one.sock",
        "PULUMI_HOME": f"{home.target}/pulumi",
        "PULUMI_BACKEND_URL": f"file://{home.target}/backend",
        "PULUMI_DIY_BACKEND_GZIP": "false",
        "PULUMI_DIY_BACKEND_ZSTD": "false",
        "PULUMI_DIY_BACKEND_LEGACY_LAYOUT": "false",
        "PULUMI_CONFIG_PASSPHRASE_FILE": f"{home.target}/passphrase",
        "DOCKER_CONFIG": f"{home.target}/docker",
        "SSL_CERT_FILE": f"{home.target}/certificates/bundle.crt",
    }


def test_files_that_an_older_shell_leaves_in_the_checkout_are_not_a_set_up(home: Home, old: Layout) -> None:
    """With PULUMI_HOME from before the move, even `pulumi version` creates that folder again."""
    moved(old)
    logs = old.state / "pulumi" / "logs"
    logs.mkdir(parents=True)
    assert read_layout().state == home.target
    assert moved(read_layout()).state == home.target
