"""Processes of a set-up: services, commands, files of other users, git's lists of files."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2_grpc

from local.engines import own_engine
from local.machine import services
from local.machine.layout import PROJECT, Layout, read_layout
from local.machine.steps import SetupError, output, run
from local.registry import certificates
from local.setup import NEEDED_GIGABYTES, set_up
from local.teardown import delete_builders
from tests.unit.set_ups import Home
from tests.unit.test_callers import NOBODY, PASS_ON, as_root, port, with_shell
from tests.unit.test_first_set_up import home
from tests.unit.test_local import service, without_set_up
from tests.unit.test_wallets import ELSEWHERE
from wallets.volumes.processes import has_ended, this_process

__all__ = ["home", "port", "without_set_up"]


def test_only_buildkits_own_files_in_a_builders_root_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk given as SKYCOIN_BUILDER_ROOT may hold the engine's volumes too."""
    monkeypatch.setattr("local.teardown.as_root", lambda argv: argv)
    root = tmp_path / "disk"
    for folder in ("runc-overlayfs", "net/cni/one", "docker/volumes/wallet"):
        (root / folder).mkdir(parents=True)
    (root / "cache.db").touch()  # a stopped builder has no lock
    delete_builders(root)
    assert [path.name for path in root.iterdir()] == ["docker"]
    assert (root / "docker" / "volumes" / "wallet").is_dir()
    (root / "docker" / "volumes" / "wallet").rename(tmp_path / "wallet")
    (root / "docker" / "volumes").rmdir()
    (root / "docker").rmdir()
    (root / "history.db").touch()
    delete_builders(root)
    assert [path.name for path in root.iterdir()] == ["history.db"], "without its database it is nobody's"
    (root / "cache.db").touch()
    delete_builders(root)
    assert not root.exists()


def test_a_service_outlives_its_starter_and_is_found_and_stopped(layout: Layout) -> None:
    services.start(layout, service("sleeper", "sleep", "60"))
    pid = services.running_pid(layout, "sleeper")
    assert pid is not None
    assert os.getpgid(pid) != os.getpgid(0), "Ctrl-C in make would end it"
    services.start(layout, service("sleeper", "sleep", "60"))
    assert services.running_pid(layout, "sleeper") == pid, "a running service is left alone"
    assert services.stop(layout, "sleeper")
    assert services.running_pid(layout, "sleeper") is None
    assert not services.stop(layout, "sleeper")


def test_a_service_whose_first_thread_has_ended_still_runs(layout: Layout) -> None:
    """Before, such a registry counted as stopped while it held its port, and its next start was refused."""
    script = (
        "import ctypes, os, threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(30), os._exit(0))).start()\n"
        "ctypes.CDLL(None).pthread_exit(None)\n"
    )
    services.start(layout, service("threads", sys.executable, "-c", script))
    pid = services.running_pid(layout, "threads")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "Z":
            break
        time.sleep(0.02)
    assert state == "Z"
    assert services.running_pid(layout, "threads") == pid
    assert services.stop(layout, "threads")
    assert services.running_pid(layout, "threads") is None


def test_a_service_that_ignores_sigterm_is_killed_in_the_end(layout: Layout) -> None:
    services.start(layout, service("stubborn", "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"))
    pid = services.running_pid(layout, "stubborn")
    assert pid is not None
    services.stop(layout, "stubborn", patience=0.5)
    assert services._started_at(pid) is None


def test_a_failed_command_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "x.log"
    with pytest.raises(SetupError) as failed:
        run(["sh", "-c", "echo first; echo reason; exit 3"], log=log)
    assert "exit code 3" in str(failed.value)
    assert "reason" in str(failed.value)
    assert str(log) in str(failed.value)


def test_a_long_command_shows_that_it_is_still_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before, a plugin's download printed nothing until its end."""
    monkeypatch.setattr("local.machine.steps.HEARTBEAT", 0.1)
    run(["sleep", "0.3"], log=tmp_path / "x.log", doing="running it")
    assert output(["sh", "-c", "sleep 0.3; echo answer; echo noise >&2"], doing="asking it") == "answer"
    assert output(["sleep", "20"], timeout=0.3) is None
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "    … running it: 0 s"
    assert "    … asking it: 0 s" in lines
    assert lines[-1] == "    … sleep: 0 s"


