"""Fixtures and settings of the unit tier: no process, network, daemon or credentials, nothing inherited."""

import gc
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

from commands.backend import BACKEND_URL
from fleet import hosts
from local.machine.layout import Layout, read_layout
from local.pulumi.cli import remember
from tests.unit.command_line import Skyinfra
from tests.unit.engine import Engine
from wallets.volumes import volume

settings.register_profile("unit", max_examples=50, deadline=None, derandomize=True, database=None)
settings.load_profile("unit")


def pytest_configure() -> None:
    """Run the garbage collector less often: its walks took a tenth of the tier's time."""
    gc.set_threshold(100_000, 50, 1000)


def pytest_collection_finish() -> None:
    """Make the garbage collector pass over all modules and tests."""
    gc.collect()
    gc.freeze()


def _no_process(*given: object, **_: object) -> NoReturn:
    pytest.fail(f"a unit test started a process, {given[1:]}: such tests belong in tests/integration")


@pytest.fixture(scope="package", autouse=True)
def _no_process_and_no_pause() -> Iterator[None]:
    """Fail a unit test that starts a process: hundreds of these took a third of the tier's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "__init__", _no_process)
        for name in ("fork", "posix_spawn", "posix_spawnp", "system"):
            patch.setattr(os, name, _no_process)
        # The pauses between two readings of a wallet, and between two looks at hosts that are being asked.
        patch.setattr(volume, "PAUSE", 0)
        patch.setattr(hosts, "_POLL", 0.001)
        yield


@pytest.fixture(autouse=True)
def _environment_of_nobody() -> Iterator[None]:
    """Clear variables that would reach providers' inputs, and restore SIGINT, which `__main__.py` takes over.

    Commands put a set-up's variables into the environment; the next test would inherit them.
    """
    handler, before = signal.getsignal(signal.SIGINT), dict(os.environ)
    for name in before:
        if name.startswith(("DOCKER_", "PULUMI_", "GIT_", "BUILDX_", "AWS_")):
            del os.environ[name]
    yield
    after = dict(os.environ)
    for name in after.keys() - before:
        del os.environ[name]
    # Setting all variables again after each test took a second.
    os.environ.update(before.items() - after.items())
    signal.signal(signal.SIGINT, handler)


@pytest.fixture
def engine() -> Engine:
    """An engine that runs `pulumi up`."""
    return Engine()


@pytest.fixture
def first_preview() -> Engine:
    """An engine that runs `pulumi preview` before any build: images have a tag and no digest."""
    return Engine(preview=True)


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """Layout of a set-up that does not exist yet."""
    places = {
        "SKYCOIN_STATE": "state",
        "SKYCOIN_CACHE": "cache",
        "SKYCOIN_BUILDER_ROOT": "buildkit",
        "PULUMI_HOME": "home",
    }
    for name, folder in places.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
    return read_layout()


@pytest.fixture
def set_up(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A set-up that commands take for that of `make up`: it has a state folder, but no engine."""
    layout.state.mkdir()
    (layout.state / "passphrase").touch()
    for name in (BACKEND_URL, "DOCKER_HOST"):  # commands set these, and monkeypatch resets them
        monkeypatch.setenv(name, "")
    remember(layout, {"DOCKER_HOST": "unix:///set-up.sock"})
    return layout


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """File of the user's own review rules, in place of the project's."""
    file = tmp_path / "review" / "own_rules.py"
    file.parent.mkdir()
    monkeypatch.setattr("review.rulebook.OWN", file)
    return file


@pytest.fixture
def skyinfra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Skyinfra:
    """The command `skyinfra`, run in this process."""
    return Skyinfra(monkeypatch, capsys)
