"""`skyinfra wallet accept`: a node's wallets as they are now."""

import click

from catalogue.exit_codes import FAILED
from clients.deployed_nodes import DeployedNode
from clients.fingerprint import Fingerprint, addresses, digest, summary
from commands.backend import Choice
from commands.options import chosen, examples, with_stack
from commands.wallet.recording import preflight_outputs, record_wallets
from commands.wallet_options import node_in
from providers.skycoin.wallet_identity import remembered
from wallets.asking import ask
from wallets.volumes.of_node import fingerprint_on_host, on_host


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
    volume. Without FINGERPRINT, this shows the contents of the volume, what differs from the record,
    and the command that records it; it changes nothing.
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
        volume = f"{deployed.wallet} on host {deployed.host}"
        click.echo(f"{volume} has the fingerprint {current}" if wallets else f"{volume} has no wallet")
        if fingerprint:
            click.echo(f"It is not {fingerprint}: nothing was recorded.", err=True)
            return FAILED
        click.echo(_compared(deployed, wallets, remembered(preflight_outputs(selected, name, deployed))))
        if wallets:
            click.echo(f"To record them: `{deployed.wallet_command('accept', current)}`")
        return 0


def _compared(deployed: DeployedNode, wallets: Fingerprint, recorded: Fingerprint) -> str:
    """Sentence about what the volume has lost and gained since the stack recorded its wallets."""
    if not recorded:
        return f"The stack {deployed.stack} has recorded no wallet."
    before = f"The stack {deployed.stack} has recorded {summary(recorded)}"
    if digest(wallets) == digest(recorded):
        return f"{before}: the same."
    lost = ask(deployed.host, lambda: on_host(deployed).read_wallets(recorded)).lost(recorded)
    grown = [f"{file} is new" for file in sorted(wallets) if file not in recorded]
    grown += [
        f"{file} has more addresses"
        for file in sorted(wallets)
        if file in recorded and addresses(wallets[file]) > addresses(recorded[file])
    ]
    return f"{before}. Since then: {'; '.join([*lost, *grown]) or 'other changes'}."
