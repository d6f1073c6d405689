"""`pulumi up` of one of this machine's stacks, after what an interrupted run left in its state."""

from collections.abc import Mapping

from local.layout import Layout
from local.pulumi_cli import pulumi
from local.retire import refuse_missing
from local.stack import has_pending_creates, refuse_while_locked


def bring_up(layout: Layout, stack: str, env: Mapping[str, str]) -> int:
    """Exit code of pulumi, with its output on the screen."""
    refuse_while_locked(layout, stack)
    refuse_missing(layout, stack)
    quiet = ["--yes", "--suppress-outputs", "--stack", stack]
    if has_pending_creates(layout, stack):
        print("• an interrupted run left notes in the state: they go, and what it had made is taken over")
        code = pulumi(["refresh", "--clear-pending-creates", *quiet], env)
        if code:
            return code
    return pulumi(["up", "--refresh", *quiet], env)
