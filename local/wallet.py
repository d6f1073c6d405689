"""`make wallet-backup` and `make wallet-restore`: the package `wallets` over what this machine has set up."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from local.layout import Layout
from local.pulumi_cli import known_environment
from local.stack import refuse_while_locked, resources
from local.steps import SetupError
from wallets.backup_files import default_folder
from wallets.commands import backup, restore_copy, restore_file, volume_of
from wallets.errors import WalletError
from wallets.nodes import DeployedNode, node_of


def wallet_backup(layout: Layout, arguments: argparse.Namespace) -> int:
    """Back up the wallets of one node into a new file."""
    try:
        node = find_node(layout, arguments)
        backup(node, volume_of(node), _folder(arguments))
    except WalletError as error:
        raise SetupError(str(error)) from None
    return 0


def wallet_restore(layout: Layout, arguments: argparse.Namespace) -> int:
    """Put the wallets of a backup file, or of a copy on the host, back."""
    if bool(arguments.file) == bool(arguments.copy):
        raise SetupError(
            "Give one source: make wallet-restore NODE=… FILE=BACKUP.tar.gz, or COPY=TIME, a copy on the "
            "node's host (a name that is not there lists them)."
        )
    refuse_while_locked(layout, arguments.stack)
    try:
        node = find_node(layout, arguments)
        volume = volume_of(node)
        if arguments.file:
            restore_file(node, volume, Path(arguments.file).expanduser(), _folder(arguments))
        else:
            restore_copy(node, volume, arguments.copy, _folder(arguments))
    except WalletError as error:
        raise SetupError(str(error)) from None
    return 0


def find_node(layout: Layout, arguments: argparse.Namespace) -> DeployedNode:
    """The node that NODE and STACK name. Raises SetupError, WalletError."""
    if not arguments.node:
        raise SetupError("NODE is missing: give the node's name in the stack, such as NODE=node-1.")
    _take_over(known_environment(layout))
    return node_of(arguments.stack, arguments.node, resources(layout, arguments.stack))


def _take_over(env: Mapping[str, str]) -> None:
    """Let the engine of this set-up be the one that a host without an address means."""
    os.environ.update(env)


def _folder(arguments: argparse.Namespace) -> Path:
    return Path(arguments.into).expanduser().absolute() if arguments.into else default_folder()
