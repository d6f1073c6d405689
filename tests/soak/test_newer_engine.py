"""A Docker engine newer than Debian's: the same tests, the same answers.

Such an engine has containerd's image store in place of Docker's own, as new installations of Docker 29 have.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.machine.layout import PROJECT, Layout
from tests.e2e.layouts import layout_in
from tests.soak.newer_engine import newer_engine

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
def test_nodes_and_the_stand_in_plugin_work_on_a_newer_engine(layout: Layout, file: str, count: int) -> None:
    engine = newer_engine(layout)
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
