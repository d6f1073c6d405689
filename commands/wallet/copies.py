"""`skyinfra wallet copies`: the copies of a node's wallet on its host."""

from collections.abc import Sequence

import click

from clients.fingerprint import Fingerprint, digest, summary
from commands.backend import Choice
from commands.options import chosen, examples, with_stack
from commands.wallet_options import node_in
from display.columns import columns
from display.units import count_of
from wallets.errors import WalletError
from wallets.files.fingerprint import fingerprint_of
from wallets.volumes.of_node import volume_of

HEADS = ("COPY (UTC)", "WALLETS", "FINGERPRINT", "COMPARED WITH NOW")
"""Heads of the table of copies."""


@click.command(
    "copies",
    short_help="List the copies of a node's wallet on its host.",
    epilog=examples("./skyinfra wallet copies node-1"),
)
@click.argument("node")
@with_stack
def list_copies(node: str, stack: str | None, backend: Choice) -> int:
    """List the copies of the wallets on the host of NODE, oldest first.

    It compares each with the wallets as they are now. `wallet restore NODE --copy TIME` goes back to one.
    """
    selected, name = chosen(stack, backend)
    deployed = node_in(selected, name, node)
    volume = volume_of(deployed)
    try:
        now = digest(fingerprint_of(volume.read()))
    except WalletError as error:
        click.echo(f"Not compared with the wallets as they are now: {error}.", err=True)
        now = ""
    rows = [_row(copy, fingerprint_of(files), now) for copy, files in volume.all_copies()]
    if rows:
        click.echo(columns([HEADS, *rows]))
    count = count_of(len(rows), "copy", "copies")
    click.echo(f"{count} of {deployed.wallet} on host {deployed.host}, in {deployed.copies_volume}", err=True)
    return 0


def _row(copy: str, wallets: Fingerprint, now: str) -> Sequence[str]:
    """Row of a copy; `now` is the fingerprint of the wallets as they are, or empty if it is unknown."""
    compared = "" if not now else "the same wallets" if digest(wallets) == now else "different"
    return copy, summary(wallets), digest(wallets), compared
