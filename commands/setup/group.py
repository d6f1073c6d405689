"""`skyinfra setup`: backups, adoption, keys and the registry of a set-up."""

import click

from commands.setup.adopt import adopt_stack
from commands.setup.backup import backup_setup, restore_setup, verify_setup
from commands.setup.collect import collect_registry
from commands.setup.rotate import rotate_key


@click.group()
def setup() -> None:
    """Back up, restore or adopt a set-up; change keys, free space."""


for command in (rotate_key, collect_registry, backup_setup, verify_setup, restore_setup, adopt_stack):
    setup.add_command(command)
