"""`skyinfra release`: record and audit of a release, pinned versions, and retention of builds."""

import click

from commands.release.audit import audit
from commands.release.pin_plugins import pin_plugins
from commands.release.pins import pins
from commands.release.record import record
from commands.release.retain import retain


@click.group()
def release() -> None:
    """Record and audit releases; show pins; remove old builds."""


for command in (record, audit, pins, pin_plugins, retain):
    release.add_command(command)
