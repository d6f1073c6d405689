"""The stand-in docker plugin, as launched: one process for all hosts of a run, and none afterwards."""

import os
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from local.pulumi.plugins import launcher_text
from providers.docker import peers
from providers.servicer import to_struct
from tests.integration.engine_answers import EngineAnswers
from tests.unit.projects import PROJECT

VOLUME = "urn:pulumi:s::p::docker:index/volume:Volume::thing"
ENGINE = """\
import subprocess, sys, time
plugins = []
for _ in range(int(sys.argv[2])):
    plugin = subprocess.Popen([sys.argv[1], "127.0.0.1:1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True, process_group=0)
    plugins.append(plugin)
    print(plugin.pid, plugin.stdout.readline().strip(), flush=True)
sys.stdin.readline()
for plugin in plugins:
    plugin.kill()
    plugin.wait()
"""
"""Starts plugins like pulumi: each in its own process group, with a pipe as stdin. Kills them at the end."""


@dataclass
class Run:
    """A run of pulumi, with the (pid, port) of each plugin that it has started."""

    engine: "subprocess.Popen[str]"
    mark: str
    plugins: list[tuple[int, int]] = field(default_factory=list)

    def end(self) -> None:
        """End the run normally, as after its work."""
        assert self.engine.stdin is not None
        self.engine.stdin.close()
        assert self.engine.wait(timeout=10) == 0

    def processes(self) -> dict[int, str]:
        """Pid → command of all processes that were started in the run, except the engine."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (process / "environ").read_bytes():
                    found[int(process.name)] = (process / "cmdline").read_bytes().decode().replace("\0", " ")
            except OSError:
                continue  # the process has ended
        found.pop(self.engine.pid, None)
        return found

    def servers(self) -> list[int]:
        """Pids of the processes that serve hosts."""
        serving = re.compile(r"-m providers\.docker(\.shared)? ")
        return [pid for pid, command in self.processes().items() if serving.search(command)]


@pytest.fixture
def launcher(tmp_path: Path) -> Path:
    path = tmp_path / "pulumi-resource-docker"
    path.write_text(launcher_text())
    path.chmod(0o755)
    return path


@pytest.fixture
def start(launcher: Path) -> Iterator[Callable[[int], Run]]:
    """Return a function that starts a run with a number of plugins; no process outlives the test."""
    runs: list[Run] = []

    def started(hosts: int) -> Run:
        mark = f"run-{uuid.uuid4()}"
        engine = subprocess.Popen(
            [sys.executable, "-c", ENGINE, str(launcher), str(hosts)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "MARK": mark},
        )
        runs.append(run := Run(engine, mark))
        assert engine.stdout is not None
        for _ in range(hosts):
            pid, port = engine.stdout.readline().split()
            run.plugins.append((int(pid), int(port)))
        return run

    yield started
    for run in runs:
        with run.engine:
            run.engine.kill()
        for pid in run.processes():
            os.kill(pid, signal.SIGKILL)


def until(condition: Callable[[], bool], what: str, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not after {seconds} s"
        time.sleep(0.02)


def created(port: int, host: str) -> str:
    """A plugin's answer to a request to create a volume on a host."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        stub.Configure(provider_pb2.ConfigureRequest(args=to_struct({"host": host})), timeout=10)
        request = provider_pb2.CreateRequest(urn=VOLUME, properties=to_struct({"name": "v"}))
        try:
            return str(stub.Create(request, timeout=20).id)
        except grpc.RpcError as error:
            return str(error.details())


def test_the_hosts_of_a_run_share_one_process_and_keep_their_engines_apart(
    start: Callable[[int], Run], tmp_path: Path
) -> None:
    """With one process per host, each of them cost 30 MB and a third of a second."""
    run = start(3)
    assert len({port for _, port in run.plugins}) == 3
    assert len(run.servers()) == 1
    hosts = [f"unix://{tmp_path}/{number}.sock" for number in range(3)]
    for (_, port), host in zip(run.plugins, hosts, strict=True):
        assert f"no Docker engine answers at {host}:" in created(port, host)
    run.end()
    until(lambda: run.processes() == {}, "nothing is left")


def test_two_runs_have_separate_plugin_processes(start: Callable[[int], Run]) -> None:
    one, other = start(1), start(1)
    [first], [second] = one.servers(), other.servers()
    assert first != second
    one.end()
    until(lambda: one.processes() == {}, "nothing is left of the first")
    assert other.servers() == [second]


