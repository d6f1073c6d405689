"""Docker engines newer than Debian 12's: the same tests, the same answers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.machine.layout import PROJECT, Layout
from tests.e2e.layouts import layout_in
from tests.soak.newer_engine import DOCKER_26, DOCKER_27, DOCKER_28, MOBY_2, Release, newer_engine

TESTS = {
    "tests/e2e/test_docker_plugin.py": 39,
    "tests/e2e/test_official_life.py": 59,
    "tests/e2e/test_disks.py": 10,
    "tests/e2e/test_cut_off.py": 4,
    "tests/e2e/test_ssh_connections.py": 4,
}
"""File → number of tests in it, all of which must run."""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return layout_in(tmp_path, 15446)


@pytest.mark.parametrize(("file", "count"), TESTS.items())
@pytest.mark.parametrize(
    "release", [MOBY_2, DOCKER_28, DOCKER_27, DOCKER_26], ids=lambda release: release.module
)
def test_nodes_and_the_stand_in_plugin_work_on_a_newer_engine(
    layout: Layout, release: Release, file: str, count: int
) -> None:
    engine = newer_engine(layout, release)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", file, "-q", "-p", "no:cacheprovider"],
        cwd=PROJECT,
        env={
            **os.environ,
            "SKYCOIN_TEST_DOCKERD": str(engine),
            "PATH": f"{engine.parent}:{os.environ['PATH']}",
            # Debian's docker command speaks an older API than this engine takes by itself.
            "DOCKER_MIN_API_VERSION": "1.24",
        },
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert f"\n{count} passed in " in done.stdout, done.stdout
