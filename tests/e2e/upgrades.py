"""Previews of today's program over a state of an earlier version, by Pulumi's real engine and plugins.

Every preview has its own copy of the checkout and its own file backend. The builder's plugin is replaced by
one that builds nothing (tests/e2e/frozen_builds.py). No Docker engine, builder or registry answers: a preview
without a refresh asks only hosts, and the facts of one that does not answer are unknown.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.buildx import VERSION as DOCKER_BUILD_VERSION
from local.machine.layout import PROJECT
from local.machine.tools import find_go
from local.pulumi.cli import ensure_cli, environment
from local.pulumi.plugins import PLUGINS
from tests.e2e.layouts import layout_in
from tests.e2e.machine import clean_environment, copy_checkout
from tests.law import summary

FROZEN = {
    f"docker-v{PLUGINS['docker']}": "providers.docker",
    f"docker-build-v{DOCKER_BUILD_VERSION}": "tests.e2e.frozen_builds",
}
"""Plugin with its version → the Python module that serves it."""

PORT = 15446
"""Port of a registry that does not exist."""
ENGINE = "unix:///state/engine/docker.sock"
"""Address of the set-up's engine in recorded states; no engine answers there."""


@dataclass(frozen=True, slots=True)
class Previewed:
    """Result of a preview, and the deployment that it was run over."""

    code: int
    state: dict[str, Any]
    said: dict[str, Any]
    text: str
    """Every step and message, as text for people."""


def make_pulumi(folder: Path, plugins: Mapping[str, str] = FROZEN) -> dict[str, str]:
    """Install the plugins into a folder; return an environment in which pulumi uses only these."""
    folder.mkdir()
    for name, module in plugins.items():
        plugin = folder / "pulumi" / "plugins" / f"resource-{name}"
        plugin.mkdir(parents=True)
        launcher = plugin / f"pulumi-resource-{name.rpartition('-v')[0]}"
        launcher.write_text(f'#!/bin/sh\nPYTHONPATH="{PROJECT}" exec "{sys.executable}" -m {module} "$@"\n')
        launcher.chmod(0o755)
    layout = layout_in(folder, PORT)
    env = environment(layout, ensure_cli(layout, find_go(layout)), ENGINE)
    return {**clean_environment(), **env, "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}


def made_stack(
    folder: Path, env: dict[str, str], state: dict[str, Any], settings: str, stack: str
) -> dict[str, str]:
    """Put a deployment into a new backend, next to a copy of the checkout; return the environment for it."""
    copy_checkout(folder / "checkout")
    (folder / "checkout" / "stacks" / f"Pulumi.{stack}.yaml").write_text(settings)
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "backend").mkdir()
    env = {**env, "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}"}
    for command in (["init", stack], ["import", "--stack", stack, "--file", str(folder / "state.json")]):
        ready = run_in(folder, env, "pulumi", "stack", *command, "--non-interactive", "--color", "never")
        assert ready.returncode == 0, ready.stdout + ready.stderr
    return env


def run_in(folder: Path, env: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the copy of the checkout."""
    return subprocess.run(
        command,
        cwd=folder / "checkout",
        env=env,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )


def preview(folder: Path, env: dict[str, str], state: dict[str, Any], settings: str, stack: str) -> Previewed:
    """Preview today's program over a deployment, without a refresh."""
    env = made_stack(folder, env, state, settings, stack)
    plain = ("--non-interactive", "--color", "never")
    done = run_in(folder, env, "pulumi", "preview", "--stack", stack, "--json", "--show-sames", *plain)
    said = json.loads(done.stdout) if done.stdout.startswith("{") else {}
    return Previewed(done.returncode, state["deployment"], said, f"{summary(said)}\n{done.stderr}")