def test_a_plugin_that_is_killed_ends_alone(start: Callable[[int], Run], tmp_path: Path) -> None:
    run = start(2)
    (killed, port), (_, other) = run.plugins
    os.killpg(killed, signal.SIGKILL)
    until(lambda: not listens(port), "its port is closed")
    assert "no Docker engine answers" in created(other, f"unix://{tmp_path}/no.sock")
    run.end()
    until(lambda: run.processes() == {}, "nothing is left")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_an_engine_that_was_killed(
    start: Callable[[int], Run], number: signal.Signals
) -> None:
    run = start(3)
    run.engine.send_signal(number)
    until(lambda: run.processes() == {}, "nothing is left")


def test_a_server_that_is_killed_leaves_nothing_behind(start: Callable[[int], Run]) -> None:
    run = start(2)
    [server] = run.servers()
    os.kill(server, signal.SIGKILL)
    until(lambda: not listens(run.plugins[0][1]), "its ports are closed")
    run.end()
    assert run.processes() == {}


class SlowEngine(socketserver.ThreadingUnixStreamServer):
    """A Docker engine that answers late, and records its requests."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), Slow)
        self.asked: list[str] = []


class Slow(EngineAnswers):
    def get(self) -> None:
        self._answer({"ApiVersion": "1.41"})

    def post(self) -> None:
        self._answer({"Name": "v", "Driver": "local", "Mountpoint": "/v", "Labels": {}, "Options": {}})

    def _answer(self, answer: object) -> None:
        assert isinstance(self.server, SlowEngine)
        self.server.asked.append(f"{self.command} {self.path.rpartition('/')[2]}")
        time.sleep(1)
        self.answer(200, answer)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[SlowEngine]:
    engine = SlowEngine(tmp_path / "slow.sock")
    threading.Thread(target=engine.serve_forever, daemon=True).start()
    yield engine
    engine.shutdown()
    engine.server_close()


@pytest.mark.parametrize(
    ("killed", "asked"),
    [("the engine", ["GET version", "POST create"]), ("the plugins", ["GET version"])],
)
def test_a_plugin_completes_its_current_work_unless_the_engine_ends_the_plugin(
    start: Callable[[int], Run], slow: SlowEngine, killed: str, asked: list[str]
) -> None:
    """Work stops if the engine kills the plugin, not if the engine is killed, as with a process per host."""
    run = start(1)
    [(_, port)] = run.plugins
    threading.Thread(target=created, args=(port, f"unix://{slow.server_address}"), daemon=True).start()
    until(lambda: slow.asked == ["GET version"], "the engine is asked")
    if killed == "the engine":
        run.engine.kill()
    else:
        run.end()
    until(lambda: run.processes() == {}, "nothing is left")
    time.sleep(1.2)
    assert slow.asked[: len(asked)] == asked
    assert ("POST create" in slow.asked) == ("POST create" in asked)


def test_many_plugins_that_start_at_once_share_one_process(launcher: Path) -> None:
    mark = f"run-{uuid.uuid4()}"
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "env": {**os.environ, "MARK": mark}}
    command = [str(launcher), "127.0.0.1:1"]
    plugins = [subprocess.Popen(command, text=True, **options) for _ in range(12)]  # type: ignore[call-overload] # options of different types
    try:
        assert len({plugin.stdout.readline() for plugin in plugins}) == 12
        run = Run(plugins[0], mark)
        assert len(run.servers()) == 1
    finally:
        for plugin in plugins:
            plugin.kill()
            plugin.communicate()
    until(lambda: run.processes() == {}, "nothing is left")


def test_a_server_that_does_not_start_is_replaced_by_a_process_that_says_why(
    launcher: Path, tmp_path: Path
) -> None:
    launcher.write_text(launcher.read_text().replace(f"PYTHONPATH={PROJECT} ", f"PYTHONPATH={tmp_path} "))
    done = subprocess.run(
        [launcher, "127.0.0.1:1"], input="", capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode != 0
    assert "No module named 'providers'" in done.stderr.replace('"', "'")


def test_a_plugin_without_a_holder_is_a_separate_process(launcher: Path) -> None:
    """If a plugin is started by hand or by a debugger, its stdin is not a pipe from an engine."""
    with subprocess.Popen(
        [launcher, "127.0.0.1:1"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as plugin:
        assert plugin.stdout is not None
        assert plugin.stdout.readline().strip().isdigit()
        command = Path(f"/proc/{plugin.pid}/cmdline").read_text().replace("\0", " ")
        plugin.kill()
    assert "-m providers.docker 127.0.0.1:1" in command


@pytest.mark.case(41)
def test_another_users_process_is_not_a_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that another user runs under the run's name is not asked for a port."""
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert peers.is_own(one)
        monkeypatch.setattr(os, "getuid", lambda: 12345)
        assert not peers.is_own(one)
