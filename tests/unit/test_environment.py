"""The first command in a fresh clone: what it says before and while the environment is installed."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.projects import PROJECT

PYTHON = """#!/bin/sh
case "$*" in
  "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python";;
  "-m pip "*) exec "$REAL" -c "import pathlib, time; pathlib.Path('$BEGAN').touch(); time.sleep($LASTS)";;
  --version) echo Python 3.12;;
esac
"""
"""A Python whose pip only takes its time."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment with that Python, in which a pause of 10 s takes a fiftieth of it."""
    for name, script in (("python3", PYTHON), ("sleep", "#!/bin/sh\nexec /bin/sleep 0.2\n")):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    return {
        **os.environ,
        "PATH": path,
        "BEGAN": str(tmp_path / "began"),
        "LASTS": "1",
        "REAL": sys.executable,
    }


def started(tmp_path: Path, environment: dict[str, str]) -> "subprocess.Popen[str]":
    command = ["sh", str(PROJECT / "local" / "environment.sh"), str(tmp_path / "venv")]
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def test_an_installation_is_never_silent_for_long(tmp_path: Path, environment: dict[str, str]) -> None:
    """It said nothing for 71 seconds."""
    with started(tmp_path, environment) as process:
        said, _ = process.communicate(timeout=30)
    head, *alive = said.splitlines()
    assert process.returncode == 0
    assert head.startswith("• Python environment")
    assert len(alive) >= 2
    assert all(re.fullmatch(r"    … pip installs: \d+ s", line) for line in alive), said
    assert (tmp_path / "venv" / "ready").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_installation_leaves_nobody_who_still_speaks(
    tmp_path: Path, environment: dict[str, str], number: signal.Signals
) -> None:
    with started(tmp_path, {**environment, "LASTS": "20"}) as process:
        while not (tmp_path / "began").exists():
            assert process.poll() is None
        os.killpg(process.pid, number)
        # It ends with the last one that holds it open.
        process.communicate(timeout=5)
    assert process.returncode != 0
    assert not (tmp_path / "venv" / "ready").exists()


@pytest.mark.parametrize(
    "target",
    ["preview", "destroy", "env", "down", "images", "review", "retire", "wallet-backup", "workspace-files"],
)
def test_what_needs_a_set_up_says_so_before_anything_is_installed(tmp_path: Path, target: str) -> None:
    command = ["make", "--silent", target, f"VENV={tmp_path / 'venv'}"]
    state = str(tmp_path / "state")
    without_make = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env={**without_make, "SKYCOIN_STATE": state},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"\nerror: Nothing is set up in {state}: run `make up` first.\n" in done.stderr
    assert list(tmp_path.iterdir()) == []
