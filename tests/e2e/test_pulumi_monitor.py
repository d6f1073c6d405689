"""A real `pulumi up`, to which processes of another user connect: to Pulumi's monitor, and to our plugin."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2_grpc, resource_pb2, resource_pb2_grpc

from local.machine.tools import PULUMI, tool_path
from tests.e2e.loopback import command_of, listening
from tests.e2e.machine import Machine
from tests.unit.projects import PROJECT
from tests.unit.test_callers import NOBODY, PASS_ON, as_root, with_shell

PROGRAM = """\
import asyncio, os
import pulumi

async def waited():
    while not os.path.exists("may-end"):
        await asyncio.sleep(0.05)

pulumi.ProviderResource("skycoin", "plugin", {})
pulumi.export("waited", waited())
"""
"""Starts our plugin, and then waits for the test."""


@dataclass
class Update:
    """A running `pulumi up`."""

    folder: Path
    env: dict[str, str]
    process: "subprocess.Popen[str]"

    def end(self) -> str:
        """Let the program end; return the output."""
        (self.folder / "may-end").touch()
        output, _ = self.process.communicate(timeout=120)
        return output

    def resources(self) -> list[dict[str, Any]]:
        """Resources in the state."""
        done = subprocess.run(
            ["pulumi", "stack", "export", "--stack", "test"],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            check=True,
        )
        found: list[dict[str, Any]] = json.loads(done.stdout)["deployment"]["resources"]
        return found


@pytest.fixture
def update(up: Machine, tmp_path: Path) -> Iterator[Update]:
    cli = tool_path(up.layout, PULUMI)
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "__main__.py").write_text(PROGRAM)
    plugins = {"providers": [{"name": "skycoin", "path": str(PROJECT / "providers" / "skycoin")}]}
    (folder / "Pulumi.yaml").write_text(json.dumps({"name": "test", "runtime": "python", "plugins": plugins}))
    (tmp_path / "backend").mkdir()
    env = {
        "HOME": str(tmp_path),
        "PATH": f"{cli.parent}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "PULUMI_HOME": str(tmp_path / "pulumi"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/backend",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_OPTION_SKIP_PLUGIN_PRE_INSTALL": "true",
    }
    subprocess.run(["pulumi", "stack", "init", "test"], cwd=folder, env=env, check=True, capture_output=True)
    with subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", "test"],
        cwd=folder,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            yield Update(folder, env, process)
        finally:
            process.kill()


def below(parent: int) -> set[int]:
    """Pids of a process and of all that it has started."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(") ")[2].split()[1])
        except OSError:  # it has ended
            continue
    found = {parent}
    while more := {pid for pid, above in parents.items() if above in found} - found:
        found |= more
    return found


def ports(update: Update) -> tuple[int, int]:
    """Ports of Pulumi's monitor and of our plugin, once both are there.

    Any user can read them: the monitor's in the command line of the program, all in /proc/net/tcp.
    """
    until = time.monotonic() + 90
    while time.monotonic() < until:
        assert update.process.poll() is None, update.end()
        known = below(update.process.pid)
        commands = [command_of(pid).split() for pid in known]
        monitor = [words[words.index("--monitor") + 1] for words in commands if "--monitor" in words]
        own = [one.port for one in listening() if one.pid in known and "providers.skycoin" in one.command]
        if monitor and own:
            return int(monitor[0].rpartition(":")[2]), own[0]
        time.sleep(0.1)
    raise AssertionError([command_of(pid) for pid in below(update.process.pid)])


class Passage:
    """A channel to a port of loopback, through a process of a user without rights."""

    def __init__(self, port: int) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self._door.getsockname()[1]}")
        # Popen's option `user` would fork this process, which gRPC does not tolerate.
        become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        grpc.channel_ready_future(self.channel)
        connection, _ = self._door.accept()
        with connection:
            self._shell = subprocess.Popen(
                [*become, "bash", "-c", PASS_ON.format(port=port)],
                stdin=connection.fileno(),
                stdout=connection.fileno(),
            )

    def __enter__(self) -> grpc.Channel:
        return self.channel

    def __exit__(self, *_: object) -> None:
        self.channel.close()
        self._door.close()
        self._shell.kill()
        self._shell.wait()


@pytest.mark.case(41)
@as_root
@with_shell
def test_known_limit_while_pulumi_runs_another_users_process_creates_a_resource_but_calls_no_plugin_of_ours(
    update: Update,
) -> None:
    """Pulumi's own monitor answers everybody on loopback. (SECURITY.md, “Not defended”.)"""
    monitor, plugin = ports(update)
    with Passage(plugin) as channel, pytest.raises(grpc.RpcError) as refused:
        provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(empty_pb2.Empty(), timeout=30)
    error: Any = refused.value
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    with Passage(monitor) as channel:
        request = resource_pb2.RegisterResourceRequest(type="foreign:index:Thing", name="foreign")
        resource_pb2_grpc.ResourceMonitorStub(channel).RegisterResource(request, timeout=30)
    said = update.end()
    assert update.process.returncode == 0, said
    assert "foreign:index:Thing" in [resource["type"] for resource in update.resources()]
