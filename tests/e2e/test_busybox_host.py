"""A host whose programs are all busybox's (tests/integration/test_host_facts.py has other shells)."""

import os
from pathlib import Path

import pytest

from clients.host_facts import ask_host
from tests.e2e.plugin import busybox
from tests.unit.host_recordings import NODE, RASPBERRY_PI_4, on_path, recorded_host


def test_busybox_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The busybox shell prefers its own applets to programs on PATH, so these report this machine's facts."""
    busybox()
    made = recorded_host(tmp_path / "host", "busybox sh")
    release = os.uname().release
    made.docker({**RASPBERRY_PI_4, "KernelVersion": release, "DockerRootDir": "/usr/none/of/it"}, NODE)
    made.prints("uname", f"{release}\n")
    made.lacks("getconf")
    monkeypatch.setenv("PATH", on_path(made.folder))
    found = ask_host("ssh://pi@attic.lan")
    assert [container.name for container in found.containers] == ["skycoin-attic"]
    assert found.bits in (32, 64)
    assert found.ahead == 0
    assert None not in (found.swap, found.free, found.listeners)
