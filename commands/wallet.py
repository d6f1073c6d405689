"""`skyinfra wallet`: backup and restore of a node's wallets."""

from pathlib import Path

import click

from commands.backend import Choice
from commands.options import chosen, examples, folder, with_stack
from wallets.backup_files import default_folder
from wallets.commands import backup, restore_copy, restore_file, volume_of
from wallets.nodes import node_of


@click.group()
def wallet() -> None:
    """Back up and restore the wallets of a node."""


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
@with_stack
@folder(
    "--into",
    help_text="Folder for a backup of the current wallets, made before the restore.",
    default=default_folder(),
)
def restore_wallet(node: str, file: str, copy: str, stack: str | None, backend: Choice, into: Path) -> None:
    """Put the wallets of a backup, or of a copy on the host, back into the volume of NODE.

    The node is stopped meanwhile. Backs up the volume's current contents first. Wallets that are not in
    the backup stay.
    """
    if bool(file) == bool(copy):
        raise click.UsageError("give one source: FILE, or --copy TIME for a copy on the node's host")
    found, name = chosen(stack, backend)
    with found.changing(name, "wallet restore"):
        deployed = node_of(name, node, found.resources(name))
        volume, aside = volume_of(deployed), into.expanduser().absolute()
        if copy:
            restore_copy(deployed, volume, copy, aside)
        else:
            restore_file(deployed, volume, Path(file).expanduser(), aside)
