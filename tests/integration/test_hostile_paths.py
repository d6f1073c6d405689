"""Paths of a checkout that a shell would read as commands."""

import shutil
import subprocess
from pathlib import Path

import pytest

from local.pulumi import plugins

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["a$(touch harm)", "a`touch harm`", 'a";touch harm;"'])
def test_make_refuses_a_checkout_whose_path_is_a_command(tmp_path: Path, name: str) -> None:
    checkout = tmp_path / name
    checkout.mkdir()
    shutil.copy(PROJECT / "Makefile", checkout)
    done = subprocess.run(["make", "known"], cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"The path of this checkout, {checkout}, has a dollar sign" in done.stderr
    assert not list(tmp_path.rglob("harm"))


def test_the_launcher_of_the_stand_in_uses_its_paths_literally(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the launcher had its paths in double quotes."""
    python = tmp_path / "$(touch harm)'\""
    python.write_text('#!/bin/sh\necho "$PYTHONPATH" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    monkeypatch.setattr(plugins, "PROJECT", "/srv/`touch harm`")
    launcher = tmp_path / "launcher"
    launcher.write_text(plugins.launcher_text())
    done = subprocess.run(["sh", launcher, "1"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "/srv/`touch harm` -S -m providers.docker.launch 1\n"
    assert not list(tmp_path.rglob("harm"))
