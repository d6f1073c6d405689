"""`skyinfra wallet restore`: wallets from a backup, a copy on the host, or a temporary copy."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from clients.fingerprint import digest
from commands.backend import Choice
from commands.options import chosen, examples, with_stack
from commands.wallet.recording import preflight_outputs, record_wallets
from commands.wallet_options import folder_option, node_in, read_identities, with_identity, with_recipients
from local.stacks.files import stack_config
from providers.skycoin.wallet_identity import remembered
from wallets.backups.folder import backup_folder, load_file
from wallets.backups.format import read
from wallets.backups.policy import recipients_of, rules_of
from wallets.backups.restore import Restoring, restore_copy, restore_file, restore_temporary
from wallets.volumes.of_node import fingerprint_on_host, volume_of


@click.command(
    "restore",
    short_help="Restore the wallets from a backup or a copy.",
    epilog=examples(
        "./skyinfra wallet restore node-1 FILE --identity wallet-key.txt",
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
    help="Name of a copy on the node's host, instead of FILE; `wallet copies NODE` lists them.",
)
@click.option(
    "--temporary",
    metavar="FILE",
    default="",
    help="Name of a temporary copy next to the wallet, left by an interrupted save.",
)
@with_stack
@with_identity
@folder_option("--backup-to", "Place for a backup of the current wallets, made before the restore.")
@with_recipients
@click.option("--other-node", is_flag=True, help="Restore a backup of another node.")
@click.option("--older", is_flag=True, help="Accept the loss of addresses that the backup lacks.")
def restore_wallet(
    node: str,
    file: str,
    copy: str,
    temporary: str,
    stack: str | None,
    backend: Choice,
    keys: Sequence[str],
    where: str,
    ssh_options: Sequence[str],
    given: Sequence[str],
    recipient_files: Sequence[Path],
    other_node: bool,
    older: bool,
) -> int:
    """Restore the wallets from a backup, a copy on the host, or a temporary copy, into the volume of NODE.

    The node is stopped in the meantime. Backs up the volume's current contents first, encrypted if recipients
    are known. Wallets that are not in the backup stay. FILE is a path or an ssh:// address.
    """
    if [bool(file), bool(copy), bool(temporary)].count(True) != 1:
        raise click.UsageError(
            "give one source: FILE, --copy TIME for a copy on the node's host, or --temporary FILE for one "
            "next to the wallet"
        )
    selected, name = chosen(stack, backend)
    restoring = Restoring(
        folder=backup_folder(where, ssh_options),
        recipients=recipients_of(rules_of(stack_config(name)), given, recipient_files),
        other_node=other_node,
        older=older,
    )
    known = read_identities(keys)
    with selected.changing(name, "wallet restore"):
        deployed = node_in(selected, name, node)
        restoring = replace(restoring, recorded=remembered(preflight_outputs(selected, name, deployed)))
        volume = volume_of(deployed)
        if copy:
            restored = restore_copy(deployed, volume, copy, restoring)
        elif temporary:
            restored = restore_temporary(deployed, volume, temporary, restoring)
        else:
            given_file = read(file, load_file(file, ssh_options))
            restored = restore_file(deployed, volume, given_file, known, restoring)
        # The next `up` must find these wallets.
        return record_wallets(selected, name, deployed, digest(fingerprint_on_host(deployed, restored)))
