"""`skyinfra fleet`: all hosts of a stack at once."""

import click

from commands.fleet_check import check
from commands.fleet_status import status
from commands.fleet_up import up


@click.group()
def fleet() -> None:
    """Check the hosts of a stack, update them, see what runs."""


for command in (check, up, status):
    fleet.add_command(command)
