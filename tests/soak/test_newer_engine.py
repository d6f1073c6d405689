"""The stand-in docker plugin over a Docker engine newer than Debian's: the same tests, the same answers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.machine.layout import PROJECT, Layout
from tests.e2e.layouts import layout_in
from tests.soak.newer_engine import newer_engine

TESTS = {"tests/e2e/test_docker_plugin.py": 39, "tests/e2e/test_official_life.py": 59}
"""File → number of tests in it, all of which must run."""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return layout_in(tmp_path, 15446)


@pytest.mark.parametrize(("file", "count"), TESTS.items())
def test_the_stand_in_serves_a_newer_engine(layout: Layout, file: str, count: int) -> None:
    engine = newer_engine(layout)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", file, "-q", "-p", "no:cacheprovider"],
        cwd=PROJECT,
        env={**os.environ, "SKYCOIN_TEST_DOCKERD": str(engine)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert f"\n{count} passed in " in done.stdout, done.stdout
