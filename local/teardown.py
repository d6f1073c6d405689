"""Stopping and removing what `make up` made. Wallet volumes are in none of these lists."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from docker import DockerClient
from docker.errors import DockerException, NotFound

from local import services
from local.layout import Layout
from local.pulumi_cli import STACK, known_environment, pulumi, stack_outputs
from local.steps import as_root, run, step

SERVICES = ("dockerd", "buildkitd", "registry")
GRACE = 60
"""Seconds that a node gets after SIGINT: components/node.py."""


def down(layout: Layout, arguments: argparse.Namespace) -> int:
    """Stop nodes (SIGINT, grace) and services. With --all also remove what `make up` made."""
    env = known_environment(layout)
    if arguments.all:
        code = pulumi(["destroy", "--exclude-protected", "--run-program", "--yes", "--stack", STACK], env)
        if code:
            return code
    else:
        _stop_nodes(env)
    for name in SERVICES:
        with step(f"service {name}") as this:
            this.found = "stopped" if services.stop(layout, name) else "was not running"
    if arguments.all:
        _remove(layout)
    return 0


def _stop_nodes(env: Mapping[str, str]) -> None:
    for name, node in stack_outputs(env).get("nodes", {}).items():
        with step(f"node {name}") as this:
            try:
                client = DockerClient(base_url=env["DOCKER_HOST"], timeout=GRACE + 30)
                # The container's own stop signal, SIGINT.
                client.containers.get(node["container"]).stop(timeout=GRACE)
                this.found = "stopped"
            except NotFound:
                this.found = "has no container"
            except DockerException as error:
                this.found = f"not reached: {error}"


def _remove(layout: Layout) -> None:
    """State, registry data and builder cache go; the engine's volumes and Pulumi's state of them stay."""
    kept = {"backend", "passphrase", "engine"}
    with step("what make up made") as this:
        for path in sorted(layout.state.iterdir()):
            if path.name not in kept:
                _delete(path)
        _delete(layout.builder_root)
        _delete(Path("/etc/docker/certs.d") / layout.registry)
        this.found = (
            f"removed, but: Debian packages, built tools in {layout.cache}, the line in /etc/hosts, "
            f"wallet and data volumes in the engine, and {layout.state}/backend, which knows them"
        )


def _delete(path: Path) -> None:
    if path.is_dir():
        run(as_root(["rm", "-rf", "--one-file-system", str(path)]), log=Path("/dev/null"))
    else:
        path.unlink(missing_ok=True)
