"""Record of a node's wallets in the state of its stack, and what its preflight found."""

from typing import Any

import click

from catalogue.exit_codes import FAILED
from clients.deployed_nodes import DeployedNode
from commands.backend import Backend
from local.pulumi.command import pulumi
from local.stacks.files import copied_stack_file, is_own
from providers.skycoin.wallet_identity import ACCEPTED, FAULT, KEPT_OUT


def preflight_outputs(backend: Backend, stack: str, deployed: DeployedNode) -> dict[str, Any]:
    """Outputs of the node's preflight in the state."""
    resources = backend.resources(stack)
    preflight = next(resource for resource in resources if resource["urn"] == deployed.preflight)
    return preflight.get("outputs") or {}


def record_wallets(backend: Backend, stack: str, deployed: DeployedNode, fingerprint: str) -> int:
    """Record the wallets with this fingerprint in the state and on the host; return the exit code."""
    env = {**backend.env, ACCEPTED: fingerprint}
    with copied_stack_file(stack) as options:
        own = [] if is_own(stack) else options
        target = ["refresh", "--yes", "--skip-preview", "--target", deployed.preflight, "--stack", stack]
        if pulumi([*target, *own], env, backend.update_log):
            again = f"`{deployed.wallet_command('accept', fingerprint)}`"
            click.echo(f"The fingerprint {fingerprint} was not recorded. Record it with {again}.", err=True)
            return FAILED
    outputs = preflight_outputs(backend, stack, deployed)
    if problem := outputs.get(KEPT_OUT) or outputs.get(FAULT):
        click.echo(f"Not recorded: {problem}", err=True)
        return FAILED
    click.echo(
        f"The stack {stack} has recorded the wallets of {deployed.name} with the fingerprint {fingerprint}."
    )
    return 0
