"""`skyinfra wallet`: copies, backup, restore, adoption and acceptance of a node's wallets."""

import click

from commands.wallet.accept import accept_wallet
from commands.wallet.adopt import adopt_wallet
from commands.wallet.backups import backup_wallet, check_backup, drill_backup, list_backups, verify_backup
from commands.wallet.copies import list_copies
from commands.wallet.restore import restore_wallet


@click.group()
def wallet() -> None:
    """Back up, verify, restore, adopt and accept wallets."""


for command in (
    backup_wallet,
    list_backups,
    verify_backup,
    check_backup,
    drill_backup,
    list_copies,
    restore_wallet,
    accept_wallet,
    adopt_wallet,
):
    wallet.add_command(command)
