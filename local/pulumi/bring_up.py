"""`pulumi up` of one of a set-up's stacks, after cleaning up what an interrupted run left in its state."""

from collections.abc import Callable, Collection, Mapping, Sequence

from clients.silent_engines import Address
from local.machine.layout import Layout
from local.pulumi.docker_plugin_change import start_stopped
from local.pulumi.docker_plugin_choice import DockerPlugin, recorded
from local.pulumi.partial_up import Target, bring_up_parts
from local.stacks.files import stack_config
from local.stacks.missing_nodes import refuse_missing
from local.stacks.stack import with_stack_file
from local.stacks.states import has_pending_creates, require_unlocked, resources

_LEFT = {
    None: "",
    DockerPlugin.STAND_IN: ", and the containers and networks that it created are adopted",
    DockerPlugin.OFFICIAL: "; a container that it created may still have its name (docs/stacks.md)",
}
"""End of the message about a killed run's leftovers, by docker plugin."""


def bring_up(
    layout: Layout,
    stack: str,
    env: Mapping[str, str],
    again: str = "make up",
    after: Callable[[], None] = lambda: None,
) -> int:
    """Update all hosts that answer (local/pulumi/partial_up.py), and show the progress; return the exit code.

    `again` is the command to repeat for hosts that do not answer. `after` is called if nothing failed.
    """
    require_unlocked(layout, stack)
    refuse_missing(layout, stack)

    def is_interrupted() -> bool:
        if not (pending := has_pending_creates(layout, stack)):
            return False
        print(
            f"• an interrupted run left pending operations in the state: they are removed"
            f"{_LEFT[recorded(layout)]}"
        )
        return pending

    def start(dead: Collection[Address]) -> None:
        if recorded(layout) is DockerPlugin.OFFICIAL:
            start_stopped(layout, stack, env, {address.engine for address in dead})

    def up(options: Sequence[str]) -> int:
        target = Target(
            options=options,
            config=stack_config(stack),
            env=env,
            log=layout.update_log,
            resources=lambda: resources(layout, stack),
            is_interrupted=is_interrupted,
            again=again,
        )
        return bring_up_parts(target, start, after)

    return with_stack_file(layout, stack, env, up)
