"""`skyinfra setup rotate`: new keys for a set-up while its nodes keep running."""

import os
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from clients.deployed_nodes import DeployedNode, nodes_of
from local.builds.builder import builder_service
from local.machine.layout import Layout
from local.machine.services import Service, running_pid, start
from local.machine.steps import SetupError
from local.machine.tools import BUILDKIT, REGISTRY, Tool, ensure_tool, find_go
from local.pulumi.cli import known_environment
from local.registry.certificates import ensure_certificates, ensure_engine_trust, renew_certificates
from local.registry.login import ensure_login, renew_login
from local.registry.server import registry_service
from local.stacks.lock import exclusive
from local.stacks.lost_passphrase import refuse_without
from local.stacks.passphrase_rotation import rotate_passphrase
from local.stacks.states import all_stacks, require_unlocked, resources
from wallets.errors import WalletError
from wallets.login import renew_password, shown_login


class Key(StrEnum):
    """A key that a set-up has generated for itself."""

    PASSPHRASE = "passphrase"  # noqa: S105 its name
    """Passphrase of the secrets in Pulumi's states and the stacks' files."""
    LOGIN = "login"
    """Login of the local registry."""
    CA = "ca"
    """Authority and certificate of the local registry."""
    GUI = "gui"
    """Passwords of the nodes' web interfaces."""


def rotate(layout: Layout, key: Key) -> None:
    """Replace one key; for `gui`, every password.

    Raises UserError, also after a replacement: if a service does not restart, or another password can't be
    replaced.
    """
    known_environment(layout)  # raises if there is no set-up
    with exclusive(layout, f"skyinfra setup rotate {key}"):
        env = known_environment(layout)
        for stack in all_stacks(layout):
            require_unlocked(layout, stack)
        match key:
            case Key.PASSPHRASE:
                _rotate_passphrase(layout, env)
            case Key.LOGIN:
                _rotate_login(layout)
            case Key.CA:
                _rotate_ca(layout)
            case Key.GUI:
                _rotate_gui(layout, env)


def _rotate_passphrase(layout: Layout, env: Mapping[str, str]) -> None:
    refuse_without(env)
    os.environ["PATH"] = env["PATH"]
    rotate_passphrase(layout, env)


def _rotate_login(layout: Layout) -> None:
    renew_login(layout)
    _restart_running(layout)


def _rotate_ca(layout: Layout) -> None:
    ensure_login(layout)  # a registry of an earlier version has none yet, and requires one once restarted
    renew_certificates(layout)
    ensure_certificates(layout)
    ensure_engine_trust(layout)
    _restart_running(layout)


def _rotate_gui(layout: Layout, env: Mapping[str, str]) -> None:
    os.environ.update(env)  # nodes on the set-up's own engine are reached through it
    states = {stack: resources(layout, stack) for stack in all_stacks(layout)}
    nodes = [
        node for stack, state in states.items() for node in nodes_of(stack, state).values() if node.proxy
    ]
    if not nodes:
        raise SetupError("No node of this set-up has a web interface: `gui: true` on a node enables it.")
    for node in nodes:
        shown_login(node)  # all hosts must answer before any password is changed
    _renew_passwords(nodes)


def _renew_passwords(nodes: Sequence[DeployedNode]) -> None:
    """Give each web interface a new password. If one fails, raises SetupError that lists all results."""
    changed, failures = list[str](), list[str]()
    for node in nodes:
        name = f"{node.name} (stack {node.stack})"
        try:
            renew_password(node)
        except WalletError as error:
            failures.append(f"{name}: {str(error).rstrip('.')}")
        else:
            changed.append(name)
    if failures:
        raise SetupError(
            f"New passwords: {', '.join(changed) or 'none'}. Failed: {'; '.join(failures)}. "
            "`./skyinfra node password NODE -s STACK` shows the password that a node has now; run this again "
            "for a new one on every node."
        )


def _restart_running(layout: Layout) -> None:
    """Restart running services that read a key; a stopped one reads it at the next `make up`."""
    services: Mapping[str, tuple[Tool, Callable[..., Service]]] = {
        "registry": (REGISTRY, registry_service),
        "buildkitd": (BUILDKIT, builder_service),
    }
    running = {name: made for name, made in services.items() if running_pid(layout, name) is not None}
    go = find_go(layout) if running else ""
    for tool, service in running.values():
        start(layout, service(layout, ensure_tool(layout, go, tool)))
