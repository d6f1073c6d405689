"""`skyinfra fleet up`: an update of the hosts that answer; the others are skipped."""

import click

from commands.backend import Backend, Choice
from commands.options import chosen, examples, with_stack
from local.pulumi.bring_up import bring_up
from local.pulumi.partial_up import Target, bring_up_parts
from local.stacks.files import stack_config


@click.command(
    short_help="`pulumi up` of all hosts that answer.",
    epilog=examples("./skyinfra fleet up", "./skyinfra fleet up -s fleet"),
)
@with_stack
def up(stack: str | None, backend: Choice) -> int:
    """Refresh and update a stack; hosts that do not answer in 20 seconds are skipped, and named.

    It does not ask for confirmation: `pulumi preview` shows what it would change. Skipped resources keep
    their state unchanged, and the next run catches up. The exit code is 4 if hosts were skipped and nothing
    failed, and 1 if anything failed or no host answers.
    """
    selected, name = chosen(stack, backend)
    again = f"./skyinfra fleet up -s {name}"
    with selected.changing(name, "fleet up"):
        if selected.layout is not None:
            return bring_up(selected.layout, name, selected.env, again)
        return bring_up_parts(_target(selected, name, again))


def _target(backend: Backend, stack: str, again: str) -> Target:
    """Target for a stack of an installed Pulumi, whose user handles interrupted runs."""
    return Target(
        options=["--stack", stack],
        config=stack_config(stack),
        env=backend.env,
        log=backend.update_log,
        resources=lambda: backend.resources(stack),
        is_interrupted=lambda: False,
        again=again,
    )
