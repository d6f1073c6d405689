"""A machine for the tests: a copy of this checkout with its own state, ports, engine and builder.

It shares nothing with the set-up of `make up` except the cache of built tools. It is always in the same
folder, so that a run finds and stops whatever a killed run left.
"""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.builds.network import remove_build_network
from local.engines import own_engine
from local.machine import services
from local.machine.layout import PROJECT, Layout, read_layout
from local.machine.steps import output
from tests.e2e.boards import end_boards
from tests.e2e.layouts import CACHE

HOME = Path(os.environ.get("SKYCOIN_TEST_HOME", CACHE / "test"))
RPC_PORT = 16420
SETTINGS = {
    "SKYCOIN_STATE": str(HOME / "state"),
    "SKYCOIN_BUILDER_ROOT": str(HOME / "buildkit"),
    "SKYCOIN_REGISTRY_PORT": "15443",
    "SKYCOIN_ENGINE": "own",
    "VENV": str(PROJECT / ".venv"),
}
SERVICES = ("prometheus", "hosted", "tokens", "builder-2", "buildkitd", "registry")
ENGINES = {own_engine.NAME: "engine"}
"""Name of an engine's service → its folder in the state."""


@dataclass(frozen=True, slots=True)
class Result:
    """Result of a command: exit code, and standard output and error as one text."""

    code: int
    text: str

    @property
    def changed_nothing(self) -> bool:
        """True if an `up` in it found all resources as they should be."""
        return re.search(r"• pulumi up\n(?: +….*\n)*    \d+ unchanged \(\d", self.text) is not None


def finished(
    argv: Sequence[str], env: Mapping[str, str], timeout: float, named: str, cwd: Path | None = None
) -> Result:
    """Run a command to its end; a timeout fails with its output, and names it."""
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env=env,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        said = (error.output or b"").decode(errors="replace")
        pytest.fail(f"`{named}` has run for {timeout:.0f} s:\n{said}")
    return Result(done.returncode, done.stdout)


