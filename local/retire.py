"""`make retire NODE=…`: take one node out of a stack. Its container and network go, its volumes stay."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.layout import PROJECT, Layout
from local.pulumi_cli import known_environment
from local.pulumi_run import pulumi
from local.stack import (
    STACK,
    is_own,
    refuse_while_locked,
    remove_setting,
    resources,
    stack_config,
    stack_file,
)
from local.steps import SetupError
from local.wallet import find_node
from wallets.errors import WalletError
from wallets.nodes import DeployedNode, nodes_of


def retire(layout: Layout, arguments: argparse.Namespace) -> int:
    """Destroy all of a node but its volumes, and take its line out of the stack's file."""
    stack, name, env = arguments.stack, arguments.node, known_environment(layout)
    refuse_while_locked(layout, stack)
    listed = name in _listed(stack)
    if listed and name not in nodes_of(resources(layout, stack)) and is_own(stack):
        # What a retire that was interrupted had left to do.
        remove_setting(layout, stack, f"skycoin:nodes.{name}", env)
        print(f"{name} was taken out of {_file(stack)}; the state of {stack} did not have it.")
        return 0
    try:
        node = find_node(layout, arguments)
    except WalletError as error:
        raise SetupError(str(error)) from None
    if listed and not is_own(stack):
        raise SetupError(
            f"Take {name} out of {_file(stack)} first: git tracks that file, so it is yours to edit. "
            "With that line the next `up` would make the node again."
        )
    if code := _destroy(layout, node, stack, env):
        return code
    if listed:
        remove_setting(layout, stack, f"skycoin:nodes.{name}", env)
    print(f"\n{name} is retired. Kept on host {node.host}: {kept(node)}.")
    print("To bring it back, write its line again: `up` takes the volumes that are there.")
    return 0


def _destroy(layout: Layout, node: DeployedNode, stack: str, env: Mapping[str, str]) -> int:
    """Exit code of pulumi. Where it fails, the wallet is protected again."""
    options = ["--yes", "--stack", stack]
    for urn in node.protected:
        if code := pulumi(layout, ["state", "unprotect", urn, *options], env):
            return code
    targets = [part for urn in node.urns for part in ("--target", urn)]
    code = pulumi(layout, ["destroy", "--suppress-outputs", *options, *targets], env)
    if code:
        for urn in node.protected:
            pulumi(layout, ["state", "protect", urn, *options], env)
    return code


def _listed(stack: str) -> Mapping[str, Any]:
    """Nodes of the stack's file; what is no mapping is an error that the program reports."""
    nodes = stack_config(stack).get("skycoin:nodes")
    return nodes if isinstance(nodes, dict) else {}


def kept(node: DeployedNode) -> str:
    """The volumes of a node that outlive it."""
    data = f", data volume {node.data}" if node.data else ""
    return f"wallet volume {node.wallet}, its copies in {node.backups}{data}"


def refuse_missing(layout: Layout, stack: str) -> None:
    """Raise SetupError where a node of the state has left the stack's file: its wallet is protected."""
    wanted = _listed(stack)
    renamed = {node.get("renamed-from") for node in wanted.values() if isinstance(node, dict)}
    for name, node in nodes_of(resources(layout, stack)).items():
        if name not in wanted and name not in renamed:
            where = "" if stack == STACK else f" STACK={stack}"
            raise SetupError(
                f"{name} is a node of the stack {stack}, but is not in {_file(stack)} any more. "
                f"To take it out: `make retire NODE={name}{where}`. Its container and network go then, and "
                f"on host {node.host} there stay: {kept(node)}. If it was renamed, write "
                f"`renamed-from: {name}` under its new name; otherwise put its line back. "
                "Nothing was changed."
            )


def _file(stack: str) -> Path:
    return stack_file(stack).relative_to(PROJECT)
