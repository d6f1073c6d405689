"""`skyinfra node`: changes to a node that `pulumi up` refuses to make alone."""

import click

from commands.node.move import move
from commands.node.password import password
from commands.node.retire import retire
from commands.node.rollback import lift_rollback, rollback


@click.group()
def node() -> None:
    """Move, roll back or retire a node; its wallet stays."""


for command in (rollback, lift_rollback, move, retire, password):
    node.add_command(command)
