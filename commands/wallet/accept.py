"""`skyinfra wallet accept`: a node's wallets as they are now."""

import click

from catalogue.exit_codes import FAILED
from clients.fingerprint import digest, summary
from commands.backend import Choice
from commands.options import chosen, examples, with_stack
from commands.wallet.recording import record_wallets
from commands.wallet_options import node_in
from wallets.volumes.of_node import fingerprint_on_host


@click.command(
    "accept",
    short_help="Accept a node's wallets as they are now.",
    epilog=examples("./skyinfra wallet accept node-1", "./skyinfra wallet accept node-1 3f2a9c01d4e5b6a7"),
)
@click.argument("node")
@click.argument("fingerprint", default="")
@with_stack
def accept_wallet(node: str, fingerprint: str, stack: str | None, backend: Choice) -> int:
    """Record the wallets of NODE as they are now, if they have FINGERPRINT.

    `up` refuses a wallet volume that has lost a wallet, that is older than it was, or that is another
    volume. Without FINGERPRINT, this shows the contents of the volume, and changes nothing.
    """
    selected, name = chosen(stack, backend)
    with selected.changing(name, "wallet accept"):
        deployed = node_in(selected, name, node)
        wallets = fingerprint_on_host(deployed)
        current = digest(wallets)
        if fingerprint == current:
            return record_wallets(selected, name, deployed, current)
        for file, chains in sorted(wallets.items()):
            click.echo(f"  {file}: {summary({file: chains}).partition(' with ')[2]}")
        click.echo(f"{deployed.wallet} on host {deployed.host} has the fingerprint {current}")
        if fingerprint:
            click.echo(f"It is not {fingerprint}: nothing was recorded.", err=True)
            return FAILED
        return 0
