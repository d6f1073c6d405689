"""Removal of a node from its stack: its container and network are removed, its volumes stay."""

from collections.abc import Sequence

import click

from catalogue.exit_codes import FAILED, INTERRUPTED
from clients.deployed_nodes import DeployedNode
from clients.pulumi import drop_dependencies, waiting_nodes
from commands.backend import Backend
from local.pulumi.command import pulumi


def take_out(deployed: DeployedNode, backend: Backend) -> int:
    """Destroy a node's container and network; return pulumi's exit code.

    If this fails or is interrupted, the wallet is protected again.
    """
    _let_go(deployed, backend)
    options = ["--yes", "--stack", deployed.stack]
    targets = targets_of(deployed.urns)
    tried, code = list[str](), FAILED
    try:
        for urn in deployed.protected:
            tried.append(urn)  # first, because an interrupted `unprotect` may still have taken effect
            if code := pulumi(["state", "unprotect", urn, *options], backend.env, backend.update_log):
                return code
        code = FAILED  # if pulumi can't be started
        code = pulumi(["destroy", "--suppress-outputs", *options, *targets], backend.env, backend.update_log)
    except KeyboardInterrupt:
        code = INTERRUPTED
        raise
    finally:
        for urn in tried if code else ():
            _protect(urn, deployed.stack, backend)
    return code


def forget(deployed: DeployedNode, backend: Backend) -> int:
    """Remove a node from the state without asking its host; return pulumi's exit code."""
    _let_go(deployed, backend)
    options = ["--force", "--yes", "--stack", deployed.stack]
    for urn in reversed(deployed.urns):
        if code := pulumi(["state", "delete", urn, *options], backend.env, backend.update_log):
            return code
    return 0


def targets_of(urns: Sequence[str]) -> list[str]:
    """Options with which pulumi updates only these resources."""
    return [part for urn in urns for part in ("--target", urn)]


def _let_go(deployed: DeployedNode, backend: Backend) -> None:
    if waiting_nodes(backend.resources(deployed.stack), deployed.urns):
        drop_dependencies(deployed.stack, deployed.urns)


def _protect(urn: str, stack: str, backend: Backend) -> None:
    """Protect a wallet again, or print how; a second Ctrl-C ends this, but not the protection of others."""
    options = ["--yes", "--stack", stack]
    try:
        code = pulumi(["state", "protect", urn, *options], backend.env, backend.update_log)
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code:
        command = f"pulumi state protect '{urn}' --stack {stack}"
        click.echo(f"A wallet may be unprotected now. If the state still has it: `{command}`", err=True)
