"""`make down`: stops what `make up` runs; with ALL=1, removes its containers, registry, keys and layers."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from catalogue.naming import previous_container
from catalogue.node_container import GRACE
from clients.engine import MISSING, NOT_REACHED, stop_container, stop_set_aside
from clients.pulumi import NODE_CONTAINER, containers
from clients.silent_engines import is_off
from local.builds.network import remove_build_network
from local.engines import own_engine
from local.machine import services
from local.machine.layout import EngineChoice, Layout
from local.machine.steps import SetupError, as_root, run, step
from local.pulumi.cli import known_environment
from local.pulumi.command import pulumi
from local.registry.login import remove_login
from local.setup import set_up
from local.stacks.states import own_stacks, require_unlocked, resources

MADE = ["build-network", "certificates", "logs", "pulumi", "registry", "stacks"]
"""Folders in the state folder that `make down ALL=1` removes whole."""

MADE_FILES = [
    *("build-network.conflist", "buildkitd.toml", "pulumi-resource-docker", "registry.yml"),
    *("registry-password", "htpasswd", "bases.json"),
]

SERVICES = ("dockerd", "buildkitd", "registry")


def down(layout: Layout, arguments: argparse.Namespace) -> int:
    """Stop the nodes and workspaces of this machine's own stacks, and the set-up's services.

    With --all, also remove containers, the registry's data, its keys and the builder's layers; `_remove`
    prints what stays.

    Raises SetupError, with nothing changed, if pulumi is running, because its update could start a node
    again; and at the end if a host was not reached. Returns pulumi's exit code if a destroy fails.
    """
    env, failed = known_environment(layout), list[str]()
    for stack in own_stacks(layout):
        require_unlocked(layout, stack)
    if arguments.all:
        # Stopped services are started first: nodes can't be removed from a stopped engine.
        env = set_up(layout)
        for stack in own_stacks(layout):
            code = pulumi(
                ["destroy", "--exclude-protected", "--yes", "--stack", stack], env, layout.update_log
            )
            if code:
                return code
    else:
        for stack in own_stacks(layout):
            failed += _stop(layout, stack, env)
    for name in SERVICES:
        with step(f"service {name}") as this:
            this.found = "stopped" if _stop_service(layout, name) else "was not running"
    if arguments.all:
        remove_build_network(layout)
        _remove(layout)
    else:
        print("`make up` starts services and node again.")
    if failed:
        raise SetupError(
            f"Not stopped: {', '.join(failed)}, because no engine answered. Run this again when it does, or "
            "`docker stop -t 60 NAME` there. The rest was stopped."
        )
    return 0


def _stop_service(layout: Layout, name: str) -> bool:
    """Stop one service, or an own engine with all of its containers. Returns True if it was running."""
    if name == own_engine.NAME and layout.engine is EngineChoice.OWN:
        return own_engine.stop(layout, name, own_engine.own_folder(layout))
    return services.stop(layout, name)


def _stop(layout: Layout, stack: str, env: Mapping[str, str]) -> list[str]:
    """Stop all containers of a stack on their hosts' engines, with each container's stop signal.

    Returns those whose engine was not reached. An engine of this machine that does not run is passed over.
    """
    failed, state = list[str](), resources(layout, stack)
    wallets = {
        node["inputs"]["name"]: node["inputs"].get("wallet", "")
        for node in state
        if node["type"] == NODE_CONTAINER
    }
    for name, provider in containers(state):
        engine = {**provider, "host": provider.get("host") or env["DOCKER_HOST"]}
        with step(subject := f"container {name} on {engine['host']}") as this:
            this.found = "its engine does not run"
            if is_off(engine["host"]):
                continue
            this.found = stop_container(name, engine, GRACE)
            if this.found.startswith(NOT_REACHED):
                failed.append(subject)
            elif name in wallets:
                # A killed `up` may have left the previous container, which starts when its host boots.
                aside = stop_set_aside(previous_container(name), wallets[name], engine, GRACE)
                if aside != MISSING:
                    this.found += f"; {previous_container(name)}, of an interrupted update: {aside}"
    return failed


def _remove(layout: Layout) -> None:
    """Remove what `make up` created, by name: other files in these folders belong to others."""
    with step("what make up created") as this:
        logins = remove_login(layout)
        for name in MADE:
            _delete(layout.state / name)
        own_engine.remove_traces(own_engine.own_folder(layout))
        for name in MADE_FILES:
            (layout.state / name).unlink(missing_ok=True)
        _delete(Path("/etc/docker/certs.d") / layout.registry)
        delete_builders(layout.builder_root)
        # Last: without it a second attempt would find no set-up.
        layout.environment.unlink(missing_ok=True)
        this.found = (
            f"removed, except Debian packages, a Docker engine of Debian's and its data, built tools in "
            f"{layout.cache}, the line in /etc/hosts, the kernel's binfmt handlers and net.ipv4.ip_forward, "
            f"wallet, data and home volumes in the engine, and, in {layout.state}, their states, the "
            "passphrase, copies of the stacks' files and the records of backups"
        )
        if logins:
            this.found += f", and the logins of {', '.join(logins)} in {layout.docker_config}"


def delete_builders(root: Path) -> None:
    """Remove BuildKit's files from its root, by name (moby/buildkit, cmd/buildkitd), and an empty root.

    The database identifies such a root, because BuildKit removes its lock when it stops. Only root can read
    the folder.
    """
    if root.is_dir():
        script = (
            '[ ! -e "$1/cache.db" ] || { cd "$1" '
            # Network namespaces of build steps, which a killed builder leaves mounted.
            "&& { umount net/cni/* 2>/dev/null || true; } "
            "&& rm -rf --one-file-system runc-* net/cni history.db buildkitd.lock && rm cache.db "
            "&& { [ ! -d net ] || rmdir --ignore-fail-on-non-empty net; } "
            '&& rmdir --ignore-fail-on-non-empty "$1"; }'
        )
        run(as_root(["sh", "-c", script, "sh", str(root)]), log=Path("/dev/null"))


def _delete(path: Path) -> None:
    if path.is_dir():
        run(as_root(["rm", "-rf", "--one-file-system", str(path)]), log=Path("/dev/null"))
