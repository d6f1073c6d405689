"""Two set-ups of one user that fill their cache at the same time."""

import subprocess
import sys
import threading

import pytest

from local.machine import packages, tools
from local.machine.layout import PROJECT, Layout
from local.machine.shared_cache import one_at_a_time

HOLDER = """\
import sys
from local.machine.layout import read_layout
from local.machine.shared_cache import one_at_a_time
with one_at_a_time(read_layout(), sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(what: str) -> "subprocess.Popen[str]":
    """Start a process of another set-up that holds this part of the cache."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, what],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_set_up_waits_says_so_and_goes_on_when_the_first_is_killed(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    with holder("go") as first:
        timer = threading.Timer(0.5, first.kill)
        timer.start()
        with one_at_a_time(layout, "go"):
            assert first.poll() is not None or first.wait(5) is not None
        timer.join()
    assert capsys.readouterr().out == "    waits for another set-up of this user: go\n"


def test_a_free_lock_is_acquired_at_once(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    with holder("go") as first:
        with one_at_a_time(layout, "registry"):
            assert first.poll() is None
        first.kill()
    assert capsys.readouterr().out == ""


def test_a_tool_that_another_set_up_has_built_in_the_meantime_is_not_built_again(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tools.tool_path(layout, tools.CRANE)
    path.parent.mkdir(parents=True)
    monkeypatch.setattr(tools, "run", lambda *_, **__: pytest.fail("it was built again"))
    with holder("crane") as first:

        def finish() -> None:
            path.write_text("built")
            first.kill()

        timer = threading.Timer(0.5, finish)
        timer.start()
        assert tools.ensure_tool(layout, "go", tools.CRANE) == path
        timer.join()
    assert "built by another set-up in the meantime" in capsys.readouterr().out


def test_debian_packages_that_another_set_up_has_installed_are_not_asked_for(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed = {"iptables"}
    monkeypatch.setattr(packages, "_installed", installed.__contains__)
    monkeypatch.setattr(packages, "run", lambda *_, **__: pytest.fail("apt-get was run"))
    with holder("debian-packages") as first:

        def finish() -> None:
            installed.add("docker.io")
            first.kill()

        timer = threading.Timer(0.5, finish)
        timer.start()
        packages.ensure_packages(layout, "the engine", ["iptables", "docker.io"])
        timer.join()
    assert "installed by another set-up in the meantime" in capsys.readouterr().out


def test_apt_is_asked_for_what_is_missing_and_waits_for_the_machines_own_updates(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(packages, "_installed", {"iptables"}.__contains__)
    monkeypatch.setattr(packages, "as_root", list)
    monkeypatch.setattr(packages, "run", lambda argv, **_: asked.append(argv))
    packages.ensure_packages(layout, "the engine", ["iptables", "docker.io"])
    assert asked == [
        ["apt-get", "update", "-q"],
        ["apt-get", "install", "-o", "DPkg::Lock::Timeout=600", "-q", "-y", "--no-remove"]
        + ["--no-install-recommends", "docker.io"],
    ]
