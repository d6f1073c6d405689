"""`skyinfra fleet check`: a check that the hosts of a stack can take its nodes."""

import json

import click

from catalogue.exit_codes import PART, REFUSED
from clients.host_checks import Level
from commands.backend import Choice, enter_set_up
from commands.options import chosen, examples, with_stack
from display.errors import UserError
from display.progress import working
from fleet.check import as_json, table, worst
from fleet.check import check as check_hosts
from fleet.wanted import planned_hosts, settings_of
from local.machine.layout import read_layout
from local.stacks.files import stack_config, stack_file

_CODES = {Level.REFUSED.value: REFUSED, Level.UNKNOWN.value: PART}


@click.command(
    short_help="Check every host before it gets nodes.",
    epilog=examples("./skyinfra fleet check", "./skyinfra fleet check -s fleet --json"),
)
@with_stack
@click.option("--json", "machine_readable", is_flag=True, help="Print JSON instead of a table.")
def check(stack: str | None, backend: Choice, machine_readable: bool) -> int:
    """Ask all hosts of the stack's file, ten at a time, and report what `up` would refuse or warn about.

    Changes nothing. Each finding has its host, its remedy and its key in the YAML. The exit code is 3 if `up`
    would be refused on a host, and 4 if nothing is refused but a host could not be checked.
    """
    if stack:
        enter_set_up(read_layout(), backend)
        name = stack
    else:
        _, name = chosen(stack, backend)
    if not stack_file(name).exists():
        raise UserError(f"There is no stack {name!r}: {stack_file(name)} does not exist.")
    wanted = planned_hosts(settings_of(stack_config(name), stack_file(name)))
    with working(f"hosts of the stack {name}"):
        checked = check_hosts(wanted)
    if machine_readable:
        click.echo(json.dumps({"stack": name, "hosts": as_json(checked)}, indent=2))
    else:
        click.echo(table(checked) if checked else f"The stack {name} has no hosts.")
    return _CODES.get(worst(checked), 0)
