"""`python -m local COMMAND`: the commands behind the Makefile's targets."""

import argparse
import json
import os
import shlex
import sys
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from catalogue.exit_codes import INTERRUPTED
from catalogue.stack_outputs import Node
from clients.deployed_nodes import nodes_of
from clients.pulumi import stack_outputs
from clients.signals import interrupt_on_all
from display.errors import UserError
from local import teardown
from local.machine.layout import Layout, as_owner, read_layout
from local.machine.services import running_pid
from local.machine.steps import SetupError, fail
from local.pulumi import cli
from local.pulumi.bring_up import bring_up
from local.pulumi.command import pulumi
from local.registry.server import NAME as REGISTRY
from local.setup import claim_state, set_up
from local.stacks.files import STACK, is_own, stack_config, stack_file
from local.stacks.lock import exclusive
from local.stacks.missing_nodes import refreshing, refuse_missing
from local.stacks.stack import preview_copy, with_stack_file
from local.stacks.states import own_stacks, resources
from local.state_move import moved
from wallets.backups.policy import rules_of
from wallets.backups.records import newest_backup


def up(layout: Layout, _: argparse.Namespace) -> int:
    """Set up what is missing, then run `pulumi up` of the stack `local`."""
    first = "it takes 12 to 21 minutes on 2 cores the first time, most of it compiling"
    took = "it takes about 10 seconds if nothing has changed" if cli.is_set_up(layout) else first
    print(f"Sets this machine up and runs the node: {took}.")
    env = set_up(layout)
    return bring_up(layout, STACK, env, after=lambda: _report(layout, env))


def _report(layout: Layout, env: dict[str, str]) -> None:
    """Print one paragraph per deployed node, with its address if it is on this machine's engine."""
    config = stack_config()
    hosts, rules = config.get("skycoin:hosts", {}), rules_of(config)
    deployed = nodes_of(STACK, resources(layout, STACK))
    for name, node in stack_outputs(STACK, env).get("nodes", {}).items():
        if name not in deployed:
            continue  # its host has not answered yet
        here = hosts.get(node["host"], {}).get("engine") == "local"
        print(f"\n{name}: {_address(node) if here else 'on host ' + node['host']}")
        if login := node.get("login"):
            print(f"  its web interface and API require a login: `{login}` shows it")
        print(f"  image {node['image']}")
        print(f"  wallet volume {node['wallet_volume']} (kept by every make target)")
        backup, falls_short = newest_backup(
            layout.backup_records, deployed[name], rules.backup_age, rules.recipients
        )
        print(f"  {'WARNING: ' if falls_short else ''}{backup}")


def _address(node: Node[str]) -> str:
    """Address of a node, and its version if it answers without a login."""
    return node["rpc"] if "login" in node else _version(node["rpc"])


def _version(rpc: str) -> str:
    try:
        with urllib.request.urlopen(f"{rpc}/api/v1/version", timeout=10) as answer:
            version = json.load(answer)
    except OSError as error:
        return f"{rpc} does not answer: {error}"
    # Without a web interface the address alone answers 404.
    return f"{rpc}/api/v1/health, skycoin {version['version']} ({version['commit'][:12]})"


def preview(layout: Layout, arguments: argparse.Namespace) -> int:
    """Run `pulumi preview --refresh`; leave no new state and no new file behind."""
    env = cli.known_environment(layout)
    refuse_missing(layout, arguments.stack)
    if running_pid(layout, REGISTRY) is None:
        print("The services of the set-up are stopped, so not all can be asked: `make up` starts them.")
    with preview_copy(layout, arguments.stack, env) as (options, aside):
        refresh = refreshing(arguments.stack, partial(resources, layout))
        command = ["preview", *refresh, "--diff", *options]
        return pulumi(command, aside, layout.update_log)


def destroy(layout: Layout, arguments: argparse.Namespace) -> int:
    """Destroy a stack's resources except volumes and published images, and list the volumes that stay."""
    env = cli.known_environment(layout)
    stack = arguments.stack
    if is_own(stack) and stack_file(stack).exists() and stack not in own_stacks(layout):
        print(f"The stack {stack} is empty.")
        return 0
    nodes = nodes_of(stack, resources(layout, stack)).values()
    # Without running the program: a destroy needs only the state, whatever the settings are now.
    command = ["destroy", "--exclude-protected", "--yes"]
    code = with_stack_file(
        layout, arguments.stack, env, lambda options: pulumi([*command, *options], env, layout.update_log)
    )
    if code == 0:
        print("\nKept: wallet, data and home volumes, and everything published in registries.")
        for node in nodes:
            print(f"  {node.name}, on host {node.host}: {node.kept}")
    return code


def print_environment(layout: Layout, _: argparse.Namespace) -> int:
    """Print shell lines for `eval "$(make -s env)"`."""
    for name, value in cli.known_environment(layout).items():
        print(f"export {name}={shlex.quote(value)}")
    # This variable would override the set-up's passphrase file.
    print("unset PULUMI_CONFIG_PASSPHRASE")
    return 0


CHANGING = ("up", "down", "destroy")
"""Commands that must not run at the same time."""


def _alone(layout: Layout, command: str) -> AbstractContextManager[None]:
    """The set-up's lock if there is a set-up and the command changes it; `up` first claims the state."""
    if command == "up":
        claim_state(layout)
    with as_owner(layout):
        is_set_up = (layout.state / "passphrase").exists()
    return exclusive(layout, f"make {command}") if command in CHANGING and is_set_up else nullcontext()


def main() -> int:
    """Parse the command and run it; an error for the user becomes one message and exit code 1."""
    commands: dict[str, Callable[[Layout, argparse.Namespace], int]] = {
        "up": up,
        "down": teardown.down,
        "preview": preview,
        "destroy": destroy,
        "env": print_environment,
    }
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("command", choices=commands)
    parser.add_argument("--stack", default=STACK)
    parser.add_argument(
        "--all",
        action="store_true",
        help="down: also remove containers, the local registry with its keys, plugins, logs and the layers "
        "of the builder. Volumes, states, the passphrase, built tools and most of what up changed in the "
        "system stay",
    )
    arguments = parser.parse_args()
    interrupt_on_all()
    # The set-up has a passphrase file; a variable from elsewhere, often empty, would override it.
    os.environ.pop("PULUMI_CONFIG_PASSPHRASE", None)
    try:
        layout = read_layout()
        if arguments.command == "up":
            layout = moved(layout)
        with _alone(layout, arguments.command):
            return commands[arguments.command](layout, arguments)
    except UserError as error:
        return fail(error)
    except OSError as error:
        if error.filename is None:  # not of a file: the traceback is needed
            raise
        return fail(SetupError(f"{error.filename}: {error.strerror}. Then run the same command again."))
    except KeyboardInterrupt:
        resumes = ", which continues where it stopped" if arguments.command in CHANGING else ""
        fail(SetupError(f"interrupted; run the same command again{resumes}"))
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