@dataclass(frozen=True, slots=True)
class Machine:
    """A checkout and its set-up; commands run in it as a user would type them."""

    checkout: Path
    layout: Layout

    def run(self, *argv: str, env: dict[str, str] | None = None, timeout: float = 1800) -> Result:
        """Run a command in the checkout, with the set-up's settings; a timeout fails with its output."""
        whole = {**clean_environment(), **SETTINGS, **(env or {})}
        return finished(argv, whole, timeout, " ".join(argv), cwd=self.checkout)

    def started(self, *argv: str, env: dict[str, str] | None = None) -> "subprocess.Popen[bytes]":
        """Start a command in the checkout as a process group; `skyinfra` needs `environment()`."""
        return subprocess.Popen(
            argv,
            cwd=self.checkout,
            env={**clean_environment(), **SETTINGS, **(env or {})},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def pipe(self, *argv: str, given: bytes = b"") -> bytes:
        """Run a command, which must succeed, with `given` as its input; return its output as bytes."""
        env = {**clean_environment(), **SETTINGS, **self.environment()}
        return subprocess.run(argv, env=env, input=given, capture_output=True, check=True, timeout=300).stdout

    def make(self, *targets: str, timeout: float = 1800) -> Result:
        """Run make in the checkout."""
        return self.run("make", "--no-print-directory", *targets, timeout=timeout)

    def skyinfra(self, *arguments: str) -> Result:
        """Run `./skyinfra` in the environment of `make -s env`."""
        return self.run("./skyinfra", *arguments, env=self.environment())

    def environment(self) -> dict[str, str]:
        """Variables that `make -s env` exports."""
        env: dict[str, str] = json.loads((self.layout.state / "environment.json").read_text())
        return env

    def pulumi(self, *arguments: str) -> Result:
        """Run plain pulumi in the environment of `make -s env`."""
        return self.run("pulumi", *arguments, "--non-interactive", env=self.environment())

    def interrupted_up(
        self, stack: str, moment: Callable[[str], bool], end: "Callable[[subprocess.Popen[bytes]], None]"
    ) -> Result:
        """Run plain `pulumi up`, and call `end` with it once `moment` is true of its output."""
        log = self.layout.logs / "interrupted.log"
        command = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", stack]
        env = {**clean_environment(), **SETTINGS, **self.environment()}
        with (
            log.open("w") as file,
            subprocess.Popen(command, cwd=self.checkout, env=env, stdout=file, stderr=file) as process,
        ):
            deadline = time.monotonic() + 180
            while not moment(log.read_text()):
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            end(process)
            code = process.wait(timeout=180)
        return Result(code, log.read_text())

    def lend_login(self, patch: pytest.MonkeyPatch) -> None:
        """Let the test process itself use registries with the set-up's CA and login."""
        patch.setenv("SSL_CERT_FILE", str(self.layout.trust))
        patch.setenv("DOCKER_CONFIG", str(self.layout.docker_config))

    def docker(self, *arguments: str, env: dict[str, str] | None = None) -> Result:
        """Run the docker command against the set-up's engine."""
        return self.run("docker", *arguments, env={**self.environment(), **(env or {})})

    def inspect(self, kind: str, name: str) -> Any:
        """Inspect an object of the set-up's engine."""
        result = self.docker(kind, "inspect", name)
        assert result.code == 0, result.text
        return json.loads(result.text)[0]

    def copies(self, node: str) -> int:
        """Number of copies of a node's wallet on the set-up's engine."""
        place = Path(self.inspect("volume", f"{node}-wallet-backups")["Mountpoint"])
        return len([path for path in place.iterdir() if path.is_dir()])

    def containers_with(self, volume: str) -> list[str]:
        """Names of all containers with a volume, running or not."""
        listed = self.docker("ps", "-a", "--filter", f"volume={volume}", "--format", "{{.Names}}")
        return sorted(listed.text.split())

    def outputs(self) -> Any:
        """Outputs of the stack `local`."""
        result = self.pulumi("stack", "output", "--json", "--stack", "local")
        assert result.code == 0, result.text
        return json.loads(result.text)

    def settings(self) -> dict[str, Any]:
        """Configuration in the stack file."""
        config: dict[str, Any] = yaml.safe_load(self.stack_file.read_text())["config"]
        return config

    def change(self, config: dict[str, Any]) -> None:
        """Write a new configuration into the stack file; the salt stays."""
        whole = yaml.safe_load(self.stack_file.read_text())
        self.stack_file.write_text(yaml.safe_dump({**whole, "config": config}, sort_keys=False))

    @contextmanager
    def another_node(self, name: str, rpc_port: int) -> Iterator[None]:
        """Add a node on this machine's engine, and retire it at the end."""
        before = self.settings()
        node = {"image": "skycoin", "host": "here", "rpc-port": rpc_port}
        self.change({**before, "skycoin:nodes": {**before["skycoin:nodes"], name: node}})
        result = self.make("up")
        assert result.code == 0, result.text
        yield
        self.change(before)
        assert self.make("retire", f"NODE={name}").code == 0

    @property
    def stack_file(self) -> Path:
        """Path of the settings of the stack `local` in the copied checkout."""
        return self.checkout / "stacks" / "Pulumi.local.yaml"


def clean_environment() -> dict[str, str]:
    """The environment without variables that could lead to the user's own set-up."""
    leaks = ("PULUMI_", "SKYCOIN_", "DOCKER_", "BUILDX_", "MAKE", "MFLAGS", "PYTEST")
    return {name: value for name, value in os.environ.items() if not name.startswith(leaks)}


def _end_engines(layout: Layout) -> None:
    """Stop the tests' engines with all that they run, and remove their bridges and rules."""
    for name, folder in ENGINES.items():
        own_engine.stop(layout, name, layout.state / folder)
        own_engine.remove_traces(layout.state / folder)


def _end_leftovers(layout: Layout) -> None:
    end_boards(layout.state)
    _end_engines(layout)
    for name in SERVICES:
        services.stop(layout, name, patience=30)
    _remove_build_networks(layout)


def _remove_build_networks(layout: Layout) -> None:
    """Remove the build network of every set-up under HOME, including those that tests have moved."""
    listed = output(["ip", "-j", "link"]) or "[]"  # iproute2 may not be installed yet
    for owner in (Path(link.get("ifalias", "")) for link in json.loads(listed)):
        if owner.is_relative_to(HOME):
            remove_build_network(replace(layout, state=owner))


def _unmount(folder: Path) -> None:
    """Unmount everything below a folder: a killed engine leaves mounts, which can't be deleted."""
    points = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for point in sorted((point for point in points if point.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", point], check=True)


def make_machine() -> Machine:
    """Create a fresh machine in the fixed folder; keep the builder's cache of earlier runs."""
    os.environ.update({name: value for name, value in SETTINGS.items() if name.startswith("SKYCOIN_")})
    layout = read_layout()
    _end_leftovers(layout)
    checkout = HOME / "checkout"
    _unmount(layout.state)
    for folder in (checkout, layout.state):
        subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], check=True)
    copy_checkout(checkout)
    machine = Machine(checkout, layout)
    example = (checkout / "stacks" / "local.example.yaml").read_text()
    machine.stack_file.write_text(example.replace("rpc-port: 6420", f"rpc-port: {RPC_PORT}"))
    return machine


def end_machine(machine: Machine) -> None:
    """Stop everything that the machine runs; its folder stays for inspection until the next run."""
    _end_leftovers(machine.layout)


def copy_checkout(target: Path) -> None:
    """Copy all files that git tracks or would track, into a separate git repository."""
    listed = subprocess.run(
        ["git", "-C", str(PROJECT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, target / name)
    author = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"]
    for command in (["init", "-q"], ["add", "-A"], [*author, "commit", "-q", "-m", "copy"]):
        subprocess.run(["git", "-C", str(target), *command], check=True)
