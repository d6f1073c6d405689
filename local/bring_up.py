"""`pulumi up` of one of this machine's stacks, after what an interrupted run left in its state."""

from collections.abc import Mapping

from local.docker_plugin_change import start_stopped
from local.docker_plugin_choice import DockerPlugin, kept
from local.layout import Layout
from local.missing_nodes import refuse_missing
from local.pulumi_run import pulumi
from local.stack import has_pending_creates, refuse_while_locked

_LEFT = {
    None: "",
    DockerPlugin.STAND_IN: ", and the containers and networks that it had made are taken over",
    DockerPlugin.OFFICIAL: "; a container that it had made may be in the way of its name (docs/stacks.md)",
}
"""Fate of what a killed run had made, by the docker plugin."""


def bring_up(layout: Layout, stack: str, env: Mapping[str, str]) -> int:
    """Exit code of pulumi, with its output on the screen."""
    refuse_while_locked(layout, stack)
    refuse_missing(layout, stack)
    if kept(layout) is DockerPlugin.OFFICIAL:
        start_stopped(layout, stack, env)
    quiet = ["--yes", "--suppress-outputs", "--stack", stack]
    if has_pending_creates(layout, stack):
        print(f"• an interrupted run left notes in the state: they are removed{_LEFT[kept(layout)]}")
        code = pulumi(["refresh", "--clear-pending-creates", *quiet], env, layout.update_log)
        if code:
            return code
    return pulumi(["up", "--refresh", *quiet], env, layout.update_log)
