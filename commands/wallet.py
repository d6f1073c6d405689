"""`skyinfra wallet`: backup and restore of a node's wallets, and what its stack remembers of them."""

from pathlib import Path

import click

from clients.fingerprint import digest, summary
from commands.backend import Backend, Choice
from commands.exit_codes import FAILED
from commands.options import chosen, examples, folder, with_stack
from local.pulumi_run import pulumi
from local.stack import copied_stack_file, is_own
from providers.skycoin.wallet_identity import ACCEPTED, FAULT
from wallets.backup_files import default_folder
from wallets.commands import backup, look, restore_copy, restore_file, restore_temporary, volume_of
from wallets.nodes import DeployedNode, node_of


@click.group()
def wallet() -> None:
    """Back up, restore and accept a node's wallets."""


@wallet.command(
    "backup",
    epilog=examples(
        "./skyinfra wallet backup node-1", "./skyinfra wallet backup attic -s fleet --into /media/usb"
    ),
)
@click.argument("node")
@with_stack
@folder("--into", help_text="Folder for the backup.", default=default_folder())
def backup_wallet(node: str, stack: str | None, backend: Choice, into: Path) -> None:
    """Write the wallets of NODE into a new file.

    The file is dated, readable by you alone, and never overwrites another. The node may run. Wallets
    without a password are in the file in clear.
    """
    found, name = chosen(stack, backend)
    with found.changing(name, "wallet backup"):
        deployed = node_of(name, node, found.resources(name))
        backup(deployed, volume_of(deployed), into.expanduser().absolute())


@wallet.command(
    "restore",
    short_help="Put the wallets of a backup or a copy back.",
    epilog=examples(
        "./skyinfra wallet restore node-1 ~/skycoin-wallets/node-1-wallet-2026-11-25T18-00-00Z.tar.gz",
        "./skyinfra wallet restore node-1 --copy 2026-11-25T18-00-00Z",
        "./skyinfra wallet restore node-1 --temporary mine.wlt.tmp.f370973e",
    ),
)
@click.argument("node")
@click.argument("file", default="")
@click.option(
    "--copy",
    metavar="TIME",
    default="",
    help="Name of a copy on the node's host, instead of FILE. An unknown name prints the list of copies.",
)
@click.option(
    "--temporary",
    metavar="FILE",
    default="",
    help="Name of a temporary copy beside the wallet, which a save that did not end has left.",
)
@with_stack
@folder(
    "--into",
    help_text="Folder for a backup of the current wallets, made before the restore.",
    default=default_folder(),
)
def restore_wallet(
    node: str, file: str, copy: str, temporary: str, stack: str | None, backend: Choice, into: Path
) -> int:
    """Put the wallets of a backup, or of a copy on the host, back into the volume of NODE.

    The node is stopped meanwhile. Backs up the volume's current contents first. Wallets that are not in
    the backup stay.
    """
    if [bool(file), bool(copy), bool(temporary)].count(True) != 1:
        raise click.UsageError(
            "give one source: FILE, --copy TIME for a copy on the node's host, or --temporary FILE for one "
            "beside the wallet"
        )
    found, name = chosen(stack, backend)
    with found.changing(name, "wallet restore"):
        deployed = node_of(name, node, found.resources(name))
        volume, aside = volume_of(deployed), into.expanduser().absolute()
        if copy:
            restore_copy(deployed, volume, copy, aside)
        elif temporary:
            restore_temporary(deployed, volume, temporary, aside)
        else:
            restore_file(deployed, volume, Path(file).expanduser(), aside)
        # These wallets are what the next `up` must find.
        return _record(found, name, deployed, digest(look(deployed)))


@wallet.command(
    "accept",
    short_help="Accept what a node's wallets have become.",
    epilog=examples("./skyinfra wallet accept node-1", "./skyinfra wallet accept node-1 3f2a9c01d4e5b6a7"),
)
@click.argument("node")
@click.argument("fingerprint", default="")
@with_stack
def accept_wallet(node: str, fingerprint: str, stack: str | None, backend: Choice) -> int:
    """Record the wallets of NODE as they are now, where they have FINGERPRINT.

    `up` refuses a wallet volume that has lost a wallet, that is older than it was, or that is another one.
    Without FINGERPRINT, this shows what the volume holds, and changes nothing.
    """
    found, name = chosen(stack, backend)
    with found.changing(name, "wallet accept"):
        deployed = node_of(name, node, found.resources(name))
        wallets = look(deployed)
        there = digest(wallets)
        if fingerprint == there:
            return _record(found, name, deployed, there)
        for file, chains in sorted(wallets.items()):
            click.echo(f"  {file}: {summary({file: chains}).partition(' with ')[2]}")
        click.echo(f"{deployed.wallet} on host {deployed.host} has the fingerprint {there}")
        if fingerprint:
            click.echo(f"It is not {fingerprint}: nothing was recorded.", err=True)
            return FAILED
        return 0


def _record(backend: Backend, stack: str, deployed: DeployedNode, fingerprint: str) -> int:
    """Let the stack's state and the host remember the wallets that have this fingerprint; the exit code."""
    env = {**backend.env, ACCEPTED: fingerprint}
    with copied_stack_file(stack) as options:
        own = [] if is_own(stack) else options
        target = ["refresh", "--yes", "--skip-preview", "--target", deployed.preflight, "--stack", stack]
        if pulumi([*target, *own], env, backend.update_log):
            again = f"`./skyinfra wallet accept {deployed.name} {fingerprint}{deployed.stack_option}`"
            click.echo(f"The fingerprint {fingerprint} was not recorded. Do it with {again}.", err=True)
            return FAILED
    after = next(one for one in backend.resources(stack) if one["urn"] == deployed.preflight)
    if said := after.get("outputs", {}).get(FAULT):
        click.echo(f"Not recorded: {said}", err=True)
        return FAILED
    click.echo(
        f"The stack {stack} remembers the wallets of {deployed.name} with the fingerprint {fingerprint}."
    )
    return 0
