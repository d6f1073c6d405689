"""`skyinfra fleet`: commands for all hosts of a stack at once."""

import click

from commands.fleet_check import check
from commands.fleet_clean import clean_hosts
from commands.fleet_status import status
from commands.fleet_up import up


@click.group()
def fleet() -> None:
    """Check, update, watch and clean the hosts of a stack."""


for command in (check, clean_hosts, up, status):
    fleet.add_command(command)
