"""`skyinfra wallet adopt`: the wallets of a plain `docker run`."""

from collections.abc import Sequence
from typing import Any

import click

from catalogue.exit_codes import FAILED
from clients.deployed_nodes import nodes_of
from clients.fingerprint import digest, summary
from commands.agreement import proceeds
from commands.backend import Backend, Choice
from commands.deployed import deployed_node
from commands.options import chosen, examples, with_stack
from commands.wallet.recording import preflight_outputs, record_wallets
from providers.skycoin.wallet_identity import remembered
from wallets.adoption.owner import refuse_managed, refuse_moved
from wallets.adoption.reading import read_folder, wallets_of
from wallets.adoption.source import Source
from wallets.adoption.users import refuse_removal, stop_command, stopped, users_of
from wallets.adoption.writing import adopt, refuse_occupied
from wallets.files.contents import Contents
from wallets.files.fingerprint import fingerprint_of
from wallets.moving import refuse_less
from wallets.volumes.of_node import fingerprint_on_host, volume_of


@click.command(
    "adopt",
    short_help="Take over the wallets of a plain `docker run`.",
    epilog=examples(
        "./skyinfra wallet adopt node-1 --from old-skycoin",
        "./skyinfra wallet adopt node-1 --from old-volume:/.skycoin/wallets",
    ),
)
@click.argument("node")
@click.option(
    "--from",
    "origin",
    metavar="CONTAINER|VOLUME[:FOLDER]",
    required=True,
    help="Container or volume on the node's host. Without FOLDER: in a container /wallet or "
    "/root/.skycoin/wallets, whichever has wallets; in a volume its top folder.",
)
@click.option("--yes", is_flag=True, help="Without asking, stop the containers that use the wallets.")
@with_stack
def adopt_wallet(node: str, origin: str, yes: bool, stack: str | None, backend: Choice) -> int:
    """Copy the wallets of a container or a volume into the empty wallet volume of NODE.

    A wallet may have only one writer: the command asks before it stops containers that use these wallets,
    and starts them again if nothing was copied. NODE is stopped in the meantime, and its stack records the
    wallets. The originals are not changed.
    """
    selected, name = chosen(stack, backend)
    with selected.changing(name, "wallet adopt"):
        resources = selected.resources(name)
        deployed = deployed_node(name, node, resources)
        source, volume = Source(deployed, *_named(origin)), volume_of(deployed)
        state = preflight_outputs(selected, name, deployed)
        nodes = nodes_of(name, resources).values()
        refuse_managed(source, [other for other in nodes if other.name != deployed.name])
        refuse_moved(source)
        folder, first = read_folder(source)
        refuse_occupied(deployed, volume, first)
        _refuse_loss(source, first, state)
        users = users_of(source)
        refuse_removal(source, users, folder)
        click.echo(f"{source.where}: {summary(fingerprint_of(first))}")
        if users and not _is_agreed(source, users, yes=yes):
            return FAILED
        with stopped(source, users) as stay:
            contents = wallets_of(source)
            _refuse_loss(source, contents, state)
            adopt(source, volume, contents, stay)
        return _adopted(selected, source, contents)


def _refuse_loss(source: Source, contents: Contents, state: dict[str, Any]) -> None:
    """Raise WalletError if the wallets lack any that the node's stack has recorded."""
    way = f"First: `{source.node.wallet_command('accept')}`"
    refuse_less(source.where, contents, remembered(state), way)


def _adopted(backend: Backend, source: Source, contents: Contents) -> int:
    """Report the copied wallets, and record them in the stack; return the exit code."""
    deployed, wallets = source.node, fingerprint_of(contents)
    click.echo(f"{deployed.wallet} on host {deployed.host}: {summary(wallets)}, from {source.where}")
    if fingerprint_on_host(deployed) != wallets:
        click.echo("The node has changed them in the meantime: nothing was recorded.", err=True)
        return FAILED
    click.echo(
        f"{source.where} keeps its files, but its wallets are only a copy now: no node may use them again. "
        f"Once `skycoin-cli listWallets` in {deployed.name} lists them, and you have a backup, remove it by "
        "hand."
    )
    return record_wallets(backend, deployed.stack, deployed, digest(wallets))


def _named(origin: str) -> tuple[str, str]:
    name, _, folder = origin.partition(":")
    return name, folder


def _is_agreed(source: Source, users: Sequence[Any], *, yes: bool) -> bool:
    """Ask for permission to stop the containers that use the adopted wallets."""
    command = stop_command(source, users)
    click.echo(
        f"Wallets of {source.where} may still be written to, but a wallet may have only one writer. "
        f"This stops the containers: `{command}`"
    )
    return proceeds(yes=yes)
