"""`skyinfra fleet`: commands for all hosts of a stack at once."""

import click

from commands.fleet.check import check
from commands.fleet.clean import clean_hosts
from commands.fleet.status import status
from commands.fleet.up import up


@click.group()
def fleet() -> None:
    """Check, update, watch and clean the hosts of a stack."""


for command in (check, clean_hosts, up, status):
    fleet.add_command(command)
