"""`skyinfra node`: move, roll back or retire a node, and show the login of its web interface."""

import click

from commands.node.move import move
from commands.node.password import password
from commands.node.retire import retire
from commands.node.rollback import lift_rollback, rollback


@click.group()
def node() -> None:
    """Move, roll back or retire a node; show its login. Wallets stay."""


for command in (rollback, lift_rollback, move, retire, password):
    node.add_command(command)