def test_a_short_command_that_fails_or_does_not_exist_has_no_answer() -> None:
    assert output(["sh", "-c", "echo half; exit 1"]) is None
    assert output(["/does/not/exist"]) is None


@pytest.mark.usefixtures("without_set_up")
def test_a_first_set_up_on_a_disk_that_would_fill_up_is_refused_before_anything_is_installed(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def install(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("local.setup.packages.ensure_packages", install)
    monkeypatch.setattr("local.setup.base.free_gigabytes", lambda _: NEEDED_GIGABYTES - 0.1)
    with pytest.raises(
        SetupError, match=rf"14\.9 GB are free at {layout.cache}, but {NEEDED_GIGABYTES} are needed"
    ):
        set_up(layout)
    assert f"{NEEDED_GIGABYTES} GB of free disk" in (PROJECT / "README.md").read_text()


@pytest.mark.parametrize(("code", "unmounted"), [(0, True), (32, False)], ids=["mounted", "not mounted"])
def test_the_data_of_an_own_engine_stays_no_mount_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, unmounted: bool
) -> None:
    """After a kill and a restart of the engine, `make down ALL=1` left a folder that can't be removed."""
    done = tmp_path / "done"
    scripts = {
        "iptables": "exit 1",
        "ip": "echo []",
        "mountpoint": f'[ "$*" = "--quiet {tmp_path}/data" ] && exit {code}',
        "umount": f'echo "$*" > {done}',
    }
    (tmp_path / "bin").mkdir()
    for name, script in scripts.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(own_engine, "as_root", lambda command: command)
    (tmp_path / "number").write_text("45")
    own_engine.remove_traces(tmp_path)
    assert done.exists() == unmounted
    assert not unmounted or done.read_text() == f"--recursive {tmp_path}/data\n"
    assert not (tmp_path / "number").exists()


@pytest.mark.parametrize(
    "before", ["127.0.0.1 localhost\n192.168.1.5 nas", "192.168.1.5 nas\n", "", "# caf\udce9\n"]
)
def test_a_last_line_of_etc_hosts_without_an_end_stays_a_line(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    """`nas` was lost, and registry.localhost got the address of that line."""
    hosts = tmp_path / "hosts"
    hosts.write_text(before, errors="surrogateescape")
    monkeypatch.setattr(certificates, "HOSTS", hosts)
    monkeypatch.setattr(certificates, "as_root", lambda command: command)
    for _ in range(2):
        certificates.ensure_name(read_layout())
    lines = [line for line in hosts.read_text(errors="surrogateescape").splitlines() if line]
    assert lines == [*before.splitlines(), "127.0.0.1 registry.localhost"]


def test_a_process_has_ended_if_its_number_is_free_or_is_another_ones() -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        machine = " ".join(this_process().split(" ")[:2])
        start = Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()[19]
        alive = f"{machine} {other.pid} {start}"
        assert not has_ended(alive)
        assert has_ended(f"{machine} {other.pid} 1")
        other.kill()
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert has_ended(alive), "nobody has asked for its exit code yet"
    assert has_ended(alive)
    assert not has_ended(ELSEWHERE)
    assert not has_ended("")
    assert has_ended(this_process()), "a process does one thing at a time"


def asked_by(user: int, port: int) -> Any:
    """The plugin's answer to a process of this user."""
    # Popen's option `user` would fork this process, which gRPC does not tolerate.
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    door = socket.create_server(("127.0.0.1", 0))
    with door, grpc.insecure_channel(f"127.0.0.1:{door.getsockname()[1]}") as channel:
        asked = provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo.future(empty_pb2.Empty())
        connection, _ = door.accept()
        with connection:
            shell = subprocess.Popen(
                [*become, "bash", "-c", PASS_ON.format(port=port)],
                stdin=connection.fileno(),
                stdout=connection.fileno(),
            )
        try:
            return asked.result(timeout=30)
        finally:
            shell.kill()
            shell.wait()


@pytest.mark.case(41)
@as_root
@with_shell
def test_a_call_of_another_users_process_is_refused(port: int) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        asked_by(NOBODY, port)
    refused: Any = raised.value
    assert refused.code() is grpc.StatusCode.PERMISSION_DENIED
    assert refused.details() == (
        "Another user's process called: this plugin answers those of its own user, and root's."
    )
    assert asked_by(0, port).version == "1.2.3"
